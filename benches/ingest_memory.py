"""How much memory `astrolab data ingest` takes of coadds, as the tree grows: private pages apart from those of mapped files.

Simulated quasars (`data simulate --quasars N`) are written to a temporary folder and ingested, twice the first size, four
times and ten times. Memory is read from /proc/PID/status every 20 ms (Linux): RssAnon is what the program itself
holds, RssFile are pages of mapped files, which the system takes back when it needs them. CPU seconds are user and system.

    cargo build --release -p cli
    python benches/ingest_memory.py [QUASARS]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "release/astrolab").resolve()
SCALES = (1, 4, 10)


def run(arguments):
    """CPU and wall seconds, and the greatest RssAnon, RssFile and both together, in MB."""
    started = time.monotonic()
    process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = {"RssAnon": 0, "RssFile": 0, "VmRSS": 0}
    status = Path(f"/proc/{process.pid}/status")
    while True:
        done, code, usage = os.wait4(process.pid, os.WNOHANG)
        if done:
            break
        for line in status.read_text().splitlines():
            name, _, value = line.partition(":")
            if name in most:
                most[name] = max(most[name], int(value.split()[0]) // 1024)
        time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise SystemExit(f"astrolab ended with {process.returncode}: {arguments}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - started, most


def main():
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print("quasars   FITS, MB   simulate: CPU s, per CPU s, s, per s, MB   ingest: CPU s, MB per CPU s, private MB, mapped MB, both MB")
    for scale in SCALES:
        with tempfile.TemporaryDirectory() as folder:
            n, quasars = first * scale, Path(folder, "quasars")
            made, took, memory = run(["data", "simulate", "--quasars", n, "--output", quasars])
            size = sum(path.stat().st_size for path in quasars.glob("healpix/**/*.fits")) / 1e6
            taken, _, most = run(["data", "ingest", quasars / "healpix", "--archive", Path(folder, "archive")])
            print(f"{n:7} {size:10.0f} {made:17.2f} {n / made:12.0f} {took:5.2f} {n / took:6.0f} {memory['RssAnon']:4}"
                  f" {taken:16.2f} {size / taken:14.0f} {most['RssAnon']:12} {most['RssFile']:10} {most['VmRSS']:8}")  # fmt: skip


if __name__ == "__main__":
    main()
