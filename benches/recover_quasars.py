"""How well `astrolab outflows fit` finds what `astrolab data simulate` puts into its quasars.

The spectra are a survey's and not the fit's own model: 35 lines of two Gaussians, Fe II, hosts, the Balmer continuum, troughs, the
forest, redshifts 150 km/s off. Printed a quantity, range of redshift and signal to noise: how many, the median of (fit - true) /
true (for the slope fit - true), half of the middle 68 per cent of it, median and half of the middle 68 per cent of
(fit - true) / error. Bent power laws are left out; lines count where they are found.

    pip install numpy pyarrow
    cargo build --release -p cli
    python benches/recover_quasars.py TEMPLATES [QUASARS [SEED]]
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "release/astrolab").resolve()
SIGNAL_TO_NOISE = (2, 5, 10, 20)
# The Balmer edge and the continuum on both sides are in view up to the first redshift.
REDSHIFTS = ((0.3, 1.5), (1.6, 3.2))
CONTINUUM = ("SLOPE", "F3000", "FEII_UV_FLUX", "FEII_OPT_FLUX", "BALMER_EDGE", "LOGL1350", "LOGL3000", "LOGL5100")
# Lines of one component in the truth, and [O III] with its wing.
LINES = {"C IV": ("CIV1549", "broad"), "Mg II": ("MgII2799", "broad"), "H beta": ("Hb_broad", "broad"), "[O III]": ("OIII5008", "whole")}


def run(*arguments):
    subprocess.run([PROGRAM, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def rows(path):
    return pq.read_table(path).to_pylist()


def true_lines(folder):
    """Flux and FWHM of each quasar's lines; the wing of [O III] is added to its flux."""
    truth = {}
    for row in rows(Path(folder, "truth/lines.parquet")):
        truth[row["TARGETID"], row["LINE"]] = (row["FLUX"], row["FWHM"])
    for (target, line), (flux, _) in list(truth.items()):
        if line == "OIII5008_wing" and (target, "OIII5008") in truth:
            truth[target, "OIII5008"] = (truth[target, "OIII5008"][0] + flux, None)
    return truth


def found(folder, templates, signal_to_noise, quasars, seed):
    """(quantity, redshift, fit, error, truth) of everything that was fitted."""
    made = ("--snr", signal_to_noise, "--redshift", f"{REDSHIFTS[0][0]},{REDSHIFTS[-1][1]}", "--templates", templates)
    run("data", "simulate", "--quasars", quasars, "--seed", seed, *made, "--output", folder)
    truth = {row["TARGETID"]: row for row in rows(Path(folder, "truth/quasars.parquet"))}
    lines = true_lines(folder)
    values = []
    for number, coadd in enumerate(sorted(folder.rglob("coadd-*.fits"))):
        redrock = coadd.with_name(coadd.name.replace("coadd", "redrock"))
        tables = [Path(folder, f"{kind}{number}.parquet") for kind in ("quasars", "lines")]
        run("outflows", "fit", coadd, "--redshifts", redrock, "--templates", templates, "--output", tables[0], "--lines", tables[1])
        for row in rows(tables[0]):
            true = truth[row["TARGETID"]]
            if row["BREAK_WAVELENGTH"] is None:
                values += [(name, true["Z"], row[name], row[f"{name}_ERR"], true[name]) for name in CONTINUUM]
        for row in rows(tables[1]):
            for name, key in LINES.items():
                true = lines.get((row["TARGETID"], row["LINE"]))
                if (row["LINE"], row["GROUP"]) == key and true and row["GAUSSIANS"]:
                    z = truth[row["TARGETID"]]["Z"]
                    values.append((f"{name} flux", z, row["FLUX"], row["FLUX_ERR"], true[0]))
                    values.append((f"{name} FWHM", z, row["FWHM"], row["FWHM_ERR"], true[1]))
    return values


def half(values):
    low, high = np.percentile(values, [16, 84])
    return 0.5 * (high - low)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    templates = Path(sys.argv[1]).resolve()
    quasars, seed = [int(value) for value in sys.argv[2:]] + [1000, 9][len(sys.argv) - 2 :]
    print("S/N  redshift   quantity           n   difference, median   half of 68 %   pull, median   half of 68 %")
    for signal_to_noise in SIGNAL_TO_NOISE:
        with tempfile.TemporaryDirectory() as folder:
            values = found(Path(folder, "sky"), templates, signal_to_noise, quasars, seed)
        for low, high in REDSHIFTS:
            for name in dict.fromkeys(value[0] for value in values):
                these = [v[2:] for v in values if v[0] == name and low <= v[1] < high and None not in v[2:] and v[3] > 0.0 and v[4]]
                if len(these) < 20:
                    continue
                fit, error, true = np.array(these).T
                scale = 1.0 if name == "SLOPE" or name.startswith("LOGL") else true
                difference, pull = (fit - true) / scale, (fit - true) / error
                print(f"{signal_to_noise:3}  {low:3.1f}-{high:3.1f}    {name:14} {len(these):5} {np.median(difference):+17.3f}"
                      f" {half(difference):14.3f} {np.median(pull):+14.2f} {half(pull):14.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
