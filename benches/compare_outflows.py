"""Side by side: `astrolab outflows fit` and qsospec 0.1.1 on the same real quasar spectra of SDSS and BOSS.

qsospec (PyPI, GPL-3.0-only) is installed into a virtual environment under a temporary folder and run as a program of its
own; nothing of it is linked or copied. Both read the same numbers: the good pixels, dust and redshift are those of ours.

Model of both: one power law, Fe II (Vestergaard & Wilkes 2001 and Park et al. 2022, tables of qsospec's package), the
Balmer continuum, lines complex by complex; no host galaxy, since the peer's (pPXF) needs stellar models that are on no
registry. Errors of both are from the covariance. Each other's defaults else: the peer has fixed numbers of Gaussians
(only the [O III] wing is tested), ours chooses by the BIC; ours fits more lines and takes the instrument's width off.

CPU seconds, user and system, one thread (OMP_NUM_THREADS=1 for the peer's BLAS). Ours: a whole process a spectrum with
its start, templates, file and tables; and all in one process. The peer: `fit_global_lines` alone, after its imports and
one spectrum to warm up.

chi2 of whole models (continuum and lines) at the same pixels: a pixel at those the peer kept for its continuum; a degree of
freedom in H beta (4720 to 5100), Mg II (2700 to 2900) and C IV (1500 to 1600 Angstrom), where each one's free parameters of
these lines count. Pixels 4 sigma below both models are left out as absorption.

    cargo build --release -p cli
    ASTROLAB_TEST_DATA=... python benches/compare_outflows.py
"""

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from statistics import median

PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "release/astrolab").resolve()
PEER = "qsospec==0.1.1"
LEAST_REDSHIFT = 0.09  # a star and a galaxy are among the spectra of BOSS
# Name: our line and group, the peer's complex, and where chi2 is compared (Angstrom).
LINES = {
    "H beta": ("Hb_broad", "broad", "hbeta_oiii", (4720.0, 5100.0)),
    "[O III]": ("OIII5008", "whole", "hbeta_oiii", None),
    "Mg II": ("MgII2799", "broad", "mgii", (2700.0, 2900.0)),
    "C IV": ("CIV1549", "broad", "civ", (1500.0, 1600.0)),
}
# [O III] 5008 and the two sides between which a straight line is drawn below it, Angstrom.
DIRECT = ((4990.0, 5026.0), (4978.0, 4990.0), (5026.0, 5040.0))
PLACES = ("continuum", "H beta", "Mg II", "C IV")


def peer_line(name, fit):
    """Flux (1e-17 erg/s/cm2), its error and FWHM (km/s) of a line of the peer."""
    if name == "[O III]":
        values, errors = fit.param_values, fit.param_errors
        parts = [part for part in ("OIII5007_core.flux", "OIII5007_wing.flux") if part in values]
        flux, error = sum(values[part] for part in parts), sum(errors[part] ** 2 for part in parts) ** 0.5
        return flux, error, values["narrow.fwhm_kms"]
    prefix = {"H beta": "Hb_broad", "Mg II": "MgII_broad", "C IV": "civ_blend_broad"}[name]
    flux = fit.metrics[f"{prefix}_flux_input"] + fit.metrics.get("MgII_narrow_flux_input", 0.0)
    return flux, fit.metric_errors[f"{prefix}_flux_input"], fit.metrics[f"{prefix}_fwhm_kms"]


def direct_flux(pixels):
    """[O III] 5008 without a model (1e-17 erg/s/cm2): what lies above a straight line through its sides."""
    import numpy as np

    wavelength, flux = pixels["wavelength"], pixels["flux"]
    line, *sides = [(wavelength > start) & (wavelength < end) for start, end in DIRECT]
    beside = sides[0] | sides[1]
    if min(np.sum(line), np.sum(sides[0]), np.sum(sides[1])) < 5:
        return None
    straight = np.polyfit(wavelength[beside], flux[beside], 1)
    above = flux - np.polyval(straight, wavelength)
    return float(np.sum((above * np.gradient(wavelength))[line]))


