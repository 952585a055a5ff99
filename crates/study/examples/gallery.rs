//! Every kind of plot once, to be looked at: `cargo run -p study --example gallery -- FOLDER`.

use std::path::PathBuf;

use study::figures::{
    Axis, Band, Circles, Colour, ColourMap, Dash, Density, Figure, Line, Note, Panel, Points, Rule, Steps,
};
use study::tables::Columns;

/// A reproducible spread of numbers in 0..1 (golden-ratio sequence), enough for a picture.
fn spread(count: usize, offset: f64) -> Vec<f64> {
    (0..count).map(|index| (offset + index as f64 * 0.618_033_988_749_895).fract()).collect()
}

/// Roughly normal numbers from three spreads.
fn bell(count: usize, offset: f64) -> Vec<f64> {
    let parts = [
        spread(count, offset),
        spread(count, offset * 3.1 + 0.2).iter().map(|v| (v * 97.13).fract()).collect(),
        spread(count, offset + 0.5).iter().map(|v| (v * 1313.7).fract()).collect::<Vec<f64>>(),
    ];
    (0..count).map(|index| parts.iter().map(|part: &Vec<f64>| part[index]).sum::<f64>() * 2.0 - 3.0).collect()
}

fn curves() -> Figure {
    let mass: Vec<f64> = (0..8).map(|index| 9.0 + 0.3 * f64::from(index)).collect();
    let wall: Vec<f64> = mass.iter().map(|m| 1.0 / (1.0 + (-2.2 * (m - 10.3)).exp())).collect();
    let void: Vec<f64> = mass.iter().map(|m| 0.93 / (1.0 + (-2.2 * (m - 10.4)).exp())).collect();
    let error: Vec<f64> = mass.iter().map(|m| 0.015 + 0.01 * (m - 9.0)).collect();
    Figure::new("Quenched fraction of void and wall galaxies").panel(
        Panel::new()
            .x(Axis::linear("log₁₀(M★/M⊙)"))
            .y(Axis::linear("Quenched fraction"))
            .points(Points::new(&mass, &void).y_errors(&error).label("Void (VoidFinder)").joined())
            .band(Band::around(&mass, &void, &error).colour(Colour::BLUE))
            .points(Points::new(&mass, &wall).y_errors(&error).label("Wall").joined())
            .band(Band::around(&mass, &wall, &error).colour(Colour::VERMILLION))
            .rule(Rule::horizontal(0.5).label("half quenched")),
    )
}

fn mass_function() -> Figure {
    let x: Vec<f64> = (0..60).map(|index| 8.5 + 0.05 * f64::from(index)).collect();
    let phi = |scale: f64| {
        x.iter().map(|m| scale * 10f64.powf(-0.2 * (m - 10.7)) * (-(10f64.powf(m - 10.7))).exp()).collect::<Vec<f64>>()
    };
    let (void, wall) = (phi(1e-3), phi(8e-3));
    let at = |curve: &[f64]| curve.iter().step_by(6).copied().collect::<Vec<f64>>();
    let coarse = at(&x);
    let errors = |curve: &[f64]| at(curve).iter().map(|v| (0.4 * v + 2e-6, 0.3 * v)).collect::<Vec<_>>();
    Figure::new("Stellar mass function").panel(
        Panel::new()
            .x(Axis::linear("log₁₀(M★/M⊙)"))
            .y(Axis::log("Φ  (h³ Mpc⁻³ dex⁻¹)").range(1e-7, 5e-2))
            .points(Points::new(&coarse, &at(&void)).y_errors_between(&errors(&void)).label("Void"))
            .line(Line::new(&x, &void).colour(Colour::BLUE).dash(Dash::Dashed))
            .points(Points::new(&coarse, &at(&wall)).y_errors_between(&errors(&wall)).label("Wall"))
            .line(Line::new(&x, &wall).label("Wall, double Schechter").colour(Colour::VERMILLION)),
    )
}

fn histograms() -> Figure {
    let radii = |offset: f64, scale: f64| {
        bell(2000, offset).iter().map(|b| scale + 2.5 * b.abs() * b.abs()).collect::<Vec<f64>>()
    };
    let panel = |name: &str, offset: f64| {
        Panel::new()
            .title(name)
            .x(Axis::linear("Effective radius (h⁻¹ Mpc)"))
            .y(Axis::linear("Probability density"))
            .steps(Steps::counts(&radii(offset, 10.0), (8.0, 32.0), 24).normalised().filled().label("REVOLVER"))
            .steps(Steps::counts(&radii(offset + 0.3, 12.0), (8.0, 32.0), 24).normalised().label("VIDE"))
    };
    let figure = Figure::new("Void radii by algorithm and cap").columns(2).share_x().share_y();
    figure.panel(panel("NGC", 0.1)).panel(panel("SGC", 0.37)).panel(panel("both", 0.73)).panel(panel("mocks", 0.91))
}

