//! Watershed voids as the tables of a DESIVAST file.

use astro::Cosmology;
use astro::sphere::{norm, ra_dec_deg};
use desi::desivast::{
    Algorithm, SurfaceGalaxy, Surfaces, SurveyLimits, Tracer, ZoneCatalogue, ZoneMembership, ZoneVoid,
};

use super::sample::SurveySample;
use super::surface::{VoidSurfaces, ZoneAreas, voids_of_zones};
use super::{Pruning, Settings, Void, Watershed};

/// Which catalogue to make of a watershed.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueRequest<'a> {
    /// The pruning.
    pub pruning: Pruning,
    /// Its limits.
    pub settings: Settings,
    /// Areas of the zones' faces (see [`Watershed::zone_areas`]): with them voids have `tot_area` and `edge_area`.
    pub areas: Option<&'a ZoneAreas>,
    /// Whether to make the surfaces' triangles.
    pub triangles: bool,
}

impl Pruning {
    /// The algorithm's name in a catalogue.
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Vide => Algorithm::Vide,
            Self::Zobov | Self::Zobov2 => Algorithm::Zobov,
            Self::Revolver | Self::Revolver2 => Algorithm::Revolver,
        }
    }
}

impl Watershed<'_> {
    /// The catalogue of one pruning. Voids are numbered by row from 0, zones by decreasing core volume; a galaxy that is
    /// no tracer, or whose cell has no volume, has no zone.
    pub fn catalogue(&self, sample: &SurveySample, request: &CatalogueRequest<'_>) -> ZoneCatalogue {
        let voids = self.voids(request.pruning, &request.settings);
        let surfaces = request.triangles.then(|| self.surface_tables(sample, self.surfaces(&voids)));
        ZoneCatalogue {
            algorithm: request.pruning.algorithm(),
            limits: SurveyLimits {
                omega_m: sample.cuts.omega_m,
                distance_mpc_h: sample.cuts.redshift.map(|z| sample.cosmology.comoving_distance_mpc_h(z)),
                redshift: sample.cuts.redshift,
            },
            voids: void_table(&voids, request.areas, &sample.cosmology),
            zones: zone_table(&voids, self.zones.zones.len()),
            tracers: self.tracer_table(sample),
            surfaces,
        }
    }

    fn tracer_table(&self, sample: &SurveySample) -> Vec<Tracer> {
        let mut table: Vec<Tracer> = (0..sample.positions_mpc_h.len())
            .map(|row| Tracer {
                gal: row as i64,
                target: sample.target.as_ref().map(|target| target[row]),
                position_mpc_h: sample.positions_mpc_h[row],
                zone: None,
                depth: -1,
                edge: false,
                out: sample.outside[row],
            })
            .collect();
        for (tracer, &row) in sample.tracers.iter().enumerate() {
            let galaxy = &mut table[row as usize];
            galaxy.zone = self.zone_of_tracer(tracer).map(i64::from);
            galaxy.depth = i64::from(self.depth_of_tracer(tracer));
            galaxy.edge = galaxy.zone.is_none() && !galaxy.out;
        }
        table
    }

    fn surface_tables(&self, sample: &SurveySample, surfaces: VoidSurfaces) -> Surfaces {
        let mut galaxies: Vec<SurfaceGalaxy> = (0..sample.positions_mpc_h.len())
            .map(|row| SurfaceGalaxy { gal: row as i64, void: None, other_void: None })
            .collect();
        for (&cell, &row) in self.tessellation.cell_of_tracer().iter().zip(&sample.tracers) {
            let galaxy = &mut galaxies[row as usize];
            galaxy.void = surfaces.void_of_cell[cell as usize].map(i64::from);
            galaxy.other_void = surfaces.other_void_of_cell[cell as usize].map(i64::from);
        }
        Surfaces { triangles: surfaces.triangles, galaxies }
    }
}

/// The `VOIDS` table. Redshift, right ascension and declination are of the centre as seen from the origin.
pub(super) fn void_table(voids: &[Void], areas: Option<&ZoneAreas>, cosmology: &Cosmology) -> Vec<ZoneVoid> {
    let row = |(index, void): (usize, &Void)| {
        let (ra_deg, dec_deg) = ra_dec_deg(void.centre_mpc_h);
        let outer = areas.map(|areas| areas.outer(&void.zones));
        ZoneVoid {
            void: index as i64,
            centre_mpc_h: void.centre_mpc_h,
            redshift: cosmology.redshift_at_mpc_h(norm(void.centre_mpc_h)),
            ra_deg,
            dec_deg,
            radius_mpc_h: void.radius_mpc_h,
            axes_mpc_h: void.axes_mpc_h,
            tot_area: outer.map(|area| area.total_mpc_h2),
            edge_area: outer.map(|area| area.edge_mpc_h2),
            edge: Some(i64::from(void.edge_cells > 0)),
        }
    };
    voids.iter().enumerate().map(row).collect()
}

fn zone_table(voids: &[Void], zones: usize) -> Vec<ZoneMembership> {
    voids_of_zones(voids, zones)
        .into_iter()
        .enumerate()
        .map(|(zone, of)| ZoneMembership {
            zone: zone as i64,
            void0: of.map(|[smallest, _]| i64::from(smallest)),
            void1: of.map(|[_, largest]| i64::from(largest)),
        })
        .collect()
}