def peer_fit(table, redshift):
    """One spectrum fitted by the peer: its CPU seconds, chi2 of (ours, peer), pixels and the peer's parameters, its lines."""
    import numpy as np
    import qsospec

    pixels = np.genfromtxt(table, delimiter=",", names=True)
    spectrum = qsospec.Spectrum.from_arrays(
        pixels["wavelength"], pixels["flux"], err=pixels["error"], z=redshift, wave_frame="rest", flux_unit="cgs",
        flux_scale=1e-17, galactic_extinction_corrected=True,
    )  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_SELF)
    result = qsospec.fit_global_lines(spectrum)
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    fits = {name: fit for name, fit in result.line_complexes.items() if fit.success}
    theirs = result.continuum.model + sum(fit.model for fit in fits.values())
    pulls = [(pixels["flux"] - model) / pixels["error"] for model in (pixels["model"], theirs)]
    absorbed = (pulls[0] < -4.0) & (pulls[1] < -4.0)
    wavelength = pixels["wavelength"]
    places = {"continuum": (result.continuum.clip_mask, 0)}
    for name, (_, _, complex_name, window) in LINES.items():
        if window and complex_name in fits:
            inside = (wavelength >= window[0]) & (wavelength <= window[1])
            places[name] = (inside, len(fits[complex_name].param_values))
    chi2 = {}
    for name, (inside, parameters) in places.items():
        kept = inside & ~absorbed
        chi2[name] = [*(float(np.sum(p[kept] ** 2)) for p in pulls), int(np.sum(kept)), parameters]
    lines = {name: peer_line(name, fits[line[2]]) for name, line in LINES.items() if line[2] in fits}
    return {"seconds": seconds, "chi2": chi2, "lines": lines, "direct": direct_flux(pixels), "converged": bool(result.continuum.success)}


