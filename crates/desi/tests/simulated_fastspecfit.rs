//! Simulated FastSpecFit files through the public door: the schema of the release, the truth of the light-cone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use archive::fits::FitsFile;
use desi::fastspecfit::{self, Release, Table, Version};
use desi::simulate::{Galaxy, LightCone, Parameters, write_desivast, write_fastspecfit};

static SKY: LazyLock<LightCone> =
    LazyLock::new(|| LightCone::generate(&Parameters { area_deg2: 400.0, ..Parameters::new(5, 6_000) }).unwrap());

fn write(folder: &Path, sky: &LightCone, lines: &[&str]) -> Vec<PathBuf> {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    write_fastspecfit(folder, sky, &fastspecfit::lines_named(&lines).unwrap()).unwrap()
}

/// A column of all files together.
fn column(files: &[FitsFile], table: Table, name: &str) -> Vec<f64> {
    files.iter().flat_map(|file| file.table(table.hdu()).unwrap().f64_column(name).unwrap()).collect()
}

fn identifiers(files: &[FitsFile], table: Table) -> Vec<i64> {
    files.iter().flat_map(|file| file.table(table.hdu()).unwrap().i64_column("TARGETID").unwrap()).collect()
}

#[test]
fn files_have_exactly_the_declared_columns() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write(folder.path(), &SKY, &["all"]);
    for path in &paths {
        let file = FitsFile::open(path).unwrap();
        for table in Table::ALL {
            let found = file.table(table.hdu()).unwrap();
            let declared = fastspecfit::columns(table).unwrap();
            assert_eq!(found.columns().len(), declared.len());
            for (found, declared) in found.columns().iter().zip(declared.iter()) {
                assert_eq!(found.name, declared.name);
                assert_eq!(found.unit.clone().unwrap_or_default(), declared.unit, "{}", declared.name);
                assert_eq!(Some(found.data_type()), declared.data_type, "{}", declared.name);
            }
        }
    }
    let release = Release::open(&paths).unwrap();
    assert!(release.simulated && release.version == Version::V3 && release.differences().is_empty());
    assert_eq!(release.files.iter().map(|file| file.rows).sum::<u64>(), 6_000);
}

#[test]
fn measurements_agree_with_the_truth_and_with_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let sky = &*SKY;
    let paths = write(folder.path(), sky, &["HALPHA", "HBETA", "CIV_1549"]);
    let files: Vec<FitsFile> = paths.iter().map(|path| FitsFile::open(path).unwrap()).collect();
    let truth: BTreeMap<i64, &Galaxy> = sky.galaxies.iter().map(|galaxy| (galaxy.target_id, galaxy)).collect();
    let ids = identifiers(&files, Table::Metadata);
    assert!(Table::ALL.iter().all(|table| identifiers(&files, *table) == ids));
    let get = |table, name| column(&files, table, name);
    let (z, flux, dust) =
        (get(Table::Metadata, "Z"), get(Table::Metadata, "FLUX_R"), get(Table::Metadata, "MW_TRANSMISSION_R"));
    let (absolute, k) = (get(Table::Specphot, "ABSMAG01_SDSS_R"), get(Table::Specphot, "KCORR01_SDSS_R"));
    let (mass, sfr) = (get(Table::Specphot, "LOGMSTAR"), get(Table::Specphot, "SFR"));
    for (row, id) in ids.iter().enumerate() {
        let galaxy = truth[id];
        let magnitude = 22.5 - 2.5 * (flux[row] / dust[row]).log10();
        assert!((magnitude - f64::from(galaxy.apparent_r)).abs() < 1e-4);
        let modulus = 5.0 * sky.cosmology().luminosity_distance_mpc_h(z[row]).log10() + 25.0;
        assert!((absolute[row] + modulus + k[row] - magnitude).abs() < 1e-4, "magnitudes do not add up in row {row}");
        // The magnitude has 0.01 mag of noise, and the redshift some too.
        assert!((absolute[row] - f64::from(galaxy.absolute_r)).abs() < 0.2);
        assert_eq!(mass[row] as f32, galaxy.log_mass[0]);
        assert!((sfr[row].log10() - f64::from(galaxy.log_sfr[0])).abs() < 1e-5);
    }
    assert!(get(Table::Fastspec, "CIV_1549_FLUX").iter().all(|flux| *flux == 0.0), "no galaxy has broad lines");
}

