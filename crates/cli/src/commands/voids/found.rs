//! What `voids find` leaves behind: catalogues, a table of the voids of each, the manifest, and the summary.

use std::path::{Path, PathBuf};

use anyhow::Result;
use arrow::array::RecordBatch;
use astro::Cosmology;
use desi::desivast::{self, VoidCatalogue, VoidFinderCatalogue, ZoneCatalogue};
use study::digest::sha256_of_file;
use study::number::grouped;
use study::tables::{Columns, write_parquet};
use voids::catalogue::{VoidTable, algorithm_name, algorithm_of};
use voids::finders::Found;

/// A watershed void touches the edge when more than this part of its outer surface does, as in `voids classify`.
const EDGE_AREA_FRACTION: f64 = 0.1;

/// The galaxy catalogue that was read.
#[derive(Debug, serde::Serialize)]
pub(super) struct Input {
    path: PathBuf,
    sha256: String,
    galaxies: usize,
}

impl Input {
    pub(super) fn of(path: &Path, galaxies: usize) -> Result<Self> {
        Ok(Self { path: path.to_owned(), sha256: sha256_of_file(path)?, galaxies })
    }
}

/// How the catalogues were made. Neither times nor threads: the same input gives the same bytes.
#[derive(Debug, serde::Serialize)]
pub(super) struct Manifest {
    program: &'static str,
    version: &'static str,
    input: Input,
    settings: serde_json::Value,
    catalogues: Vec<Entry>,
}

impl Manifest {
    pub(super) fn new(input: Input, settings: &impl serde::Serialize) -> Result<Self> {
        let settings = serde_json::to_value(settings)?;
        let (program, version) = ("astrolab voids find", env!("CARGO_PKG_VERSION"));
        Ok(Self { program, version, input, settings, catalogues: Vec::new() })
    }
}

/// One catalogue in the manifest.
#[derive(Debug, serde::Serialize)]
struct Entry {
    algorithm: &'static str,
    voids: usize,
    edge_voids: usize,
    median_r_eff_mpc_h: Option<f64>,
    largest_r_eff_mpc_h: Option<f64>,
    tracers: usize,
    counts: serde_json::Value,
    file: String,
    sha256: String,
    table: String,
    table_sha256: String,
}

/// Writes every catalogue, its table, and last the manifest: where that is, all is there.
pub(super) fn save(folder: &Path, stem: &str, found: &[Found], mut manifest: Manifest) -> Result<Manifest> {
    for one in found {
        let name = format!("{stem}_{}", algorithm_of(&one.catalogue).name());
        let (file, table) = (format!("{name}.fits"), format!("{name}_voids.parquet"));
        let (file_path, table_path) = (folder.join(&file), folder.join(&table));
        match &one.catalogue {
            VoidCatalogue::VoidFinder(catalogue) => {
                desivast::write_voidfinder(&file_path, catalogue)?;
                write_parquet(&table_path, &sphere_table(catalogue)?)?;
            }
            VoidCatalogue::Zones(catalogue) => {
                desivast::write_zones(&file_path, catalogue)?;
                write_parquet(&table_path, &zone_table(catalogue)?)?;
            }
        }
        let digests = (sha256_of_file(&file_path)?, sha256_of_file(&table_path)?);
        manifest.catalogues.push(entry(one, (file, table), digests)?);
    }
    let text = format!("{}\n", serde_json::to_string_pretty(&manifest)?);
    study::write_file(&folder.join("manifest.json"), text.as_bytes())?;
    Ok(manifest)
}

fn entry(one: &Found, (file, table): (String, String), (sha256, table_sha256): (String, String)) -> Result<Entry> {
    let voids = VoidTable::new(std::slice::from_ref(&one.catalogue), EDGE_AREA_FRACTION)?;
    let mut radii: Vec<f64> = voids.voids.iter().map(|void| void.r_eff_mpc_h).collect();
    radii.sort_by(f64::total_cmp);
    Ok(Entry {
        algorithm: algorithm_name(voids.algorithm),
        voids: voids.voids.len(),
        edge_voids: voids.voids.iter().filter(|void| void.edge).count(),
        median_r_eff_mpc_h: radii.get(radii.len() / 2).copied(),
        largest_r_eff_mpc_h: radii.last().copied(),
        tracers: one.tracers,
        counts: one.counts.clone(),
        file,
        sha256,
        table,
        table_sha256,
    })
}

fn places(columns: Columns, centres: &[[f64; 3]]) -> Columns {
    let axis = |axis: usize| centres.iter().map(move |centre| centre[axis]);
    columns
        .float("x", "Mpc/h", "comoving centre, towards RA 0 Dec 0", axis(0))
        .float("y", "Mpc/h", "comoving centre, towards RA 90 Dec 0", axis(1))
        .float("z", "Mpc/h", "comoving centre, towards Dec 90", axis(2))
}

