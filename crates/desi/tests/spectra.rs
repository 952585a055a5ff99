//! Every real spectrum file of the data folder, through the public door.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use archive::fits::{FitsWriter, Header, ImageData};
use desi::DesiError;
use desi::spectra::{
    CoaddFile, CombinedRow, InstrumentResolution, RESOLUTION_UNIT, SpectrumFile, SpectrumKind, read_redshifts,
    read_sdss,
};

fn files_under(folder: &Path, begins: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_under(&path, begins));
        } else if path.file_name().unwrap().to_string_lossy().starts_with(begins)
            && path.extension().is_some_and(|extension| extension == "fits")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn the_three_variants_of_coadds_are_read() {
    let Some(data) = testkit::real_data() else { return };
    let fastspecfit = data.join("desi/dr1_coadd/py/fastspecfit/test/data");
    let edr = data.join("desi/edr_quasars");
    let cases = [
        (fastspecfit.join("coadd-4-80613-thru20210324.fits"), 1),
        (fastspecfit.join("coadd-special-dark-27247.fits"), 1),
        (edr.join("sv3/dark/91/9144/coadd-sv3-dark-9144.fits"), 2),
        (edr.join("tile/cumulative/coadd-1-80693-thru20210204.fits"), 5),
        (edr.join("tile/cumulative/coadd-2-80693-thru20210204.fits"), 5),
        (edr.join("bad_format/missing_scores.fits"), 2),
    ];
    for (path, targets) in cases {
        let file = CoaddFile::open(&path).unwrap();
        assert_eq!(file.len(), targets, "{}", path.display());
        for row in 0..targets {
            let spectrum = file.spectrum(row).unwrap();
            assert_eq!(spectrum.len(), 7781);
            assert!((spectrum.wavelength_angstrom[7780] - 9824.0).abs() < 1e-6);
            assert!(spectrum.n_good() > 7000, "{} good pixels in {}", spectrum.n_good(), path.display());
            let InstrumentResolution::GaussianSigma(sigma) = &spectrum.resolution else { panic!("no resolution") };
            // DESI: R = 2000 at 3600 to 5500 at 9800 Angstrom, so 0.4 to 1.2 Angstrom.
            // Pixels of dead columns keep odd rows of the matrix, so a few are outside.
            let outside = sigma.iter().filter(|sigma| !(0.3..1.5).contains(*sigma)).count();
            assert!(outside < 80, "{outside} of {} sigma outside 0.3 to 1.5", sigma.len());
        }
        assert!(file.spectrum(targets).unwrap_err().to_string().contains("expected a row below"));
    }
}

#[test]
fn arms_agree_with_the_grid_where_they_do_not_overlap() {
    let Some(data) = testkit::real_data() else { return };
    let path = data.join("desi/dr1_coadd/py/fastspecfit/test/data/coadd-4-80613-thru20210324.fits");
    let file = CoaddFile::open(&path).unwrap();
    let (spectrum, arms) = (file.spectrum(0).unwrap(), file.arms(0).unwrap());
    assert_eq!(spectrum.flux_1e17_cgs[100], arms[0].flux_1e17_cgs[100]);
    assert_eq!(spectrum.ivar[2700], arms[0].ivar[2700] + arms[1].ivar[0]);
    assert_eq!(spectrum.flux_1e17_cgs[7780], *arms[2].flux_1e17_cgs.last().unwrap());
    assert!(spectrum.ebv.is_some() && spectrum.ra_deg.is_some());
}

#[test]
fn early_files_without_fibermap_are_read() {
    let Some(data) = testkit::real_data() else { return };
    let folder = data.join("desi/early_spectra/quasarnp/tests/test_files");
    let file = SpectrumFile::open(&folder.join("test_coadd.fits")).unwrap();
    assert_eq!(file.len(), 25);
    // Some fibres were dead: all rows are read, most have light.
    let good = (0..25).filter(|row| file.spectrum(*row).unwrap().n_good() > 6000).count();
    assert!(good >= 15 && (0..25).all(|row| file.target_id(row).is_none()), "{good} of 25 with good pixels");
    let message = SpectrumFile::open(&folder.join("coadd_rebinned.fits")).unwrap_err().to_string();
    assert!(message.contains("B_WAVELENGTH"), "{message}");
}

#[test]
fn broken_coadds_say_what_is_missing() {
    let Some(data) = testkit::real_data() else { return };
    let folder = data.join("desi/edr_quasars/bad_format");
    let cases = [
        ("missing_b_color.fits", "B_FLUX"),
        ("missing_z_color.fits", "B_WAVELENGTH"),
        ("spectra-main-dark-9144.fits", "B_WAVELENGTH"),
    ];
    for (name, missing) in cases {
        let error = SpectrumFile::open(&folder.join(name)).unwrap_err();
        assert!(matches!(error, DesiError::Fits(_)), "{error:?}");
        let message = error.to_string();
        assert!(message.contains(missing) && message.contains(name), "{message}");
    }
}

