//! Figures of the voids themselves, made from the run's own tables.

use arrow::array::{AsArray, RecordBatch};
use study::figures::{Axis, Circles, Colour, Dash, Figure, Panel, Points, Steps};
use study::run::StepFolder;
use study::tables::Columns;

use super::StudyError;
use super::select::floats;

/// Galaxies that a sky map or a wedge shows at most; more would only be black.
const SHOWN_GALAXIES: usize = 12_000;
/// Half-thickness of the wedge's slice in declination, degrees.
const SLICE_HALF_WIDTH_DEG: f64 = 2.0;

/// Voids that look wider than this are left out of the sky map, degrees.
const WIDEST_CIRCLE_DEG: f64 = 10.0;

/// One algorithm's voids as columns.
struct Voids {
    algorithm: String,
    centre_mpc_h: Vec<[f64; 3]>,
    ra_deg: Vec<f64>,
    dec_deg: Vec<f64>,
    r_eff_mpc_h: Vec<f64>,
}

/// Ending of the names of voids that were found here.
const OWN: &str = "_own";

/// Radius distributions, the sky and a wedge.
pub(super) fn draw(
    folder: &StepFolder,
    sample: &RecordBatch,
    voids: &RecordBatch,
    omega_m: f64,
) -> Result<(), StudyError> {
    let groups = groups(voids)?;
    radii(folder, &groups)?;
    sky(folder, sample, &groups)?;
    wedge(folder, sample, &groups, omega_m)
}

fn groups(voids: &RecordBatch) -> Result<Vec<Voids>, StudyError> {
    let missing = |column: &str| StudyError::NoColumn { column: column.to_owned() };
    let names =
        voids.column_by_name("algorithm").and_then(|c| c.as_string_opt::<i32>()).ok_or_else(|| missing("algorithm"))?;
    let [x, y, z] = [floats(voids, "x")?, floats(voids, "y")?, floats(voids, "z")?];
    let [ra, dec, r_eff] = [floats(voids, "ra")?, floats(voids, "dec")?, floats(voids, "r_eff")?];
    let mut groups: Vec<Voids> = Vec::new();
    for row in 0..voids.num_rows() {
        let name = names.value(row);
        if groups.last().is_none_or(|group| group.algorithm != name) {
            groups.push(Voids {
                algorithm: name.to_owned(),
                centre_mpc_h: vec![],
                ra_deg: vec![],
                dec_deg: vec![],
                r_eff_mpc_h: vec![],
            });
        }
        if let Some(group) = groups.last_mut() {
            group.centre_mpc_h.push([x.value(row), y.value(row), z.value(row)]);
            group.ra_deg.push(ra.value(row));
            group.dec_deg.push(dec.value(row));
            group.r_eff_mpc_h.push(r_eff.value(row));
        }
    }
    Ok(groups)
}

/// How an algorithm is called in print.
pub(super) fn title(algorithm: &str) -> &str {
    match algorithm {
        "voidfinder" => "VoidFinder",
        "vide" => "V2 VIDE",
        "zobov" => "V2 ZOBOV",
        "revolver" => "V2 REVOLVER",
        "voidfinder_own" => "VoidFinder (own)",
        "vide_own" => "V2 VIDE (own)",
        "zobov_own" => "V2 ZOBOV (own)",
        "revolver_own" => "V2 REVOLVER (own)",
        other => other,
    }
}

fn radii(folder: &StepFolder, groups: &[Voids]) -> Result<(), StudyError> {
    let largest = groups.iter().flat_map(|group| &group.r_eff_mpc_h).copied().fold(20.0, f64::max).min(60.0);
    let bins = (largest / 2.0).ceil() as usize;
    let range = (0.0, 2.0 * bins as f64);
    let mut panel =
        Panel::new().x(Axis::linear("effective radius (h⁻¹ Mpc)")).y(Axis::linear("share of voids per h⁻¹ Mpc"));
    let mut data =
        Columns::new().float("radius_low", "Mpc/h", "lower edge of the bin", (0..bins).map(|bin| 2.0 * bin as f64));
    let mut algorithms: Vec<&str> = groups.iter().map(|group| group.algorithm.trim_end_matches(OWN)).collect();
    algorithms.dedup();
    for group in groups {
        let label = format!("{} ({})", title(&group.algorithm), group.r_eff_mpc_h.len());
        // Voids found here have the colour of the catalogue's, broken.
        let base = group.algorithm.trim_end_matches(OWN);
        let colour = algorithms.iter().position(|algorithm| *algorithm == base).unwrap_or(0);
        let dash = if base == group.algorithm { Dash::Full } else { Dash::Dashed };
        let steps = Steps::counts(&group.r_eff_mpc_h, range, bins).normalised().label(&label);
        panel = panel.steps(steps.colour(Colour::PALETTE[colour % Colour::PALETTE.len()]).dash(dash));
        let count = |bin: usize| group.r_eff_mpc_h.iter().filter(|r| (**r / 2.0) as usize == bin).count() as i64;
        data = data.integer(&format!("{}_voids", group.algorithm), "", "voids in the bin", (0..bins).map(count));
    }
    Ok(folder.figure("void_radii", &Figure::new("Void radii by algorithm").panel(panel), &data.table()?)?)
}

