"""Side by side: reading a FITS table like SPECPHOT with astropy, Python fitsio, the Rust crates fitsio and fitsrs, and ours.

The table (127 columns, 629 bytes a row) is generated. Each reader runs in a process of its own, several times; the best
CPU time counts, user and system, from opening the file to having the columns. The sums of every column must agree.

    pip install numpy astropy fitsio
    (cd benches/fits_peers && cargo build --release)
    python benches/compare_fits.py [ROWS [REPEATS]]        # 1000000 and 3
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "fits_peers/target")) / "release/fits_peers"
OURS = ["ours", "ours-kept", "ours-parallel", "ours-parallel-kept"]
TELLS = {
    "astropy": "astropy",
    "fitsio-py": "Python fitsio",
    "fitsio": "crate fitsio (cfitsio)",
    "fitsrs": "crate fitsrs",
    "ours": "ours, batches",
    "ours-kept": "ours, whole table kept",
    "ours-parallel": "ours, batches on every core",
    "ours-parallel-kept": "ours, kept, every core",
}

# Run in a fresh interpreter: the clock starts after the imports.
PYTHON = """
import resource, sys, time
import numpy as np
reader, path, wanted = sys.argv[1:4]
wanted = wanted.split(",") if wanted else None
if reader == "astropy":
    from astropy.io import fits
else:
    import fitsio
def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
start, wall = cpu(), time.perf_counter()
if reader == "astropy":
    with fits.open(path, memmap=True) as file:
        data = file[1].data
        names = wanted or data.names
        # Native byte order, contiguous: what the others give.
        columns = {n: np.ascontiguousarray(data[n], dtype=data[n].dtype.newbyteorder("=")) for n in names}
else:
    with fitsio.FITS(path) as file:
        data = file[1].read(columns=wanted) if wanted else file[1].read()
        names = wanted or data.dtype.names
        columns = {n: np.ascontiguousarray(data[n], dtype=data[n].dtype.newbyteorder("=")) for n in names}
print("cpu", cpu() - start, sep="\\t")
print("wall", time.perf_counter() - wall, sep="\\t")
print("peak", 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, sep="\\t")
for name in names:
    values = columns[name]
    if values.dtype.kind in "SU":
        values = np.char.str_len(np.char.rstrip(values))
    # In row order, like the others: cumsum does not add in pairs.
    print("sum", name, repr(float(np.cumsum(values.ravel(), dtype="f8")[-1])), sep="\\t")
"""


def run(reader, path, count, names):
    """One reader's CPU and wall seconds, peak bytes and sums."""
    if reader in ("astropy", "fitsio-py"):
        command = [sys.executable, "-c", PYTHON, reader, path, ",".join(names) if count == 12 else ""]
    else:
        command = [PROGRAM, reader, path, str(count)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.split("\t") for line in answer.splitlines()]
    numbers = {line[0]: float(line[1]) for line in lines if len(line) == 2}
    return numbers, {line[1]: float(line[2]) for line in lines if line[0] == "sum"}


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    folder = os.environ.get("ASTROLAB_BENCH_FOLDER", tempfile.gettempdir())
    path = subprocess.run(
        [PROGRAM, "generate", folder, str(rows)], capture_output=True, text=True, check=True
    ).stdout.strip()
    megabytes = Path(path).stat().st_size / 1e6
    print(f"{rows} rows, {megabytes:.0f} MB; MB of file per CPU second, best of {repeats}\n")
    print("| reader | columns | MB/CPU-s | CPU s | wall s | peak MB | sums |\n|---|---|---|---|---|---|---|")
    for count in (12, 127):
        truth, names = None, []
        for reader in [*OURS, "astropy", "fitsio-py", "fitsio", "fitsrs"]:
            outcomes = [run(reader, path, count, names) for _ in range(repeats)]
            best = min((numbers for numbers, _ in outcomes), key=lambda numbers: numbers["cpu"])
            sums = outcomes[0][1]
            if truth is None:
                truth, names = sums, list(sums)
            agree = "agree" if sums == truth else "DIFFER: " + ", ".join(n for n in truth if sums.get(n) != truth[n])
            print(
                f"| {TELLS[reader]} | {count} | {megabytes / best['cpu']:,.0f} | {best['cpu']:.3f} | {best['wall']:.3f} "
                f"| {best['peak'] / 1e6:,.0f} | {agree} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
