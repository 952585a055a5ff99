//! Which galaxies have stopped forming stars: three definitions side by side.

use super::{PopulationError, Ridge, Sample};

/// A definition of "quenched".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quenching {
    /// log10 of the specific star formation rate below -11 a year.
    SpecificRate,
    /// Star formation more than 1 dex below the main sequence of the whole sample.
    BelowMainSequence,
    /// Dn4000 above 1.6, which does not depend on a star formation rate (Kauffmann et al. 2003, 2003MNRAS.341...54K).
    Break4000,
}

impl Quenching {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 3] = [Self::SpecificRate, Self::BelowMainSequence, Self::Break4000];

    /// Name in tables and figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SpecificRate => "log sSFR < -11",
            Self::BelowMainSequence => "main sequence - 1 dex",
            Self::Break4000 => "Dn4000 > 1.6",
        }
    }
}

/// Whether each galaxy is quenched; `None` where the measurement is missing. The `ridge` is that of all galaxies.
///
/// # Errors
/// [`Quenching::BelowMainSequence`] without a ridge.
pub fn quenched(
    sample: &Sample,
    definition: Quenching,
    ridge: Option<&Ridge>,
) -> Result<Vec<Option<bool>>, PopulationError> {
    let rows = 0..sample.len();
    let masses = &sample.columns().log_mass;
    Ok(match definition {
        Quenching::SpecificRate => rows.map(|row| Some(sample.log_ssfr(row)? < -11.0)).collect(),
        Quenching::Break4000 => sample.columns().dn4000.iter().map(|value| Some((*value)? > 1.6)).collect(),
        Quenching::BelowMainSequence => {
            let ridge = ridge.ok_or(PopulationError::TooFew {
                what: "the distance to the main sequence",
                whom: "ridge lines",
                found: 0,
                needed: 1,
            })?;
            rows.map(|row| Some(sample.log_sfr(row)? < ridge.line.at(masses[row]?) - 1.0)).collect()
        }
    })
}
