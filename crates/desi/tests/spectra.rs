//! Every real spectrum file of the data folder, through the public door.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use desi::DesiError;
use desi::spectra::{CoaddFile, InstrumentResolution, SpectrumFile, SpectrumKind, read_redshifts, read_sdss};

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
