//! Simulated quasars against their own truth, through the public door.
#![allow(clippy::unwrap_used)]

use archive::fits::FitsFile;
use desi::simulate::{QuasarParameters, QuasarSky, write_quasars};
use desi::spectra::{CoaddFile, InstrumentResolution, correct_for_dust};
use desi::templates::Templates;
use rayon::prelude::*;

fn sky(change: impl FnOnce(&mut QuasarParameters)) -> QuasarSky {
    let mut parameters = QuasarParameters { quasars: 40, ..QuasarParameters::default() };
    change(&mut parameters);
    QuasarSky::new(parameters).unwrap()
}

#[test]
fn a_quasar_depends_on_its_number_alone() {
    let sky = sky(|_| ());
    let alone = sky.quasar(7);
    let together: Vec<_> = (0..12_usize).into_par_iter().map(|index| sky.quasar(index)).collect();
    assert_eq!(alone, together[7]);
    assert_ne!(together[7].arms, together[8].arms);
}

#[test]
fn noise_is_what_the_inverse_variance_says() {
    // Without absorption the resolution hardly matters redward of narrow lines: compare on the mean.
    let sky = sky(|p| p.signal_to_noise = Some(5.0));
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    for index in 0..10 {
        let quasar = sky.quasar(index);
        let spectrum = sky.spectrum(&quasar);
        assert_eq!(spectrum.len(), 7781);
        let InstrumentResolution::GaussianSigma(sigma) = &spectrum.resolution else { panic!("no resolution") };
        assert!(sigma.iter().skip(10).take(7_750).all(|sigma| (0.55..0.9).contains(sigma)));
        assert!((spectrum.median_signal_to_noise().unwrap() - 5.0).abs() < 0.6);
        let truth = sky.true_flux(&quasar.truth);
        // Half a dozen pixels smoothed by hand as the instrument does: sigma is near one pixel.
        let kernel = [0.06, 0.24, 0.4, 0.24, 0.06];
        for pixel in 3_000..7_700 {
            let seen: f64 = (0..5).map(|k| kernel[k] * f64::from(truth[pixel + k - 2])).sum();
            if spectrum.good[pixel] {
                let pull = (spectrum.flux_1e17_cgs[pixel] - seen) * spectrum.ivar[pixel].sqrt();
                (sum, squares, count) = (sum + pull, squares + pull * pull, count + 1.0);
            }
        }
    }
    assert!((sum / count).abs() < 0.02, "mean pull {}", sum / count);
    assert!((squares / count - 1.0).abs() < 0.03, "variance of pulls {}", squares / count);
}

#[test]
fn the_truth_is_in_the_light() {
    let sky = sky(|p| {
        p.redshift = [0.5, 0.5];
        p.signal_to_noise = Some(200.0);
        p.balmer_continuum_max = 0.0;
    });
    for index in 0..5 {
        let quasar = sky.quasar(index);
        let mut spectrum = sky.spectrum(&quasar);
        correct_for_dust(&mut spectrum);
        let truth = &quasar.truth;
        // [O III] 5008 and its wing, over a straight line on both sides; H beta's far wing is under it too.
        let flux: f64 = ["OIII5008", "OIII5008_wing"]
            .iter()
            .flat_map(|name| truth.lines.iter().filter(move |line| line.name == *name))
            .map(|line| line.flux_1e17_cgs())
            .sum();
        let rest = |pixel: usize| spectrum.wavelength_angstrom[pixel] / (1.0 + truth.redshift);
        let mean = |from: f64, to: f64| {
            let inside: Vec<f64> = (0..7781)
                .filter(|at| rest(*at) > from && rest(*at) < to)
                .map(|at| spectrum.flux_1e17_cgs[at])
                .collect();
            inside.iter().sum::<f64>() / inside.len() as f64
        };
        let (left, right) = (mean(4_979.0, 4_984.0), mean(5_032.0, 5_040.0));
        let measured: f64 = (0..7781)
            .filter(|at| rest(*at) > 4_984.0 && rest(*at) < 5_032.0)
            .map(|at| 0.8 * (spectrum.flux_1e17_cgs[at] - left - (right - left) * (rest(at) - 4_982.0) / 54.0))
            .sum();
        assert!((measured / flux - 1.0).abs() < 0.12, "quasar {index}: {measured} against {flux}");
        assert!((7_000.0..18_000.0).contains(&(truth.log_luminosities[3] * 300.0)));
    }
}

/// With templates a spectrum has more light where Fe II and the host are, as much as the truth says, and nothing else changes.
#[test]
fn iron_and_host_are_added_as_they_are_told() {
    let Some(data) = testkit::real_data() else { return };
    let parameters =
        QuasarParameters { redshift: [0.3, 0.3], magnitude_r: [19.0, 20.0], ..QuasarParameters::default() };
    let templates = Templates::read(&data.join("templates")).unwrap();
    let (bare, sky) = (QuasarSky::new(parameters.clone()).unwrap(), QuasarSky::with_templates(parameters, templates));
    let sky = sky.unwrap();
    for index in 0..8 {
        let (before, after) = (bare.quasar(index).truth, sky.quasar(index).truth);
        assert_eq!((before.light.iron_uv_flux_1e17_cgs, before.light.host_5100_rest_1e17_cgs), (0.0, 0.0));
        assert_eq!((&before.lines, before.f3000_rest_1e17_cgs), (&after.lines, after.f3000_rest_1e17_cgs));
        let (without, with) = (bare.true_flux(&after), sky.true_flux(&after));
        // No dust: the difference is that of the light alone.
        let stretch = 1.0 + after.redshift;
        let added = |rest: f64| {
            let pixel = ((rest * stretch - 3_600.0) / 0.8) as usize;
            let mean = |flux: &[f32]| flux[pixel - 20..pixel + 20].iter().map(|x| f64::from(*x)).sum::<f64>() / 40.0;
            let dust = desi::spectra::fitzpatrick99(&[rest * stretch])[0] * after.ebv;
            (mean(&with) - mean(&without)) * 10_f64.powf(0.4 * dust) * stretch
        };
        // Between 4434 and 4684 Angstrom, Fe II and host; Fe II has no light at 5650 to speak of.
        let band: f64 = (0..25).map(|step| 10.0 * added(4_439.0 + 10.0 * f64::from(step))).sum();
        let light = after.light;
        assert!(light.host_5100_rest_1e17_cgs > 0.0 && light.iron_optical_flux_1e17_cgs > 0.0);
        assert!(band > light.iron_optical_flux_1e17_cgs, "{index}: {band} of {light:?}");
        let host = added(5_650.0) / light.host_5100_rest_1e17_cgs;
        assert!((0.6..1.8).contains(&host), "{index}: {host}");
    }
}