fn sky(folder: &StepFolder, sample: &RecordBatch, groups: &[Voids]) -> Result<(), StudyError> {
    let (ra, dec) = (floats(sample, "RA")?, floats(sample, "DEC")?);
    let step = sample.num_rows().div_ceil(SHOWN_GALAXIES).max(1);
    let shown =
        |values: &arrow::array::Float64Array| values.values().iter().step_by(step).copied().collect::<Vec<f64>>();
    let (ra, dec) = (shown(ra), shown(dec));
    let mut figure = Figure::new("Voids and galaxies on the sky (ICRS)").columns(2);
    let mut data = Columns::new();
    let (mut names, mut centres, mut sizes) = (Vec::new(), (Vec::new(), Vec::new()), Vec::new());
    for group in groups {
        let angles: Vec<f64> = angular_radii_deg(group);
        // Wider circles would say more of the map's distortion than of the voids.
        let mut near = (Vec::new(), Vec::new(), Vec::new());
        for (row, angle) in angles.iter().enumerate().filter(|(_, angle)| **angle < WIDEST_CIRCLE_DEG) {
            near.0.push(group.ra_deg[row]);
            near.1.push(group.dec_deg[row]);
            near.2.push(*angle);
        }
        let panel = Panel::sky(180.0)
            .title(title(&group.algorithm))
            .points(Points::new(&ra, &dec).size(0.8).opacity(0.5).colour(Colour::BLACK))
            .circles(Circles::new(&near.0, &near.1, &near.2).width(0.5).opacity(0.45).colour(Colour::BLUE));
        figure = figure.panel(panel);
        names.extend(group.ra_deg.iter().map(|_| group.algorithm.clone()));
        centres.0.extend_from_slice(&group.ra_deg);
        centres.1.extend_from_slice(&group.dec_deg);
        sizes.extend(angles);
    }
    data = data
        .text("algorithm", "", "void-finding algorithm", names)
        .float("ra", "deg", "right ascension of the void's centre", centres.0)
        .float("dec", "deg", "declination of the void's centre", centres.1)
        .float("angular_radius", "deg", "effective radius as seen from here", sizes);
    Ok(folder.figure("sky", &figure, &data.table()?)?)
}

fn angular_radii_deg(group: &Voids) -> Vec<f64> {
    let angle =
        |(centre, radius): (&[f64; 3], &f64)| (radius / astro::sphere::norm(*centre).max(*radius)).asin().to_degrees();
    group.centre_mpc_h.iter().zip(&group.r_eff_mpc_h).map(angle).collect()
}

/// A slice in declination through the most galaxies, with the cross-sections of voids as circles of R_eff.
fn wedge(folder: &StepFolder, sample: &RecordBatch, groups: &[Voids], omega_m: f64) -> Result<(), StudyError> {
    let (ra, dec, z) = (floats(sample, "RA")?, floats(sample, "DEC")?, floats(sample, "Z")?);
    let middle = densest_declination(dec.values());
    let cosmology = astro::Cosmology::flat_lcdm(omega_m);
    let rows: Vec<usize> =
        (0..sample.num_rows()).filter(|&row| (dec.value(row) - middle).abs() < SLICE_HALF_WIDTH_DEG).collect();
    let step = rows.len().div_ceil(SHOWN_GALAXIES).max(1);
    let rows: Vec<usize> = rows.into_iter().step_by(step).collect();
    let galaxy_ra: Vec<f64> = rows.iter().map(|&row| ra.value(row)).collect();
    let distance: Vec<f64> = rows.iter().map(|&row| cosmology.comoving_distance_mpc_h(z.value(row))).collect();
    let furthest = distance.iter().copied().fold(0.0, f64::max);
    let span = right_ascension_span(&galaxy_ra);
    let mut figure =
        Figure::new(&format!("Slice of {} degrees around declination {middle:.1}°", 2.0 * SLICE_HALF_WIDTH_DEG))
            .columns(2);
    for group in groups {
        let cuts = cross_sections(group, middle);
        let panel = Panel::wedge(span, (0.0, furthest), "comoving distance (h⁻¹ Mpc)")
            .title(title(&group.algorithm))
            .points(Points::new(&galaxy_ra, &distance).size(0.9).opacity(0.7).colour(Colour::BLACK))
            .circles(Circles::new(&cuts.0, &cuts.1, &cuts.2).width(1.0).colour(Colour::BLUE));
        figure = figure.panel(panel);
    }
    let data = Columns::new()
        .float("ra", "deg", "right ascension of a galaxy in the slice", galaxy_ra)
        .float("distance", "Mpc/h", "comoving distance", distance)
        .table()?;
    Ok(folder.figure("wedge", &figure, &data)?)
}

