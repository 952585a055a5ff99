"""Side by side: our void finders against VAST's results on SDSS DR7, and against pyVIDE in periodic boxes.

VAST is on no package registry: its catalogues of DR7 are the reference tables in the data folder, and the CPU seconds
shown for it are those measured when the tables were made (2 cores: VoidFinder v1.6.0 7.1; V2 with three prunings and
surfaces 333). pyVIDE (VIDE's algorithm on numpy, scipy and qhull) is on PyPI and runs here, in the same go.

    pip install numpy scipy astropy pyvide
    cargo build --release -p cli
    ASTROLAB_TEST_DATA=... python benches/compare_voids.py
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.spatial import cKDTree

PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "release/astrolab").resolve()
VAST_CPU_S = {"VoidFinder": 7.1, "V2": 333.0}  # recorded with the reference tables, see above
TOLERANCE_MPC_H = 1e-3


def cpu_seconds(command):
    """Runs a command; CPU seconds of it and its children, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, output


def spheres(path, table, names):
    with fits.open(path) as file:
        rows = file[table].data
        return np.array([rows[name] for name in names], dtype=float).T


def matched(ours, theirs, tolerance):
    """How many of theirs have one of ours at the same place and of the same radius."""
    distance, index = cKDTree(ours[:, :3]).query(theirs[:, :3])
    return int(np.sum(np.maximum(distance, np.abs(ours[index, 3] - theirs[:, 3])) < tolerance))


def dr7(data, folder):
    galaxies = Path(data, "voids/vollim_dr7_cbp_102709.fits")
    reference = Path(data, "voids/reference")
    find = [PROGRAM, "voids", "find", galaxies, "--threads", "1", "--output", folder]
    spherical, _ = cpu_seconds(
        find + ["--algorithm", "voidfinder", "--redshift", "0..0.1026", "--omega-m", "0.26", "--mask", "pixels"]
    )
    zones, _ = cpu_seconds(find + ["--algorithm", "vide,zobov,revolver", "--redshift", "0..0.1", "--omega-m", "0.3"])
    print("SDSS DR7                 ours  VAST  within 0.001   0.01   0.1 Mpc/h   ours, CPU s   VAST, CPU s (recorded)   ratio")
    files = [("VoidFinder", "voidfinder_dr7.fits", "MAXIMALS", "VoidFinder", spherical)]
    files += [(f"V2_{p.upper()}", f"v2_dr7_{p}.fits.gz", "VOIDS", "V2", zones) for p in ("vide", "zobov", "revolver")]
    for name, theirs, table, family, seconds in files:
        a = spheres(Path(folder, f"vollim_dr7_cbp_102709_{name}.fits"), table, ["X", "Y", "Z", "RADIUS"])
        b = spheres(reference / theirs, table, ["x", "y", "z", "radius"])
        near = "  ".join(f"{matched(a, b, tolerance):12}" if tolerance == 1e-3 else f"{matched(a, b, tolerance):5}"
                         for tolerance in (1e-3, 1e-2, 1e-1))
        peer = VAST_CPU_S[family]
        print(f"{name:20} {len(a):8} {len(b):5}  {near} {seconds:17.2f} {peer:17.1f} {peer / seconds:18.0f}")


def periodic_box(points, side, folder):
    """Every zone as a void, by both."""
    import pyvide

    source = Path(folder, f"box_{len(points)}.fits")
    columns = [fits.Column(name=n, format="D", unit="Mpc/h", array=points[:, k]) for k, n in enumerate("xyz")]
    fits.BinTableHDU.from_columns(columns).writeto(source)
    seconds, _ = cpu_seconds(
        [PROGRAM, "voids", "find", source, "--box", str(side), "--periodic", "--columns", "x=x,y=y,z=z"]
        + ["--algorithm", "revolver", "--least-radius", "1e-6", "--no-surfaces", "--threads", "1", "--output", folder]
    )
    ours = spheres(Path(folder, f"{source.stem}_V2_REVOLVER.fits"), "VOIDS", ["X", "Y", "Z", "RADIUS"])
    before = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    found = pyvide.identify_voids(
        str(folder), f"peer_{len(points)}", side, points, VIDE_mode="pyvide", outputs="voids", verbose=False, numThreads=1,
        numDivisions=1, guardResolution=20,  # what its documentation advises for catalogues of this size
    )
    after = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    peer = sum(a.ru_utime + a.ru_stime - b.ru_utime - b.ru_stime for a, b in zip(after, before))
    theirs = np.sort(np.asarray(found.radius, dtype=float))
    # VIDE lists no void of a single cell.
    alike = np.array([np.min(np.abs(ours[:, 3] - radius)) < 1e-4 * radius for radius in theirs])
    print(f"random {len(points):8} {len(ours):8} {len(theirs):8} {int(alike.sum()):10} {seconds:14.2f} {peer:16.2f} {peer / seconds:8.1f}")
    return alike.all() and abs(len(ours) - len(theirs)) <= 0.01 * len(theirs)


def main():
    data = os.environ.get("ASTROLAB_TEST_DATA")
    with tempfile.TemporaryDirectory() as folder:
        if data:
            dr7(data, folder)
        else:
            print("ASTROLAB_TEST_DATA is not set: no comparison on SDSS DR7")
        print("\nperiodic box      ours   pyVIDE  same radius   ours, CPU s   pyVIDE, CPU s    ratio")
        rng = np.random.default_rng(1)
        agree = [periodic_box(rng.random((n, 3)) * side, side, folder) for n, side in ((10_000, 122.0), (50_000, 208.0))]
    return int(not all(agree))


if __name__ == "__main__":
    sys.exit(main())