#[test]
fn redshift_tables_of_every_age_are_read() {
    let Some(data) = testkit::real_data() else { return };
    let cases = [
        ("desi/dr1_coadd/py/fastspecfit/test/data/redrock-4-80613-thru20210324.fits", 1, true),
        ("desi/dr1_coadd/py/fastspecfit/test/data/redrock-special-dark-27247.fits", 1, true),
        ("desi/redrock/redrock/test/data/redrock-test.fits", 3, true),
        ("desi/edr_quasars/0/1/zbest-16-1.fits", 247, true),
        ("desi/edr_quasars/QSO_cat_fuji_dark_healpix.fits.gz", 175, false),
        ("desi/edr_quasars/QSO_cat_fuji_dark_tile.fits.gz", 10, false),
    ];
    for (name, rows, typed) in cases {
        let redshifts = read_redshifts(&data.join(name)).unwrap();
        assert_eq!(redshifts.len(), rows, "{name}");
        assert_eq!(redshifts.iter().all(|target| target.spectype.is_some() && target.zwarn.is_some()), typed, "{name}");
    }
    let spectrum = data.join("quasars/xqr30/J0923+0402_VIS.fits");
    assert!(read_redshifts(&spectrum).unwrap_err().to_string().contains("TARGETID"));
}

#[test]
fn sdss_files_with_and_without_names_are_read() {
    let Some(data) = testkit::real_data() else { return };
    let mut files = files_under(&data.join("quasars"), "spec-");
    assert!(files.len() >= 90);
    for path in files.drain(..) {
        let spectrum = read_sdss(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(spectrum.n_good() > 2000, "{}: {} good", path.display(), spectrum.n_good());
        assert!(spectrum.redshift.is_some() && spectrum.target_id.is_some());
        assert!(spectrum.ebv.is_none_or(|ebv| (0.0..0.5).contains(&ebv)), "{:?}", spectrum.ebv);
    }
    let message = read_sdss(&data.join("quasars/xqr30/J0923+0402_VIS.fits")).unwrap_err().to_string();
    assert!(message.contains("LOGLAM"), "{message}");
}

#[test]
fn x_shooter_arms_are_read_in_the_unit_of_the_others() {
    let Some(data) = testkit::real_data() else { return };
    for path in std::fs::read_dir(data.join("quasars/xqr30")).unwrap().map(|entry| entry.unwrap().path()) {
        if path.extension().is_none_or(|extension| extension != "fits") {
            continue;
        }
        let SpectrumFile::Single(SpectrumKind::XShooter, spectrum) = SpectrumFile::open(&path).unwrap() else {
            panic!("{} is not read as X-Shooter", path.display())
        };
        assert!(spectrum.n_good() > 10_000);
        let mean = spectrum.flux_1e17_cgs.iter().sum::<f64>() / spectrum.len() as f64;
        assert!(mean.abs() < 1e4, "{} mean {mean}", path.display());
    }
}

#[test]
fn combined_rows_are_the_spectra_with_their_exact_resolution() {
    let Some(data) = testkit::real_data() else { return };
    let edr = data.join("desi/edr_quasars/tile/cumulative/coadd-1-80693-thru20210204.fits");
    let dr1 = data.join("desi/dr1_coadd/py/fastspecfit/test/data/coadd-4-80613-thru20210324.fits");
    let mut combined = CombinedRow::default();
    for path in [edr, dr1] {
        let file = CoaddFile::open(&path).unwrap();
        for row in 0..file.len() {
            let spectrum = file.spectrum(row).unwrap();
            file.combine_row(row, true, &mut combined).unwrap();
            let near = |a: f64, b: f32| (a - f64::from(b)).abs() <= 1e-5 * (a.abs() + 1e-3);
            assert!(spectrum.flux_1e17_cgs.iter().zip(&combined.flux).all(|(a, b)| near(*a, *b)));
            assert!(spectrum.ivar.iter().zip(&combined.ivar).all(|(a, b)| near(*a, *b)));
            assert!(spectrum.good.iter().zip(&combined.mask).all(|(good, bits)| !good || *bits == 0));
            let InstrumentResolution::GaussianSigma(sigma) = &spectrum.resolution else { panic!("no resolution") };
            let far = sigma.iter().zip(&combined.sigma_angstrom).filter(|(a, b)| (*a - f64::from(**b)).abs() > 0.02);
            // Where arms overlap the moment of the mean row is not quite the mean moment; dead columns have odd rows.
            assert!(far.count() < 60);
        }
        // What the arms make of a truth, combined, is what the combined matrix makes of it.
        file.combine_row(0, true, &mut combined).unwrap();
        let truth: Vec<f64> = (0..7781).map(|i| 2.0 + (f64::from(i) * 0.8).sin()).collect();
        let arms: Vec<_> = file.arms(0).unwrap();
        let (mut sums, mut weights) = (vec![0.0; 7781], vec![0.0; 7781]);
        for (arm, pixels) in arms.iter().enumerate() {
            let first = ((pixels.wavelength_angstrom[0] - 3_600.0) / 0.8).round() as usize;
            let n = pixels.wavelength_angstrom.len();
            let seen = file.resolution(arm, 0).unwrap().unwrap().apply(&truth[first..first + n]);
            for pixel in 0..n {
                let weight = if pixels.mask[pixel] == 0 { pixels.ivar[pixel] } else { 0.0 };
                sums[first + pixel] += weight * seen[pixel];
                weights[first + pixel] += weight;
            }
        }
        for pixel in (0..7781).filter(|pixel| weights[*pixel] > 0.0) {
            let row = &combined.resolution[11 * pixel..11 * (pixel + 1)];
            let term = |(k, weight): (usize, &i16)| {
                let at = (pixel + k).checked_sub(5).and_then(|at| truth.get(at))?;
                Some(f64::from(*weight) * f64::from(RESOLUTION_UNIT) * at)
            };
            let seen: f64 = row.iter().enumerate().filter_map(term).sum();
            assert!((seen - sums[pixel] / weights[pixel]).abs() < 1e-3, "pixel {pixel}");
        }
    }
}

/// A coadd of one target with something wrong with it.
fn broken(folder: &Path, name: &str, wrong: &str) -> PathBuf {
    let path = folder.join(name);
    let mut writer = FitsWriter::create(&path).unwrap();
    writer.primary(&Header::new()).unwrap();
    for (arm, (start, n)) in [("B", (3_600.0, 2751)), ("R", (5_760.0, 2326)), ("Z", (7_520.0, 2881))] {
        let mut image = |kind: &str, shape: &[usize], data: ImageData| {
            writer.image(&format!("{arm}_{kind}"), shape, &data, &Header::new()).unwrap();
        };
        let is = |what: &str| arm == "R" && wrong == what;
        let shift = if is("another grid") { 0.3 } else { 0.0 };
        image("WAVELENGTH", &[n], ImageData::F64((0..n).map(|i| start + shift + 0.8 * i as f64).collect()));
        let pixels = if is("short flux") { n - 1 } else { n };
        image("FLUX", &[1, pixels], ImageData::F32(vec![1.0; pixels]));
        let rows = if is("two rows of ivar") { 2 } else { 1 };
        if !is("no ivar") {
            image("IVAR", &[rows, n], ImageData::F32(vec![1.0; rows * n]));
        }
        if is("float mask") {
            image("MASK", &[1, n], ImageData::F32(vec![0.0; n]));
        } else {
            let pixels = if is("short mask") { n - 5 } else { n };
            image("MASK", &[1, pixels], ImageData::I32(vec![0; pixels]));
        }
        let diagonals = if is("short resolution") { n - 1 } else { n };
        image("RESOLUTION", &[1, 11, diagonals], ImageData::F32(vec![0.0; 11 * diagonals]));
    }
    writer.finish().unwrap();
    path
}

#[test]
fn whatever_is_wrong_with_a_coadd_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &Path| CoaddFile::open(path)?.combine_row(0, true, &mut CombinedRow::default());
    assert!(read(&broken(folder.path(), "whole.fits", "nothing")).is_ok());
    let cases = [
        ("no ivar", "R_IVAR"),
        ("short flux", "R_FLUX"),
        ("two rows of ivar", "R_IVAR has 2 targets"),
        ("float mask", "R_MASK"),
        ("short mask", "R_MASK"),
        ("short resolution", "R_RESOLUTION"),
        ("another grid", "5760.3"),
    ];
    for (wrong, named) in cases {
        let message = read(&broken(folder.path(), "broken.fits", wrong)).unwrap_err().to_string();
        assert!(message.contains(named) && message.contains("broken.fits"), "{wrong}: {message}");
    }
    // Cut short while it was copied.
    let whole = std::fs::read(folder.path().join("whole.fits")).unwrap();
    for share in [3, 2] {
        let path = folder.path().join("cut.fits");
        std::fs::write(&path, &whole[..whole.len() * (share - 1) / share]).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("cut.fits"), "{message}");
    }
}
