//! Which rounding of VAST makes which difference: VoidFinder on SDSS DR7 from redshifts, each line with one more of VAST's
//! choices, down to its own positions. Prints counts, and how many of VAST's 897 maximals are met within 0.001 Mpc/h.
//!
//! `ASTROLAB_TEST_DATA=... cargo run --release -p voids --example vast_rounding`
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;

use archive::Quiet;
use archive::fits::FitsFile;
use astro::cosmology::Cosmology;
use voids::voidfinder::{FoundVoids, MaskChoice, Region, Settings, SurveySelection, find, select_survey};

const OMEGA_M: f64 = 0.26;
/// VAST takes the speed of light as 299792 km/s.
const VAST_SCALE: f64 = 299_792.0 / 299_792.458;

type Points = Vec<[f64; 3]>;

fn columns(file: &Path, table: Option<&str>, names: [&str; 3]) -> Result<[Vec<f64>; 3], Box<dyn Error>> {
    let file = FitsFile::open(file)?;
    let table = match table {
        Some(name) => file.table(name)?,
        None => file.first_table()?,
    };
    let [a, b, c] = names.map(|name| table.f64_column(name));
    Ok([a?, b?, c?])
}

fn rows([x, y, z]: &[Vec<f64>; 3]) -> Points {
    (0..x.len()).map(|i| [x[i], y[i], z[i]]).collect()
}

/// The distance as VAST has it: 1 / (1 + z), the integral from there and the distance rounded to single precision.
fn single_precision_distance(cosmology: &Cosmology, redshift: f64) -> f64 {
    let scale_factor = (1.0 / (1.0 + redshift)) as f32;
    let hubble_distance = 299_792.0_f32 / 100.0;
    let exact = cosmology.comoving_distance_mpc_h(1.0 / f64::from(scale_factor) - 1.0);
    f64::from((exact / 2_997.924_58) as f32 * hubble_distance)
}

/// Angles, sines and products in single precision.
fn single_precision_position(ra_deg: f64, dec_deg: f64, distance_mpc_h: f64) -> [f64; 3] {
    let [ra, dec] = [ra_deg, dec_deg].map(|degrees| degrees as f32 * (std::f64::consts::PI / 180.0) as f32);
    let distance = distance_mpc_h as f32;
    [distance * ra.cos() * dec.cos(), distance * ra.sin() * dec.cos(), distance * dec.sin()].map(f64::from)
}

fn report(name: &str, found: &FoundVoids, reference: &[[f64; 4]]) {
    let met = |theirs: &&[f64; 4]| {
        found.maximals.iter().any(|ours| {
            let apart: f64 = (0..3).map(|a| (ours.centre_mpc_h[a] - theirs[a]).powi(2)).sum();
            apart.sqrt().max((ours.radius_mpc_h - theirs[3]).abs()) < 1e-3
        })
    };
    let c = &found.counts;
    println!(
        "{name:52} {:11} {:6} {:6} {:6} {:6} {:6}",
        c.start_cells,
        c.grown_holes,
        c.holes_beyond_boundary,
        c.voids,
        c.holes,
        reference.iter().filter(met).count()
    );
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(data) = std::env::var_os("ASTROLAB_TEST_DATA") else {
        return Err("ASTROLAB_TEST_DATA is not set: expected the folder with `voids/`".into());
    };
    let catalogue = Path::new(&data).join("voids/vollim_dr7_cbp_102709.fits");
    let vast = Path::new(&data).join("voids/reference/voidfinder_dr7.fits");
    let [ra, dec, z] = columns(&catalogue, None, ["ra", "dec", "z"])?;
    let centres = rows(&columns(&vast, Some("MAXIMALS"), ["x", "y", "z"])?);
    let [radius, ..] = columns(&vast, Some("MAXIMALS"), ["radius"; 3])?;
    let reference: Vec<[f64; 4]> = centres.iter().zip(&radius).map(|(&[x, y, z], &r)| [x, y, z, r]).collect();

    let mask = MaskChoice::Pixels { per_degree: None };
    let selection = SurveySelection { redshift: [0.0, 0.1026], omega_m: OMEGA_M, mask, ..SurveySelection::default() };
    let sample = select_survey((&ra, &dec, &z), None, &selection)?;
    let Region::Survey { mask, distance_mpc_h } = sample.region.clone() else { return Err("expected a survey".into()) };
    let region = Region::Survey { mask: mask.clone(), distance_mpc_h: distance_mpc_h.map(|d| d * VAST_SCALE) };

    let cosmology = Cosmology::flat_lcdm(f64::from(OMEGA_M as f32));
    let scaled: Points = sample.positions_mpc_h.iter().map(|p| p.map(|x| x * VAST_SCALE)).collect();
    let rounded: Points = scaled.iter().map(|p| p.map(|x| f64::from(x as f32))).collect();
    let from_rows =
        |position: &dyn Fn(usize) -> [f64; 3]| sample.rows.iter().map(|&row| position(row)).collect::<Points>();
    let distances = from_rows(&|row| {
        astro::sphere::position_mpc_h(ra[row], dec[row], single_precision_distance(&cosmology, z[row]))
    });
    let angles =
        from_rows(&|row| single_precision_position(ra[row], dec[row], single_precision_distance(&cosmology, z[row])));
    let mut theirs = rows(&columns(&vast, Some("WALL"), ["x", "y", "z"])?);
    theirs.extend(rows(&columns(&vast, Some("FIELD"), ["x", "y", "z"])?));

    let bits = |p: &[f64; 3]| p.map(f64::to_bits);
    let known: std::collections::HashSet<[u64; 3]> = theirs.iter().map(bits).collect();
    let alike = angles.iter().filter(|p| known.contains(&bits(p))).count();
    println!("{alike} of {} positions as worked out here are VAST's to the last bit\n", angles.len());
    println!("{:52} start cells  grown    cut  voids  holes    met", "positions");
    for (name, points, region) in [
        ("exact", &sample.positions_mpc_h, &sample.region),
        ("c = 299792 km/s", &scaled, &region),
        ("... stored in single precision", &rounded, &region),
        ("c = 299792, distances in single precision", &distances, &region),
        ("... angles and sines in single precision too", &angles, &region),
        ("VAST's own", &theirs, &region),
    ] {
        report(name, &find(points, region, &Settings::default(), &Quiet)?, &reference);
    }
    Ok(())
}
