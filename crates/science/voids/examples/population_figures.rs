//! Every figure of populations on a simulated sky, to be looked at:
//! `cargo run -p voids --example population_figures -- FOLDER`.

use std::path::PathBuf;

use astro::statistics::Binning;
use desi::simulate::{LightCone, Parameters};
use voids::population::{self as p, EffectSettings, Quenching, Sample, Variant, figures, tables};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "population_figures".to_owned()));
    let parameters = Parameters { redshift_max: 0.24, ..Parameters::new(3, 60_000) };
    let simulated = p::simulated_sample(&LightCone::generate(&parameters)?, 0.24);
    let sample = Sample::new(simulated.columns, 3)?;
    let in_void = &simulated.in_void;
    let settings =
        EffectSettings { bootstraps: 200, permutations: 200, mass_bin_dex: 0.25, ..EffectSettings::default() };
    let limit = p::MassLimit::measure(&sample, &simulated.quenched, 19.5, Binning::uniform(0.0, 0.24, 12)?)?;
    let complete = limit.restrict(&sample, in_void);
    let sequence = |void: bool| p::main_sequence(&sample, |row| in_void[row] == Some(void), [8.0, 11.5], 10.0);
    let (void, wall) = (sequence(true)?, sequence(false)?);
    let all = p::main_sequence(&sample, |_| true, [8.0, 11.5], 10.0)?;
    let mut variants = Vec::new();
    for definition in Quenching::ALL {
        let quenched = p::quenched(&sample, definition, Some(&all.ridge))?;
        for (edge_rule, mask) in [("complete in mass", &complete), ("flux-limited", in_void)] {
            variants.push(Variant {
                algorithm: "Truth".to_owned(),
                edge_rule: edge_rule.to_owned(),
                definition: definition.name().to_owned(),
                cosmology: "0.3153".to_owned(),
                completeness: "none".to_owned(),
                effect: p::effect(&sample, mask, &quenched, &settings)?,
            });
        }
    }
    let table = tables::variants(&variants)?;
    figures::systematics(&variants).save(&folder, "systematics", &table)?;
    let quenched = p::quenched(&sample, Quenching::SpecificRate, None)?;
    let fractions = p::quenched_fractions(&sample, &complete, &quenched, &settings)?;
    let adjusted = p::adjust(std::slice::from_ref(&fractions.p_value))?;
    let table = tables::quenched_fractions(&fractions, &adjusted[0])?;
    figures::quenched_fractions(&fractions, "Quenched fraction").save(&folder, "quenched_fraction", &table)?;
    let area = parameters.area_deg2;
    let vmax = p::VmaxSettings { r_limit: 19.5, redshift: [0.01, 0.24], area_deg2: area, omega_m: parameters.omega_m };
    let density = p::inverse_vmax(&sample, &vmax)?;
    let bins = Binning::uniform(8.4, 11.4, 15)?;
    let function =
        |is_void: bool| p::mass_function(&sample, |row| in_void[row] == Some(is_void), &density, None, &bins);
    let (void_function, wall_function) = (function(true)?, function(false)?);
    let (void_fit, wall_fit) = (p::DoubleSchechter::fit(&void_function)?, p::DoubleSchechter::fit(&wall_function)?);
    let table = tables::mass_functions(&[("void", &void_function), ("wall", &wall_function)])?;
    figures::mass_functions((&void_function, Some(&void_fit)), (&wall_function, Some(&wall_fit))).save(
        &folder,
        "mass_function",
        &table,
    )?;
    let table = tables::main_sequences(&[("void", &void), ("wall", &wall)])?;
    figures::main_sequences(&void, &wall).save(&folder, "main_sequence", &table)?;
    figures::main_sequence_plane(&sample, in_void, &void, &wall).save(&folder, "main_sequence_plane", &table)?;
    figures::specific_rate(&sample, in_void).save(&folder, "specific_rate", &table)?;
    figures::mass_redshift(&sample, in_void).save(&folder, "mass_redshift", &table)?;
    figures::distributions(&sample, in_void).save(&folder, "distributions", &table)?;
    let matched = p::match_controls(&sample, in_void, &p::MatchSettings::default())?;
    let balances = p::balance(&sample, in_void, &matched.pairs)?;
    figures::balance(&balances).save(&folder, "balance", &tables::balances(&balances)?)?;
    Ok(())
}