fn sphere_table(catalogue: &VoidFinderCatalogue) -> Result<RecordBatch> {
    let voids = &catalogue.maximals;
    let cosmology = Cosmology::flat_lcdm(catalogue.limits.omega_m);
    let centres: Vec<[f64; 3]> = voids.iter().map(|void| void.centre_mpc_h).collect();
    let sky: Vec<(f64, f64)> = centres.iter().map(|&centre| astro::sphere::ra_dec_deg(centre)).collect();
    let redshift = centres.iter().map(|&centre| cosmology.redshift_at_mpc_h(astro::sphere::norm(centre)));
    let columns = Columns::new().integer("void", "", "number, as in the FITS file", voids.iter().map(|v| v.void));
    Ok(places(columns, &centres)
        .float("ra", "deg", "right ascension of the centre, ICRS", sky.iter().map(|place| place.0))
        .float("dec", "deg", "declination of the centre, ICRS", sky.iter().map(|place| place.1))
        .float("redshift", "", "redshift of the centre", redshift)
        .float("radius", "Mpc/h", "radius of the maximal sphere", voids.iter().map(|v| v.radius_mpc_h))
        .optional("r_eff", "Mpc/h", "radius of the sphere with the void's volume", voids.iter().map(|v| v.r_eff_mpc_h))
        .optional("r_eff_error", "Mpc/h", "standard error of r_eff", voids.iter().map(|v| v.r_eff_uncert_mpc_h))
        .integer("edge", "", "0 inside, 1 across the boundary, 2 within 10 Mpc/h", voids.iter().map(|v| v.edge))
        .table()?)
}

fn zone_table(catalogue: &ZoneCatalogue) -> Result<RecordBatch> {
    let voids = &catalogue.voids;
    let centres: Vec<[f64; 3]> = voids.iter().map(|void| void.centre_mpc_h).collect();
    let semi_axis = |axis: usize| voids.iter().map(move |void| astro::sphere::norm(void.axes_mpc_h[axis]));
    let columns = Columns::new().integer("void", "", "number, as in the FITS file", voids.iter().map(|v| v.void));
    Ok(places(columns, &centres)
        .float("ra", "deg", "right ascension of the centre, ICRS", voids.iter().map(|v| v.ra_deg))
        .float("dec", "deg", "declination of the centre, ICRS", voids.iter().map(|v| v.dec_deg))
        .float("redshift", "", "redshift of the centre", voids.iter().map(|v| v.redshift))
        .float("r_eff", "Mpc/h", "radius of the sphere with the void's volume", voids.iter().map(|v| v.radius_mpc_h))
        .float("semi_axis_1", "Mpc/h", "longest semi-axis of the ellipsoid", semi_axis(0))
        .float("semi_axis_2", "Mpc/h", "middle semi-axis", semi_axis(1))
        .float("semi_axis_3", "Mpc/h", "shortest semi-axis", semi_axis(2))
        .optional("tot_area", "Mpc2/h2", "outer surface", voids.iter().map(|v| v.tot_area))
        .optional("edge_area", "Mpc2/h2", "part of it at the survey edge", voids.iter().map(|v| v.edge_area))
        .table()?)
}

/// One line a catalogue.
pub(super) fn summary(manifest: &Manifest, found: &[Found], folder: &Path) -> String {
    let count = |number: usize| grouped(i64::try_from(number).unwrap_or(i64::MAX));
    let radius = |radius: Option<f64>| radius.map_or("-".to_owned(), |radius| format!("{radius:.2}"));
    let mut lines = format!("{} galaxies in {}\n\n", count(manifest.input.galaxies), manifest.input.path.display());
    let header = ("algorithm", "tracers", "voids", "at edge", "parts", "median R_eff", "largest");
    let (a, b, c, d, e, f, g) = header;
    lines.push_str(&format!("{a:<12}{b:>10}{c:>8}{d:>10}{e:>10}{f:>15}{g:>10}   file\n"));
    for (entry, one) in manifest.catalogues.iter().zip(found) {
        let parts = match &one.catalogue {
            VoidCatalogue::VoidFinder(catalogue) => catalogue.holes.len(),
            VoidCatalogue::Zones(catalogue) => catalogue.zones.len(),
        };
        let (tracers, voids, edge, parts) =
            (count(entry.tracers), count(entry.voids), count(entry.edge_voids), count(parts));
        let (median, largest) = (radius(entry.median_r_eff_mpc_h), radius(entry.largest_r_eff_mpc_h));
        let (name, file) = (entry.algorithm, &entry.file);
        lines.push_str(&format!(
            "{name:<12}{tracers:>10}{voids:>8}{edge:>10}{parts:>10}{median:>15}{largest:>10}   {file}\n"
        ));
    }
    lines.push_str(&format!(
        "\nR_eff in Mpc/h; parts: holes in voids (voidfinder) or zones; written to {} with manifest.json\n",
        folder.display()
    ));
    lines
}