def peer_main():
    """Runs inside the virtual environment: spectra as JSON on standard input, fits as JSON on standard output."""
    spectra = json.load(sys.stdin)
    peer_fit(*spectra[0])  # templates read, caches filled
    fits = [peer_fit(*spectrum) for spectrum in spectra]
    json.dump({"fits": fits, "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}, sys.stdout)


def run_ours(files, folder, *options):
    """CPU seconds and peak memory (MB) of one process, and its two tables."""
    tables = [Path(folder, "quasars.csv"), Path(folder, "lines.csv")]
    command = [PROGRAM, "outflows", "fit", *files, "--threads", "1", "--output", tables[0], "--lines", tables[1], *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"astrolab ended with {process.returncode}")
    rows = [list(csv.DictReader(table.open())) for table in tables]
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, *rows


def our_line(rows, name):
    """Flux, its error and FWHM as `peer_line`, or None where the line was not found."""
    line, group, _, _ = LINES[name]
    for row in rows:
        if row["LINE"] == line and row["GROUP"] == group and int(row["GAUSSIANS"]) > 0 and row["FLUX_ERR"]:
            return float(row["FLUX"]), float(row["FLUX_ERR"]), float(row["FWHM"] or "nan")
    return None


def our_parameters(rows, name):
    """Free parameters of our Gaussians in the window where chi2 is compared."""
    complex_name = {"H beta": "Hb", "Mg II": "MgII", "C IV": "CIV"}.get(name)
    inside = [r for r in rows if r["COMPLEX"] == complex_name and r["GROUP"] not in ("whole", "heii") and "HeII" not in r["LINE"]]
    fluxes = sum(int(row["GAUSSIANS"]) for row in inside if "4960" not in row["LINE"])  # 4960 is tied to 5008
    shapes = {row["GROUP"]: max(int(r["GAUSSIANS"]) for r in inside if r["GROUP"] == row["GROUP"]) for row in inside}
    return fluxes + 2 * sum(shapes.values())


def reduced_chi2(rows, peer, place):
    """chi2 a degree of freedom of (ours, peer), or None where not compared."""
    if place not in peer["chi2"]:
        return None
    ours, theirs, pixels, parameters = peer["chi2"][place]
    return ours / (pixels - our_parameters(rows, place)), theirs / (pixels - parameters)


def install_peer(folder):
    """A virtual environment with the peer; its Python and its folder of Fe II tables."""
    venv.create(folder, with_pip=True)
    python = Path(folder, "bin/python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER], check=True)
    ask = "import qsospec, pathlib; print(pathlib.Path(qsospec.__file__).parent / 'data/iron')"
    return python, Path(subprocess.run([python, "-c", ask], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def table_of_spectra(names, ours, theirs):
    print("spectrum            z     ours, CPU s   peer, CPU s   ratio   chi2 a dof, ours/peer: continuum, H beta, Mg II, C IV")
    for name, (seconds, quasar, lines), peer in zip(names, ours, theirs):
        chi2 = [reduced_chi2(lines, peer, place) for place in PLACES]
        texts = "  ".join(f"{pair[0]:6.2f}/{pair[1]:<6.2f}" if pair else " " * 13 for pair in chi2).rstrip()
        mark = "" if peer["converged"] else "  peer not converged"
        print(f"{name:17} {float(quasar['Z']):6.3f} {seconds:11.3f} {peer['seconds']:13.3f} {peer['seconds'] / seconds:7.0f}   {texts}{mark}")


def table_of_lines(names, ours, theirs):
    print("\nflux (1e-17 erg/s/cm2) and FWHM (km/s); the peer's FWHM of [O III] is the core's, with the instrument's width")
    print("spectrum          line          ours, flux       peer, flux    ours, FWHM   peer, FWHM")
    pairs = {name: [] for name in LINES}
    for spectrum, (_, _, rows), peer in zip(names, ours, theirs):
        for name in LINES:
            a, b = our_line(rows, name), peer["lines"].get(name)
            if a and b:
                pairs[name].append((spectrum, a, b))
                print(f"{spectrum:17} {name:8} {a[0]:9.1f} ± {a[1]:<7.1f} {b[0]:8.1f} ± {b[1]:<7.1f} {a[2]:9.0f} {b[2]:12.0f}")
    return pairs


def robust_scatter(values):
    return 1.4826 * median(abs(value - median(values)) for value in values) / median(values)


def summary(ours, together, theirs, pairs):
    ratios = [peer["seconds"] / seconds for (seconds, _, _), peer in zip(ours, theirs)]
    print(f"\nCPU s a spectrum, median: ours {median(s for s, _, _ in ours):.3f}, peer {median(p['seconds'] for p in theirs):.3f};"
          f" ratio {median(ratios):.0f} ({min(ratios):.0f} to {max(ratios):.0f})")  # fmt: skip
    total = sum(peer["seconds"] for peer in theirs)
    print(f"CPU s, all {len(theirs)}: ours in one process {together:.2f}, peer {total:.1f}; ratio {total / together:.0f}")
    for place in PLACES:
        both = [pair for (_, _, lines), peer in zip(ours, theirs) if (pair := reduced_chi2(lines, peer, place))]
        lower = sum(a < b for a, b in both)
        print(f"chi2 a dof, {place:9}: median ours {median(a for a, _ in both):.3f}, peer {median(b for _, b in both):.3f};"
              f" ours lower in {lower} of {len(both)}")  # fmt: skip
    print("lines of S/N > 5 in both: n, median of ours / peer (half of the middle 68 %) in flux, FWHM")
    for name, found in pairs.items():
        clear = [(a, b) for _, a, b in found if a[0] > 5.0 * a[1] and b[0] > 5.0 * b[1]]
        texts = []
        for at in (0, 2):
            quotients = sorted(a[at] / b[at] for a, b in clear if b[at] > 0.0)
            half = (quotients[int(0.84 * len(quotients))] - quotients[int(0.16 * len(quotients))]) / 2.0 if quotients else 0.0
            texts.append(f"{median(quotients):.2f} ({half:.2f})" if quotients else "-")
        print(f"  {name:8} {len(clear):3}   {'   '.join(texts)}")


def epochs(pairs, hosted, repeated, direct):
    print(f"one quasar at {len(repeated)} epochs (RM017), robust scatter in per cent, ours / peer / ours with a host galaxy")
    for name, at, what in (("[O III]", 0, "flux"), ("H beta", 2, "FWHM"), ("Mg II", 2, "FWHM")):
        both = [(a[at], b[at]) for spectrum, a, b in pairs[name] if spectrum in repeated]
        alone = [line[at] for rows in hosted if (line := our_line(rows, name))]
        if len(both) > 2:
            scatters = [100.0 * robust_scatter(values) for values in (*zip(*both), alone) if len(values) > 2]
            told = " / ".join(f"{scatter:.1f}" for scatter in scatters)
            print(f"  {name} {what}: {told} ({len(both)} epochs with the line in both)")
    print(f"  [O III] flux above a straight line, without a model: {100.0 * robust_scatter(direct):.1f} ({len(direct)} epochs)")


def growth(files, folder, templates, all_templates):
    print("\nours, one process, one thread: spectra, CPU s, CPU ms a spectrum, peak MB")
    runs = [(10, templates, ""), (100, templates, ""), (1000, templates, ""), (1000, all_templates, "host galaxies tried")]
    for n, where, told in runs:
        if not where.is_dir():
            continue
        copies = [files[at % len(files)] for at in range(n)]
        seconds, peak, quasars, _ = run_ours(copies, folder, "--templates", where)
        print(f"{len(quasars):7} {seconds:8.2f} {1e3 * seconds / n:8.1f} {peak:8.0f}   {told}".rstrip())


def chosen_files(data):
    """The quasar of sdss_full, every epoch of RM017, every third spectrum of BOSS."""
    repeated = sorted(data.glob("rm017/spec-*.fits"))
    files = [data / "sdss_full/spec-0332-52367-0639.fits", *repeated, *sorted(data.glob("sdss_boss/*/spec-*.fits"))[::3]]
    return files, {path.stem.removeprefix("spec-") for path in repeated}


def main():
    if "ASTROLAB_TEST_DATA" not in os.environ:
        raise SystemExit("set ASTROLAB_TEST_DATA to the folder of test data")
    if not PROGRAM.is_file():
        raise SystemExit(f"no program at {PROGRAM}: cargo build --release -p cli")
    data = Path(os.environ["ASTROLAB_TEST_DATA"]).resolve()
    files, repeated = chosen_files(data / "quasars")
    with tempfile.TemporaryDirectory() as folder:
        python, iron = install_peer(Path(folder, "peer"))
        templates, all_templates = Path(folder, "templates"), data / "templates"
        templates.mkdir()
        for name in ("vw01_uv.txt", "park22_optical.txt"):
            (templates / name).symlink_to(iron / name)
        figures = Path(folder, "figures")
        # Figures carry the pixels; this run is not timed.
        _, _, quasars, _ = run_ours(files, folder, "--templates", templates, "--plot", figures)
        redshifts = {row["NAME"]: float(row["Z"]) for row in quasars}
        names = {path: path.stem.removeprefix("spec-") for path in files}
        files = [path for path in files if redshifts.get(names[path], 0.0) > LEAST_REDSHIFT]
        ours = []
        for path in files:
            seconds, _, quasar, lines = run_ours([path], folder, "--templates", templates)
            ours.append((seconds, quasar[0], lines))
        together, _, _, _ = run_ours(files, folder, "--templates", templates)
        spectra = json.dumps([(str(figures / f"{names[path]}.csv"), redshifts[names[path]]) for path in files])
        single = os.environ | {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        answer = subprocess.run(
            [python, Path(__file__).resolve(), "--peer"], input=spectra, stdout=subprocess.PIPE, text=True, check=True, env=single
        )
        theirs = json.loads(answer.stdout)
        ordered = [names[path] for path in files]
        table_of_spectra(ordered, ours, theirs["fits"])
        pairs = table_of_lines(ordered, ours, theirs["fits"])
        direct = [fit["direct"] for name, fit in zip(ordered, theirs["fits"]) if name in repeated and fit["direct"]]
        summary(ours, together, theirs["fits"], pairs)
        hosted = [
            run_ours([path], folder, "--templates", all_templates)[3]
            for path in files
            if names[path] in repeated and all_templates.is_dir()
        ]
        epochs(pairs, hosted, repeated, direct)
        growth(files, folder, templates, all_templates)
        print(f"peer, {len(files)} spectra in one process: peak {theirs['peak_kb'] / 1024:.0f} MB")


if __name__ == "__main__":
    peer_main() if sys.argv[1:2] == ["--peer"] else main()