fn densities() -> Figure {
    let (a, b) = (bell(60_000, 0.11), bell(60_000, 0.57));
    let mass: Vec<f64> = a.iter().map(|v| 10.3 + 0.35 * v).collect();
    let rate: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 0.3 * a + 0.25 * b).collect();
    Figure::new("Star-forming main sequence")
        .columns(2)
        .panel(
            Panel::new()
                .title("Hexagons")
                .x(Axis::linear("log₁₀(M★/M⊙)"))
                .y(Axis::linear("log₁₀(SFR/M⊙ yr⁻¹)"))
                .density(Density::hexagons(&mass, &rate, 36))
                .line(Line::new(&[9.4, 11.3], &[-0.8, 0.85]).label("Ridge").colour(Colour::VERMILLION)),
        )
        .panel(
            Panel::new()
                .title("Cells, and a cloud of 60,000 points")
                .x(Axis::linear("log₁₀(M★/M⊙)").range(9.0, 11.6))
                .y(Axis::linear("log₁₀(SFR/M⊙ yr⁻¹)").range(-1.5, 1.5))
                .points(Points::new(&mass, &rate).colour(Colour::LIGHT_GREY))
                .density(
                    Density::counts((&mass, &rate), (9.6, 11.0), (-0.7, 0.7), (40, 40))
                        .map(ColourMap::Cividis)
                        .linear(),
                ),
        )
}

fn sky() -> Figure {
    let ra: Vec<f64> = spread(30_000, 0.3).iter().map(|v| 110.0 + 150.0 * v).collect();
    let dec: Vec<f64> = spread(30_000, 0.1).iter().map(|v| (v * 331.7).fract() * 70.0 - 8.0).collect();
    let ra_s: Vec<f64> = spread(9_000, 0.7).iter().map(|v| 310.0 + 110.0 * v).collect();
    let dec_s: Vec<f64> = spread(9_000, 0.9).iter().map(|v| (v * 331.7).fract() * 45.0 - 18.0).collect();
    let centres = [130.0, 160.0, 200.0, 230.0, 355.0, 20.0];
    Figure::new("Galaxies and voids on the sky").panel(
        Panel::sky(190.0)
            .points(Points::new(&ra, &dec).label("galaxies, NGC").colour(Colour::GREY).opacity(0.35).size(1.2))
            .points(Points::new(&ra_s, &dec_s).label("galaxies, SGC").colour(Colour::SKY).opacity(0.5).size(1.2))
            .circles(
                Circles::new(&centres, &[10.0, 45.0, 20.0, 5.0, 5.0, -8.0], &[5.0, 8.0, 4.0, 6.0, 9.0, 4.0])
                    .label("voids")
                    .colour(Colour::VERMILLION)
                    .width(1.6),
            ),
    )
}

fn wedge() -> Figure {
    let ra: Vec<f64> = spread(12_000, 0.3).iter().map(|v| 120.0 + 130.0 * v).collect();
    let z: Vec<f64> = spread(12_000, 0.1).iter().map(|v| 0.24 * (v * 331.7).fract().sqrt()).collect();
    Figure::new("A slice of the survey, 5° < δ < 12°").panel(
        Panel::wedge((120.0, 250.0), (0.0, 0.24), "Redshift z")
            .points(Points::new(&ra, &z).label("wall galaxies").colour(Colour::GREY))
            .circles(
                Circles::new(&[150.0, 180.0, 222.0], &[0.1, 0.18, 0.13], &[0.014, 0.02, 0.01])
                    .filled()
                    .label("void cross-sections")
                    .colour(Colour::BLUE),
            ),
    )
}

fn forest() -> Figure {
    let names =
        ["VoidFinder, fiducial", "VoidFinder, edge kept", "REVOLVER", "VIDE", "ZOBOV", "Spherical rule", "Ω_m = 0.26"];
    let place: Vec<f64> = (0..names.len()).map(|index| index as f64).collect();
    let effect = [-0.031, -0.028, -0.012, -0.004, -0.002, -0.022, -0.030];
    let errors = [0.006, 0.006, 0.008, 0.009, 0.008, 0.005, 0.006];
    Figure::new("Systematics of the effect").panel(
        Panel::new()
            .x(Axis::linear("Δ quenched fraction (void − wall)"))
            .y(Axis::categories("", names))
            .rule(Rule::vertical(0.0))
            .points(Points::new(&effect, &place).x_errors(&errors).label("difference ± 1σ"))
            .note(Note::new(0.97, 0.05, "stellar mass matched")),
    )
}

fn matrix() -> Figure {
    let names = ["9.0–9.5", "9.5–10.0", "10.0–10.5", "10.5–11.0", "11.0–11.5"];
    let values: Vec<Option<f64>> = (0..25)
        .map(|index| {
            let (row, column) = (index / 5, index % 5);
            Some((-0.5 * (row as f64 - column as f64).abs()).exp() * if (row + column) % 3 == 2 { -0.6 } else { 1.0 })
        })
        .collect();
    Figure::new("Correlation of the bins").panel(
        Panel::new().x(Axis::categories("log₁₀(M★/M⊙)", names)).y(Axis::categories("log₁₀(M★/M⊙)", names)).density(
            Density::matrix(5, &values, 2).map(ColourMap::Diverging).range(-1.0, 1.0).bar("Correlation coefficient"),
        ),
    )
}

fn main() -> Result<(), study::Error> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".to_owned()));
    let table = Columns::new().text("note", "", "what this is", ["a picture to look at"]).table()?;
    let figures = [
        ("curves", curves()),
        ("mass_function", mass_function()),
        ("histograms", histograms()),
        ("densities", densities()),
        ("sky", sky()),
        ("wedge", wedge()),
        ("forest", forest()),
        ("matrix", matrix()),
    ];
    for (name, figure) in figures {
        figure.save(&folder, name, &table)?;
    }
    Ok(())
}
