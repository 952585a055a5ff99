//! How the velocities of a profile move with the Gaussians it is made of.

use astro::statistics::normal_cdf;

use super::gaussians::{DEVIATES, FWHM_OF_SIGMA, edges};
use super::{GaussianComponent, LineProfile, SHARES};

/// How a profile of a sum of Gaussians moves with its components: a component its derivatives by flux, centre and standard
/// deviation, each as a profile. Follows from what defines each velocity: the flux below it, a slope of zero, half a height.
pub(crate) fn profile_slopes(components: &[GaussianComponent], profile: &LineProfile) -> Vec<[LineProfile; 3]> {
    if components.len() == 1 {
        let moved = |velocity_km_s, peak_km_s, fwhm_km_s| LineProfile { velocity_km_s, peak_km_s, fwhm_km_s };
        return vec![[moved([0.0; 7], 0.0, 0.0), moved([1.0; 7], 1.0, 0.0), moved(DEVIATES, 0.0, FWHM_OF_SIGMA)]];
    }
    let peak = profile.peak_km_s;
    let edges = edges(components, peak);
    // Where a curve is flat nothing says where it moves to.
    let ratio = |above: f64, below: f64| if below == 0.0 { 0.0 } else { above / below };
    let sum = |of: &dyn Fn(&Bump) -> f64, velocity: f64| -> f64 {
        components.iter().map(|one| of(&Bump::new(one, velocity))).sum()
    };
    let densities = profile.velocity_km_s.map(|velocity| sum(&|bump| bump.height, velocity));
    let bend = sum(&Bump::bend, peak);
    let slopes = edges.map(|edge| sum(&Bump::slope, edge));
    let by_component = |one: &GaussianComponent| {
        let at_quantiles = profile.velocity_km_s.map(|velocity| Bump::new(one, velocity));
        let (at_peak, at_edges) = (Bump::new(one, peak), edges.map(|edge| Bump::new(one, edge)));
        std::array::from_fn(|by| LineProfile {
            velocity_km_s: std::array::from_fn(|at| {
                let below = at_quantiles[at].below_by(by) - if by == 0 { SHARES[at] } else { 0.0 };
                -ratio(below, densities[at])
            }),
            peak_km_s: -ratio(at_peak.slope_by(by), bend),
            fwhm_km_s: {
                let [blue, red] =
                    [0, 1].map(|side| -ratio(at_edges[side].height_by(by) - 0.5 * at_peak.height_by(by), slopes[side]));
                red - blue
            },
        })
    };
    components.iter().map(by_component).collect()
}

/// A Gaussian at one velocity, and its derivatives by flux, centre and standard deviation (0, 1, 2).
struct Bump {
    flux: f64,
    sigma: f64,
    /// Distance from the centre in standard deviations.
    away: f64,
    height: f64,
}

impl Bump {
    fn new(one: &GaussianComponent, velocity: f64) -> Self {
        let away = (velocity - one.centre_km_s) / one.sigma_km_s;
        let height = one.flux / (one.sigma_km_s * std::f64::consts::TAU.sqrt()) * (-0.5 * away * away).exp();
        Self { flux: one.flux, sigma: one.sigma_km_s, away, height }
    }

    /// Derivatives by velocity.
    fn slope(&self) -> f64 {
        -self.height * self.away / self.sigma
    }

    fn bend(&self) -> f64 {
        self.height * (self.away * self.away - 1.0) / (self.sigma * self.sigma)
    }

    fn height_by(&self, by: usize) -> f64 {
        match by {
            0 => self.height / self.flux.max(f64::MIN_POSITIVE),
            1 => self.height * self.away / self.sigma,
            _ => self.height * (self.away * self.away - 1.0) / self.sigma,
        }
    }

    fn slope_by(&self, by: usize) -> f64 {
        let square = self.away * self.away;
        match by {
            0 => self.slope() / self.flux.max(f64::MIN_POSITIVE),
            1 => self.height * (1.0 - square) / (self.sigma * self.sigma),
            _ => -self.height * self.away * (square - 3.0) / (self.sigma * self.sigma),
        }
    }

    /// Of the flux below the velocity.
    fn below_by(&self, by: usize) -> f64 {
        match by {
            0 => normal_cdf(self.away),
            1 => -self.height,
            _ => -self.height * self.away,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::profile_of_model;
    use super::*;

    #[test]
    fn derivatives_are_those_of_differences() {
        let one = |flux, centre_km_s, sigma_km_s| GaussianComponent { flux, centre_km_s, sigma_km_s };
        let lines = [
            vec![one(3.0, -120.0, 250.0)],
            vec![one(3.0, 20.0, 200.0), one(1.5, -350.0, 700.0)],
            vec![one(1.0, 300.0, 900.0), one(0.7, -900.0, 1_500.0), one(0.4, 0.0, 4_000.0)],
        ];
        for line in lines {
            let slopes = profile_slopes(&line, &profile_of_model(&line).unwrap());
            for (at, of_component) in slopes.iter().enumerate() {
                for (by, slope) in of_component.iter().enumerate() {
                    let moved = |step: f64| {
                        let mut line = line.clone();
                        let one = &mut line[at];
                        *[&mut one.flux, &mut one.centre_km_s, &mut one.sigma_km_s][by] += step;
                        profile_of_model(&line).unwrap()
                    };
                    let step = if by == 0 { 1e-3 } else { 0.1 };
                    let (above, below) = (moved(step), moved(-step));
                    let differences = |of: fn(&LineProfile) -> f64| (of(&above) - of(&below)) / (2.0 * step);
                    let close = |of: fn(&LineProfile) -> f64| {
                        let (expected, scale) = (differences(of), if by == 0 { 1_000.0 } else { 1.0 });
                        assert!((of(slope) - expected).abs() < 2e-3 * scale, "{at} {by}: {} {expected}", of(slope));
                    };
                    close(|profile| profile.v02());
                    close(|profile| profile.velocity_km_s[2]);
                    close(|profile| profile.v50());
                    close(|profile| profile.v98());
                    close(|profile| profile.peak_km_s);
                    close(|profile| profile.fwhm_km_s);
                }
            }
        }
    }
}
