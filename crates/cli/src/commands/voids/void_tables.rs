//! The tables that `voids find` writes beside its FITS files: one row a void.

use anyhow::Result;
use arrow::array::RecordBatch;
use astro::Cosmology;
use desi::desivast::{BoxCatalogue, BoxVoids, VoidCatalogue, VoidFinderCatalogue, ZoneCatalogue};
use study::tables::Columns;

/// Of a survey.
pub(super) fn of_survey(catalogue: &VoidCatalogue) -> Result<RecordBatch> {
    match catalogue {
        VoidCatalogue::VoidFinder(catalogue) => sphere_table(catalogue),
        VoidCatalogue::Zones(catalogue) => zone_table(catalogue),
    }
}

/// Of a box: without directions and redshifts.
pub(super) fn of_box(catalogue: &BoxCatalogue) -> Result<RecordBatch> {
    let columns = match &catalogue.voids {
        BoxVoids::Spheres { maximals: voids, .. } => {
            let centres: Vec<[f64; 3]> = voids.iter().map(|void| void.centre_mpc_h).collect();
            let numbers = voids.iter().map(|void| void.void);
            box_places(Columns::new().integer("void", "", "number, as in the FITS file", numbers), &centres)
                .float("radius", "Mpc/h", "radius of the maximal sphere", voids.iter().map(|v| v.radius_mpc_h))
                .optional(
                    "r_eff",
                    "Mpc/h",
                    "radius of the sphere with the void's volume",
                    voids.iter().map(|v| v.r_eff_mpc_h),
                )
                .optional("r_eff_error", "Mpc/h", "standard error of r_eff", voids.iter().map(|v| v.r_eff_uncert_mpc_h))
                .integer("edge", "", "0 inside, 1 across the boundary, 2 within 10 Mpc/h", voids.iter().map(|v| v.edge))
        }
        BoxVoids::Zones { voids, .. } => {
            let centres: Vec<[f64; 3]> = voids.iter().map(|void| void.centre_mpc_h).collect();
            let axes: Vec<[[f64; 3]; 3]> = voids.iter().map(|void| void.axes_mpc_h).collect();
            let numbers = voids.iter().map(|void| void.void);
            let columns =
                box_places(Columns::new().integer("void", "", "number, as in the FITS file", numbers), &centres).float(
                    "r_eff",
                    "Mpc/h",
                    "radius of the sphere with the void's volume",
                    voids.iter().map(|v| v.radius_mpc_h),
                );
            semi_axes(columns, &axes)
                .optional("tot_area", "Mpc2/h2", "outer surface", voids.iter().map(|v| v.tot_area))
                .optional("edge_area", "Mpc2/h2", "part of it at the box's walls", voids.iter().map(|v| v.edge_area))
        }
    };
    Ok(columns.table()?)
}

fn box_places(columns: Columns, centres: &[[f64; 3]]) -> Columns {
    let axis = |axis: usize| centres.iter().map(move |centre| centre[axis]);
    columns.float("x", "Mpc/h", "comoving centre", axis(0)).float("y", "Mpc/h", "comoving centre", axis(1)).float(
        "z",
        "Mpc/h",
        "comoving centre",
        axis(2),
    )
}

fn semi_axes(columns: Columns, axes_mpc_h: &[[[f64; 3]; 3]]) -> Columns {
    let length = |axis: usize| axes_mpc_h.iter().map(move |axes| astro::sphere::norm(axes[axis]));
    columns
        .float("semi_axis_1", "Mpc/h", "longest semi-axis of the ellipsoid", length(0))
        .float("semi_axis_2", "Mpc/h", "middle semi-axis", length(1))
        .float("semi_axis_3", "Mpc/h", "shortest semi-axis", length(2))
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
    let axes: Vec<[[f64; 3]; 3]> = voids.iter().map(|void| void.axes_mpc_h).collect();
    let columns = Columns::new().integer("void", "", "number, as in the FITS file", voids.iter().map(|v| v.void));
    let columns = places(columns, &centres)
        .float("ra", "deg", "right ascension of the centre, ICRS", voids.iter().map(|v| v.ra_deg))
        .float("dec", "deg", "declination of the centre, ICRS", voids.iter().map(|v| v.dec_deg))
        .float("redshift", "", "redshift of the centre", voids.iter().map(|v| v.redshift))
        .float("r_eff", "Mpc/h", "radius of the sphere with the void's volume", voids.iter().map(|v| v.radius_mpc_h));
    Ok(semi_axes(columns, &axes)
        .optional("tot_area", "Mpc2/h2", "outer surface", voids.iter().map(|v| v.tot_area))
        .optional("edge_area", "Mpc2/h2", "part of it at the survey edge", voids.iter().map(|v| v.edge_area))
        .table()?)
}