#[test]
fn absorbers_are_counted_as_they_are_drawn() {
    let sky = sky(|p| {
        p.quasars = 400;
        p.bal_fraction = 0.5;
    });
    let truths: Vec<_> = (0..400_usize).into_par_iter().map(|index| sky.quasar(index).truth).collect();
    let absorbed = truths.iter().filter(|truth| truth.ai_civ_km_s > 0.0).count();
    // Half have broad components, most of which make a trough.
    assert!((150..240).contains(&absorbed), "{absorbed}");
    assert!(truths.iter().all(|truth| truth.bi_civ_km_s <= truth.ai_civ_km_s + 1.0));
    assert!(truths.iter().all(|truth| (0.1..=4.0).contains(&truth.redshift)));
}

#[test]
fn wrong_parameters_are_named() {
    let message = QuasarSky::new(QuasarParameters { broad_components: 3, ..QuasarParameters::default() });
    assert!(message.unwrap_err().to_string().contains("broad_components = 3"));
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn files_have_the_layout_of_real_ones_and_the_same_bytes_on_any_number_of_threads() {
    let sky = sky(|p| {
        p.quasars = 12;
        p.quasars_per_deg2 = 5.0;
    });
    let [one, many] = [1, 3].map(|threads| {
        let folder = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| write_quasars(folder.path(), &sky, &archive::Quiet)).unwrap();
        folder
    });
    let (first, second) = (files_below(one.path()), files_below(many.path()));
    // Three pixels of five or fewer, four tables and the parameters.
    assert_eq!(first.len(), 3 * 2 + 5);
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a.strip_prefix(one.path()).unwrap(), b.strip_prefix(many.path()).unwrap());
        assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap(), "{}", a.display());
    }
    let coadd = one.path().join("healpix/main/dark/91/9144/coadd-main-dark-9144.fits");
    let file = CoaddFile::open(&coadd).unwrap();
    let quasar = sky.quasar(1);
    assert_eq!(file.target_ids()[1], quasar.truth.target_id);
    let (read, made) = (file.spectrum(1).unwrap(), sky.spectrum(&quasar));
    assert!(read.flux_1e17_cgs == made.flux_1e17_cgs && read.ivar == made.ivar && read.good == made.good);
    let (InstrumentResolution::GaussianSigma(a), InstrumentResolution::GaussianSigma(b)) =
        (&read.resolution, &made.resolution)
    else {
        panic!("no resolution")
    };
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9));
    let Some(data) = testkit::real_data() else { return };
    let real = data.join("desi/dr1_coadd/py/fastspecfit/test/data");
    same_layout(&coadd, &real.join("coadd-special-dark-27247.fits"));
    let redrock = coadd.with_file_name("redrock-main-dark-9144.fits");
    same_layout(&redrock, &real.join("redrock-special-dark-27247.fits"));
}

/// HDUs, columns, types, units and shapes but for the number of rows.
fn same_layout(simulated: &std::path::Path, real: &std::path::Path) {
    let (simulated, real) = (FitsFile::open(simulated).unwrap(), FitsFile::open(real).unwrap());
    let names = |file: &FitsFile| file.hdus().iter().map(|hdu| hdu.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&simulated)[1..], names(&real)[1..]);
    for name in &names(&real)[1..] {
        if real.has_table(name) {
            let columns = |file: &FitsFile| {
                let table = file.table(name).unwrap();
                let (header, count) = (table.header().clone(), table.columns().len());
                let card = |root: &str, column: usize| {
                    header.get_text(&format!("{root}{column}")).unwrap_or("").trim().trim_start_matches('1').to_owned()
                };
                (1..=count)
                    .map(|column| [card("TTYPE", column), card("TFORM", column), card("TUNIT", column)])
                    .collect::<Vec<_>>()
            };
            // Redrock leaves the units of FIBERMAP out.
            let (mut ours, theirs) = (columns(&simulated), columns(&real));
            if theirs.iter().all(|column| column[2].is_empty()) {
                ours.iter_mut().for_each(|column| column[2].clear());
            }
            assert_eq!(ours, theirs, "{name}");
        } else {
            let layout = |file: &FitsFile| {
                let image = file.image(name).unwrap();
                let shape = image.shape().to_vec();
                let own = if shape.len() == 1 { shape } else { shape[1..].to_vec() };
                (image.bitpix(), image.unit().map(str::to_owned), own)
            };
            assert_eq!(layout(&simulated), layout(&real), "{name}");
        }
    }
}