#[test]
fn halpha_follows_star_formation_where_the_spectrograph_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let sky = &*SKY;
    let paths = write(folder.path(), sky, &["HALPHA", "HBETA"]);
    let files: Vec<FitsFile> = paths.iter().map(|path| FitsFile::open(path).unwrap()).collect();
    let truth: BTreeMap<i64, &Galaxy> = sky.galaxies.iter().map(|galaxy| (galaxy.target_id, galaxy)).collect();
    let ids = identifiers(&files, Table::Fastspec);
    let get = |name| column(&files, Table::Fastspec, name);
    let (flux, weight, hbeta, aperture) =
        (get("HALPHA_FLUX"), get("HALPHA_FLUX_IVAR"), get("HBETA_FLUX"), get("APERCORR"));
    let depth = column(&files, Table::Specphot, "TAUV");
    let (mut offsets, mut decrements) = (Vec::new(), Vec::new());
    for (row, id) in ids.iter().enumerate() {
        let galaxy = truth[id];
        if 6_564.613 * (1.0 + galaxy.redshift) > 9_824.0 {
            assert_eq!((flux[row], weight[row]), (0.0, 0.0), "H alpha is beyond the spectrograph");
        } else if flux[row] * weight[row].sqrt() > 20.0 {
            let distance_cm = sky.cosmology().luminosity_distance_mpc_h(galaxy.redshift) * 3.0857e24;
            let dust = (depth[row] * (6_564.613_f64 / 5_500.0).powf(-0.7)).exp();
            let luminosity =
                1e-17 * flux[row] * aperture[row] * dust * 4.0 * std::f64::consts::PI * distance_cm.powi(2);
            offsets.push(luminosity.log10() - 41.27 - f64::from(galaxy.true_log_sfr));
            decrements.push(flux[row] / hbeta[row]);
        }
    }
    assert!(offsets.len() > 300, "only {} strong lines", offsets.len());
    let mean = offsets.iter().sum::<f64>() / offsets.len() as f64;
    assert!(mean.abs() < 0.02, "H alpha gives log SFR off by {mean}");
    decrements.sort_by(f64::total_cmp);
    let median = decrements[decrements.len() / 2];
    assert!((2.86..4.5).contains(&median), "Balmer decrement {median}");
}

#[test]
fn the_same_bytes_on_one_thread_and_four() {
    let sky = &*SKY;
    let on = |threads: usize| {
        let folder = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let paths = pool.install(|| write(folder.path(), sky, &["HALPHA"]));
        paths.iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn void_tracers_join_by_target() {
    let folder = tempfile::tempdir().unwrap();
    let sky = &*SKY;
    let paths = write(folder.path(), sky, &[]);
    let files: Vec<FitsFile> = paths.iter().map(|path| FitsFile::open(path).unwrap()).collect();
    let known: std::collections::BTreeSet<i64> = identifiers(&files, Table::Metadata).into_iter().collect();
    let voids = write_desivast(folder.path(), sky).unwrap();
    let vide =
        FitsFile::open(voids.iter().find(|path| path.ends_with("DESIVAST_BGS_VOLLIM_V2_VIDE_NGC.fits")).unwrap());
    let targets = vide.unwrap().table("GALZONE").unwrap().i64_column("TARGET").unwrap();
    assert!(!targets.is_empty() && targets.iter().all(|target| known.contains(target)));
}
