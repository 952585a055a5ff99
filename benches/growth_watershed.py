"""How the watershed's cost grows: `astrolab voids find` on random points, from a file to three catalogues.

Points are uniform, or 80 % of them in clumps of 1.5 Mpc/h (normal) around 1 centre a 200 points, at 1e-3 (Mpc/h)^-3,
in a box with walls or a periodic one. CPU seconds are those of the program and its threads.

    pip install numpy astropy
    cargo build --release -p cli
    python benches/growth_watershed.py [--sizes 100000 300000 1000000]
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits

PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "release/astrolab"


def points(number, side, clustered):
    """Positions in a box, Mpc/h."""
    rng = np.random.default_rng(1)
    places = rng.random((number, 3)) * side
    if clustered:
        members = int(0.8 * number)
        centres = rng.random((max(number // 200, 1), 3)) * side
        chosen = centres[rng.integers(len(centres), size=members)]
        places[:members] = (chosen + rng.normal(0.0, 1.5, (members, 3))) % side
    return places


def run(path, side, periodic, folder):
    """CPU and wall seconds, peak memory in MB, and the last line of what was said."""
    command = ["/usr/bin/time", "-f", "%U %S %e %M", PROGRAM, "voids", "find", path, "--box", str(side)]
    command += ["--algorithm", "vide,zobov,revolver", "--no-surfaces", "--output", folder]
    done = subprocess.run(command + ["--periodic"] * periodic, check=True, capture_output=True, text=True)
    user, system, wall, peak = map(float, done.stderr.strip().splitlines()[-1].split())
    return user + system, wall, peak / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    sizes = parser.parse_args().sizes
    print("|    points | box                 | CPU, s | wall, s | peak memory, MB |")
    print("|---:|---|---:|---:|---:|")
    for periodic in (False, True):
        for clustered in (False, True):
            for number in sizes:
                side = round((number / 1e-3) ** (1 / 3), 3)
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder, "points.fits")
                    places = points(number, side, clustered)
                    columns = [fits.Column(name, "D", array=places[:, k]) for k, name in enumerate("xyz")]
                    fits.BinTableHDU.from_columns(columns).writeto(path)
                    cpu, wall, peak = run(path, side, periodic, Path(folder, "found"))
                box = ("periodic" if periodic else "walls") + (", clustered" if clustered else ", uniform")
                print(f"| {number:9,} | {box:19} | {cpu:6.1f} | {wall:7.1f} | {peak:15,.0f} |", flush=True)


if __name__ == "__main__":
    main()