/// Circles (RA, distance, radius) in which spheres of R_eff cut the cone of constant declination.
fn cross_sections(group: &Voids, dec_deg: f64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut cuts = (Vec::new(), Vec::new(), Vec::new());
    for (row, centre) in group.centre_mpc_h.iter().enumerate() {
        let distance = astro::sphere::norm(*centre);
        let height = distance * (group.dec_deg[row] - dec_deg).to_radians().sin();
        let radius = (group.r_eff_mpc_h[row].powi(2) - height * height).max(0.0).sqrt();
        if radius > 0.0 {
            cuts.0.push(group.ra_deg[row]);
            cuts.1.push(distance);
            cuts.2.push(radius);
        }
    }
    cuts
}

/// Middle of the slice with most galaxies.
fn densest_declination(dec_deg: &[f64]) -> f64 {
    let width = 2.0 * SLICE_HALF_WIDTH_DEG;
    let mut counts = vec![0_usize; (180.0 / width) as usize + 1];
    for dec in dec_deg {
        if let Some(count) = counts.get_mut(((dec + 90.0) / width) as usize) {
            *count += 1;
        }
    }
    let best = (0..counts.len()).max_by_key(|&bin| (counts[bin], std::cmp::Reverse(bin))).unwrap_or(0);
    (best as f64 + 0.5) * width - 90.0
}

/// The shortest range of right ascension that holds all galaxies, low to high; high may pass 360.
fn right_ascension_span(ra_deg: &[f64]) -> (f64, f64) {
    let mut sorted = ra_deg.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return (0.0, 360.0) };
    let mut widest = (first + 360.0 - last, *first, *last);
    for pair in sorted.windows(2) {
        if pair[1] - pair[0] > widest.0 {
            widest = (pair[1] - pair[0], pair[1], pair[0] + 360.0);
        }
    }
    (widest.1.floor(), widest.2.ceil())
}

/// Numbers of voids by algorithm, for the report.
pub(super) fn void_summary(voids: &RecordBatch) -> Result<RecordBatch, StudyError> {
    let groups = groups(voids)?;
    let quantile = |group: &Voids, q: f64| {
        let mut radii = group.r_eff_mpc_h.clone();
        radii.sort_unstable_by(f64::total_cmp);
        radii.get(((radii.len().max(1) - 1) as f64 * q).round() as usize).copied()
    };
    let mean = |group: &Voids| group.r_eff_mpc_h.iter().sum::<f64>() / group.r_eff_mpc_h.len() as f64;
    let error = |group: &Voids| {
        let n = group.r_eff_mpc_h.len() as f64;
        let variance = group.r_eff_mpc_h.iter().map(|r| (r - mean(group)).powi(2)).sum::<f64>() / (n - 1.0);
        (n > 1.0).then(|| (variance / n).sqrt())
    };
    let table = Columns::new()
        .text("algorithm", "", "void-finding algorithm", groups.iter().map(|group| title(&group.algorithm).to_owned()))
        .integer("voids", "", "number of voids", groups.iter().map(|group| group.r_eff_mpc_h.len() as i64))
        .float("mean_radius", "Mpc/h", "mean effective radius", groups.iter().map(mean))
        .optional("mean_radius_error", "Mpc/h", "its standard error", groups.iter().map(error))
        .optional("median_radius", "Mpc/h", "median effective radius", groups.iter().map(|group| quantile(group, 0.5)))
        .optional(
            "largest_radius",
            "Mpc/h",
            "largest effective radius",
            groups.iter().map(|group| quantile(group, 1.0)),
        )
        .table()?;
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cross_the_zero_meridian() {
        assert_eq!(right_ascension_span(&[350.0, 10.0, 355.0]), (350.0, 370.0));
        assert_eq!(right_ascension_span(&[110.0, 250.0]), (110.0, 250.0));
    }

    #[test]
    fn the_densest_slice_wins() {
        assert_eq!(densest_declination(&[10.0, 33.0, 34.0, 35.0]), 36.0);
    }
}
