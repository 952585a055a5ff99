"""How well `astrolab outflows troughs` finds the C IV absorption that `astrolab data simulate` gives its quasars.

Half of the quasars (`data simulate --quasars`, redshift 1.8 to 3.2) absorb; the redshifts are those of the redrock files, 150 km/s
off. Printed a signal to noise and index: how many have the index and how many of them are found, how many of the others are called
so (with any index, and with one of three times its error), the median difference, and mean and standard deviation of (found -
true) / error, the latter from the middle 68 per cent, and the share beyond 5.

    pip install numpy pyarrow
    cargo build --release -p cli
    python benches/recover_troughs.py [QUASARS [SEED]]
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "release/astrolab").resolve()
SIGNAL_TO_NOISE = (3, 5, 10, 20)


def run(*arguments):
    subprocess.run([PROGRAM, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def found_indices(folder, signal_to_noise, quasars, seed):
    """True BI and AI, and those found with their errors, of quasars that were searched."""
    made = ("--snr", signal_to_noise, "--redshift", "1.8,3.2", "--bal-fraction", 0.5, "--broad-components", 2)
    run("data", "simulate", "--quasars", quasars, "--seed", seed, *made, "--output", folder)
    names = ("TARGETID", "TRANSITION", "BI", "BI_ERR", "AI", "AI_ERR")
    rows = {}
    for number, coadd in enumerate(sorted(folder.rglob("coadd-*.fits"))):
        redrock, output = coadd.with_name(coadd.name.replace("coadd", "redrock")), Path(folder, f"{number}.parquet")
        run("outflows", "troughs", coadd, "--redshifts", redrock, "--lines", "CIV", "--output", output)
        columns = pq.read_table(output, columns=list(names)).to_pydict()
        rows.update({row[0]: row[2:] for row in zip(*(columns[name] for name in names))})
    truth = pq.read_table(Path(folder, "truth/quasars.parquet"), columns=["TARGETID", "BI_CIV", "AI_CIV"]).to_pydict()
    for index, true in enumerate(("BI_CIV", "AI_CIV")):
        pairs = [(value, *rows[target][2 * index : 2 * index + 2]) for target, value in zip(truth["TARGETID"], truth[true]) if target in rows]
        yield true, np.array(pairs, dtype=float).T


def main():
    quasars, seed = [int(value) for value in sys.argv[1:]] + [500, 9][len(sys.argv) - 1 :]
    print("S/N  index    have it  found, %   false, %  false at 3 sigma, %   median difference, km/s   pull mean, sd, beyond 5")
    for signal_to_noise in SIGNAL_TO_NOISE:
        with tempfile.TemporaryDirectory() as folder:
            for name, (true, found, error) in found_indices(Path(folder, "sky"), signal_to_noise, quasars, seed):
                has, both = true > 0, (true > 0) & (found > 0)
                pulls = (found - true)[both] / error[both]
                near = pulls[abs(pulls) <= 5]
                low, high = np.percentile(pulls, [16, 84])
                print(f"{signal_to_noise:3}  {name}  {has.sum():8} {100 * (found > 0)[has].mean():9.1f}"
                      f" {100 * (found > 0)[~has].mean():10.1f} {100 * (found > 3 * error)[~has].mean():20.1f}"
                      f" {np.median(abs(found - true)[has]):25.0f}   {near.mean():+9.2f} {0.5 * (high - low):5.2f}"
                      f" {100 * (1 - len(near) / len(pulls)):5.1f} %", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
