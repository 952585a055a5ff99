"""Side by side: our Voronoi cells against qhull's (scipy), on the real DR7 positions and on random points.

VAST, the peer for the whole V2 chain, is not on PyPI; its results on DR7 are the reference tables that
`cargo test -p voids --test watershed_dr7` compares row by row. Here its two expensive steps are repeated as it does
them (scipy.spatial.Voronoi with one ConvexHull a cell, and a joggled Delaunay), and timed. With the reference's
intermediate arrays the volumes are compared cell by cell.

    pip install numpy scipy astropy
    cargo build --release -p voids --example voronoi_volumes
    ASTROLAB_TEST_DATA=... python benches/compare_watershed.py
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.spatial import ConvexHull, Delaunay, Voronoi

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
PROGRAM = TARGET / "release/examples/voronoi_volumes"
HULLS = 3000  # cells whose volume qhull computes; its time is scaled to all cells


def ours(points):
    """Volumes and CPU seconds of our program."""
    with tempfile.TemporaryDirectory() as folder:
        source, sink = Path(folder, "in"), Path(folder, "out")
        points.astype("<f8").tofile(source)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([PROGRAM, source, sink], check=True, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return np.fromfile(sink), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def qhull(points, rng):
    """Volumes of some bounded cells, their rows, and CPU seconds for all cells as the peer spends them."""
    start = time.process_time()
    diagram = Voronoi(points)
    Delaunay(points, qhull_options="QJ")
    mesh = time.process_time() - start
    bounded = np.array([-1 not in diagram.regions[r] for r in diagram.point_region])
    rows = rng.choice(np.flatnonzero(bounded), min(HULLS, bounded.sum()), replace=False)
    start = time.process_time()
    volumes = np.array([ConvexHull(diagram.vertices[diagram.regions[diagram.point_region[i]]]).volume for i in rows])
    return volumes, rows, mesh + (time.process_time() - start) * bounded.sum() / len(rows)


def main():
    rng = np.random.default_rng(1)
    sets = {"random 1e4": rng.random((10_000, 3)), "random 1e5": rng.random((100_000, 3))}
    data = os.environ.get("ASTROLAB_TEST_DATA")
    reference = None
    if data:
        reference = np.load(Path(data, "voids/reference/v2_dr7_intermediate.npz"))
        tracers = reference["nnls"] == np.arange(len(reference["nnls"]))
        sets["SDSS DR7"] = reference["coord"][tracers]
    print(f"{'points':12} {'number':>8} {'ours, CPU s':>12} {'qhull, CPU s':>13} {'ratio':>7} {'largest difference':>19}")
    worst_of_all = 0.0
    for name, points in sets.items():
        volumes, seconds = ours(points)
        expected, rows, peer_seconds = qhull(points, rng)
        worst = np.max(np.abs(volumes[rows] / expected - 1))
        worst_of_all = max(worst_of_all, worst)
        print(f"{name:12} {len(points):8} {seconds:12.2f} {peer_seconds:13.2f} {peer_seconds / seconds:7.1f} {worst:19.1e}")
        if name == "SDSS DR7":
            whole = reference["volumes"] > 0
            difference = np.abs(volumes[whole] / reference["volumes"][whole] - 1)
            print(f"against VAST's {whole.sum()} cells: largest {difference.max():.1e}, median {np.median(difference):.1e}")
            worst_of_all = max(worst_of_all, difference.max())
    return int(worst_of_all > 1e-8)


if __name__ == "__main__":
    sys.exit(main())
