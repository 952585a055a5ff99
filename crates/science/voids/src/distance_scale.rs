//! A void catalogue as it would be on another distance scale.
//!
//! Every place keeps its direction and redshift. A void keeps its galaxies' angles and redshifts, so its size follows the
//! mean of the changes along and across the line of sight (Alcock & Paczynski 1979, 1979Natur.281..358A); that a sphere
//! becomes an ellipsoid is left out, and it is what changes who is in the void. Voids are not sought anew.

use astro::{Cosmology, sphere};
use desi::desivast::{SurveyLimits, VoidCatalogue};

/// From one flat universe to another, by place.
struct Scale {
    from: Cosmology,
    to: Cosmology,
}

impl Scale {
    /// How far along and how much larger things are at a comoving distance: the factors of distance and of size.
    fn factors(&self, distance_mpc_h: f64) -> (f64, f64) {
        if distance_mpc_h <= 0.0 {
            return (1.0, 1.0);
        }
        let z = self.from.redshift_at_mpc_h(distance_mpc_h);
        let across = self.to.comoving_distance_mpc_h(z) / distance_mpc_h;
        let along = self.from.expansion_rate(z) / self.to.expansion_rate(z);
        (across, (across * across * along).cbrt())
    }

    fn place(&self, place_mpc_h: &mut [f64; 3]) -> f64 {
        let (across, size) = self.factors(sphere::norm(*place_mpc_h));
        place_mpc_h.iter_mut().for_each(|x| *x *= across);
        size
    }

    fn limits(&self, limits: &mut SurveyLimits, omega_m: f64) {
        limits.omega_m = omega_m;
        for distance in &mut limits.distance_mpc_h {
            *distance *= self.factors(*distance).0;
        }
    }
}

/// The catalogue on the distance scale of a flat universe with another matter density.
#[must_use]
pub fn on_distance_scale(catalogue: &VoidCatalogue, omega_m: f64) -> VoidCatalogue {
    let scale = |from: f64| Scale { from: Cosmology::flat_lcdm(from), to: Cosmology::flat_lcdm(omega_m) };
    let mut catalogue = catalogue.clone();
    match &mut catalogue {
        VoidCatalogue::VoidFinder(spheres) => {
            let scale = scale(spheres.limits.omega_m);
            scale.limits(&mut spheres.limits, omega_m);
            for maximal in &mut spheres.maximals {
                let size = scale.place(&mut maximal.centre_mpc_h);
                maximal.radius_mpc_h *= size;
                for radius in [&mut maximal.r_eff_mpc_h, &mut maximal.r_eff_uncert_mpc_h] {
                    *radius = radius.map(|radius| radius * size);
                }
            }
            for hole in &mut spheres.holes {
                hole.radius_mpc_h *= scale.place(&mut hole.centre_mpc_h);
            }
        }
        VoidCatalogue::Zones(zones) => {
            let scale = scale(zones.limits.omega_m);
            scale.limits(&mut zones.limits, omega_m);
            for void in &mut zones.voids {
                let size = scale.place(&mut void.centre_mpc_h);
                void.radius_mpc_h *= size;
                void.axes_mpc_h.iter_mut().flatten().for_each(|x| *x *= size);
                for area in [&mut void.tot_area, &mut void.edge_area] {
                    *area = area.map(|area| area * size * size);
                }
            }
            for tracer in &mut zones.tracers {
                scale.place(&mut tracer.position_mpc_h);
            }
            zones.surfaces = None;
        }
    }
    catalogue
}

#[cfg(test)]
mod tests {
    use super::*;
    use desi::desivast::{Hole, VoidFinderCatalogue};

    #[test]
    fn places_keep_their_redshift_and_the_same_scale_changes_nothing() {
        let centre_mpc_h = [200.0, -150.0, 90.0];
        let limits = SurveyLimits { omega_m: 0.3, distance_mpc_h: [0.0, 400.0], redshift: [0.0, 0.14] };
        let holes = vec![Hole { centre_mpc_h, radius_mpc_h: 12.0, void: 0 }];
        let catalogue = VoidCatalogue::VoidFinder(VoidFinderCatalogue { limits, maximals: vec![], holes });
        let hole = |catalogue: &VoidCatalogue| match catalogue {
            VoidCatalogue::VoidFinder(spheres) => spheres.holes[0],
            VoidCatalogue::Zones(_) => unreachable!(),
        };
        let same = hole(&on_distance_scale(&catalogue, 0.3));
        assert!((same.radius_mpc_h - 12.0).abs() < 1e-6 && (same.centre_mpc_h[0] - 200.0).abs() < 1e-6);
        let other = hole(&on_distance_scale(&catalogue, 0.2));
        let z = |omega_m: f64, place: [f64; 3]| Cosmology::flat_lcdm(omega_m).redshift_at_mpc_h(sphere::norm(place));
        assert!((z(0.2, other.centre_mpc_h) - z(0.3, centre_mpc_h)).abs() < 1e-9);
        // Less matter, larger distances; by 0.75 (change of omega) z to first order, twice that along the line.
        assert!(other.radius_mpc_h > 12.0 && other.radius_mpc_h < 12.3, "{}", other.radius_mpc_h);
    }
}
