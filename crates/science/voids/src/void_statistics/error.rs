//! What can stop the measurement of void statistics.

/// Void statistics that cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VoidStatisticsError {
    /// The catalogues do not belong together.
    #[error(transparent)]
    Catalogue(#[from] crate::classify::ClassifyError),
    /// A setting outside its range.
    #[error("cannot measure void statistics: expected {expected} for `{setting}`, found {found}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// No galaxy lies between the catalogue's distance limits.
    #[error(
        "cannot measure void statistics: none of {galaxies} galaxies lies at {near_mpc_h} to {far_mpc_h} Mpc/h\nhint: \
         give the galaxy catalogue that the voids were found in"
    )]
    NoGalaxies {
        /// How many galaxies there were.
        galaxies: usize,
        /// Nearest distance of the catalogue, Mpc/h.
        near_mpc_h: f64,
        /// Furthest distance of the catalogue, Mpc/h.
        far_mpc_h: f64,
    },
    /// No galaxy lies in the catalogue's box.
    #[error(
        "cannot measure void statistics: none of {galaxies} galaxies lies in the box from {low_mpc_h:?} to \
         {high_mpc_h:?} Mpc/h\nhint: give the galaxy catalogue that the voids were found in"
    )]
    NoneInBox {
        /// How many galaxies there were.
        galaxies: usize,
        /// Lowest corner of the box, Mpc/h.
        low_mpc_h: [f64; 3],
        /// Highest corner, Mpc/h.
        high_mpc_h: [f64; 3],
    },
    /// A random catalogue that says nothing.
    #[error(
        "cannot measure void statistics: {randoms} random points are inside the survey, expected at least as many as its \
         {galaxies} galaxies, better ten times as many\nhint: give the random catalogue of these galaxies"
    )]
    TooFewRandoms {
        /// Random points inside the survey.
        randoms: usize,
        /// Galaxies there.
        galaxies: usize,
    },
    /// Too few voids, or all in one jackknife region.
    #[error(
        "cannot measure void statistics: {kept} of {voids} voids are left, in {regions} jackknife regions; expected \
         voids in at least 2 regions\nhint: keep voids at the survey edge, or take smaller regions"
    )]
    TooFewVoids {
        /// Voids left after the cuts.
        kept: usize,
        /// Voids given.
        voids: usize,
        /// Regions they lie in.
        regions: usize,
    },
    /// The jackknife failed.
    #[error(transparent)]
    Jackknife(#[from] astro::statistics::StatisticsError),
    /// A figure or a table could not be written.
    #[error(transparent)]
    Output(#[from] study::Error),
}

impl VoidStatisticsError {
    pub(super) fn none_inside(galaxies: usize, volume: &super::Volume) -> Self {
        match volume {
            super::Volume::Survey(survey) => {
                let [near_mpc_h, far_mpc_h] = survey.distance_mpc_h();
                Self::NoGalaxies { galaxies, near_mpc_h, far_mpc_h }
            }
            super::Volume::Box(limits) => {
                Self::NoneInBox { galaxies, low_mpc_h: limits.low_mpc_h, high_mpc_h: limits.high_mpc_h }
            }
        }
    }
}
