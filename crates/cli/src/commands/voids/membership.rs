//! `astrolab voids membership`: in which void a position lies.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use astro::Cosmology;
use astro::sphere::{norm, position_mpc_h};
use clap::Args;
use desi::desivast::{self, VoidCatalogue};
use voids::catalogue::{VoidTable, algorithm_name};
use voids::classify::ClassifySettings;
use voids::overlap::Membership;
use voids::survey::SurveyVolume;

use super::catalogues::{Frame, limits, tracer_directions};

/// Tell in which void of each catalogue a position lies, and which void's centre is nearest.
#[derive(Debug, Args)]
#[command(
    after_help = "Outside the distance limits of a catalogue, and outside the sky where its tracers are, nothing is said.
VoidFinder files hold no tracers: there `none` may also mean that the sky was not observed.

Examples:
  astrolab voids membership --voids found/galaxies_VoidFinder.fits --at 184.5,27.1,0.07
  astrolab voids membership --voids vide.fits zobov.fits --at 184.5,27.1,0.07 --at 210,-1.5,0.05 --json"
)]
pub(crate) struct WhichVoid {
    /// Void catalogues in DESIVAST's format.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    voids: Vec<PathBuf>,
    /// Right ascension and declination (degrees, ICRS) and redshift; may be repeated.
    #[arg(long, required = true, value_name = "RA,DEC,Z", value_parser = place, allow_hyphen_values = true)]
    at: Vec<Place>,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

/// A position as typed.
#[derive(Debug, Clone, Copy)]
struct Place {
    ra_deg: f64,
    dec_deg: f64,
    redshift: f64,
}

/// What one catalogue says of one position.
#[derive(Debug, serde::Serialize)]
struct Answer {
    ra_deg: f64,
    dec_deg: f64,
    redshift: f64,
    file: String,
    algorithm: &'static str,
    inside_survey: bool,
    void: Option<i64>,
    void_r_eff_mpc_h: Option<f64>,
    at_edge: Option<bool>,
    nearest_void: Option<i64>,
    nearest_distance_mpc_h: Option<f64>,
    nearest_r_over_r_eff: Option<f64>,
}

impl WhichVoid {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut answers = Vec::new();
        for path in &self.voids {
            let catalogue = desivast::read(path)?;
            let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            answers.extend(ask(catalogue, &file, &self.at)?);
        }
        let text = if self.json { format!("{}\n", serde_json::to_string_pretty(&answers)?) } else { summary(&answers) };
        crate::terminal::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads `RA,DEC,Z`.
fn place(text: &str) -> Result<Place, String> {
    let numbers: Vec<f64> = text.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    match numbers[..] {
        [ra_deg, dec_deg, redshift]
            if text.split(',').count() == 3
                && (-360.0..=360.0).contains(&ra_deg)
                && (-90.0..=90.0).contains(&dec_deg)
                && (0.0..=20.0).contains(&redshift) =>
        {
            Ok(Place { ra_deg, dec_deg, redshift })
        }
        _ => Err("expected RA,DEC,Z: degrees, degrees from -90 to 90, and a redshift, such as 184.5,27.1,0.07".into()),
    }
}

fn ask(catalogue: VoidCatalogue, file: &str, places: &[Place]) -> Result<Vec<Answer>> {
    let membership = Membership::new(&catalogue);
    let directions = tracer_directions(&catalogue);
    let [near, far] = limits(&catalogue).distance_mpc_h;
    let cosmology = Cosmology::flat_lcdm(limits(&catalogue).omega_m);
    let parts = [catalogue];
    let survey = (!directions.is_empty()).then(|| Frame::of(&parts).survey(&directions));
    let voids = VoidTable::new(&parts, ClassifySettings::default().edge_area_fraction)?;
    let answer = |place: &Place| {
        let distance = cosmology.comoving_distance_mpc_h(place.redshift);
        let position = position_mpc_h(place.ra_deg, place.dec_deg, distance);
        let inside_survey =
            distance >= near && distance <= far && survey.as_ref().is_none_or(|survey| survey.contains(position));
        let void = membership.void_at(position).filter(|_| inside_survey);
        let entry = void.and_then(|void| voids.voids.iter().find(|entry| entry.void == void));
        let apart = |centre: [f64; 3]| norm([0, 1, 2].map(|axis: usize| centre[axis] - position[axis]));
        let nearest = voids
            .voids
            .iter()
            .map(|entry| (entry, apart(entry.centre_mpc_h)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|_| inside_survey);
        Answer {
            ra_deg: place.ra_deg,
            dec_deg: place.dec_deg,
            redshift: place.redshift,
            file: file.to_owned(),
            algorithm: algorithm_name(voids.algorithm),
            inside_survey,
            void,
            void_r_eff_mpc_h: entry.map(|entry| entry.r_eff_mpc_h),
            at_edge: entry.map(|entry| entry.edge),
            nearest_void: nearest.map(|(entry, _)| entry.void),
            nearest_distance_mpc_h: nearest.map(|(_, distance)| distance),
            nearest_r_over_r_eff: nearest.map(|(entry, distance)| distance / entry.r_eff_mpc_h),
        }
    };
    Ok(places.iter().map(answer).collect())
}

/// One line a position and catalogue.
fn summary(answers: &[Answer]) -> String {
    let number = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let (a, b, c, d, e, f, g, h) = ("RA", "Dec", "z", "algorithm", "in void", "R_eff", "nearest", "distance");
    let mut lines = format!("{a:>10}{b:>10}{c:>10}   {d:<12}{e:>10}{f:>9}{g:>10}{h:>10}{:>9}\n", "r/R_eff");
    for answer in answers {
        let void = match (answer.inside_survey, answer.void) {
            (false, _) => "outside".to_owned(),
            (true, None) => "none".to_owned(),
            (true, Some(void)) => format!("{void}{}", if answer.at_edge == Some(true) { "*" } else { "" }),
        };
        let nearest = answer.nearest_void.map_or("-".to_owned(), |void| void.to_string());
        lines.push_str(&format!(
            "{:>10.4}{:>10.4}{:>10.5}   {:<12}{void:>10}{:>9}{nearest:>10}{:>10}{:>9}\n",
            answer.ra_deg,
            answer.dec_deg,
            answer.redshift,
            answer.algorithm,
            number(answer.void_r_eff_mpc_h, 2),
            number(answer.nearest_distance_mpc_h, 2),
            number(answer.nearest_r_over_r_eff, 3),
        ));
    }
    lines.push_str("\nlengths in Mpc/h; nearest: the void with the nearest centre; * touches the survey's edge\n");
    lines
}
