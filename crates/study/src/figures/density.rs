//! Densities: hexagons and grids as coloured cells, and the colour bar beside the panel.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Paint, Rect, Text, number, text_width};
use super::colour::Colour;
use super::marks::{Density, Source};
use super::view::View;

/// Shades of the map that are told apart: cells of one shade become one SVG path.
const SHADES: usize = 128;
/// Space right of a panel for its colour bar.
pub(crate) const BAR_MARGIN: f64 = 92.0;

/// One coloured cell: its outline, its centre, its value.
struct Cell {
    outline: String,
    centre: (f64, f64),
    value: f64,
}

/// Draws the cells (inside the panel's clip) and returns the values at the ends of the colour bar.
pub(crate) fn draw(canvas: &mut Canvas, view: &View<'_>, density: &Density) -> (f64, f64) {
    let cells = match &density.source {
        Source::Hexagons { x, y, across } => hexagons(view, x, y, *across),
        Source::Grid { x_edges, y_edges, values } => grid(view, x_edges, y_edges, values),
    };
    let range = colour_range(density, &cells);
    let mut shades: BTreeMap<usize, String> = BTreeMap::new();
    for cell in &cells {
        if let Some(fraction) = fraction(density, range, cell.value) {
            let shade = (fraction * (SHADES - 1) as f64).round() as usize;
            shades.entry(shade).or_default().push_str(&cell.outline);
        }
    }
    for (shade, outlines) in shades {
        let colour = density.map.at(shade as f64 / (SHADES - 1) as f64);
        // The hair-thin stroke closes the gaps that anti-aliasing leaves between neighbours.
        canvas.path(&outlines, Paint { stroke: Some(colour), width: 0.3, ..Paint::fill(colour, 1.0) });
    }
    if let Some(decimals) = density.decimals {
        for cell in &cells {
            let colour = density.map.at(fraction(density, range, cell.value).unwrap_or(0.0));
            let ink = if colour.luminance() > 0.5 { Colour::BLACK } else { Colour::WHITE };
            let words = format!("{:.decimals$}", cell.value).replace('-', "−");
            canvas
                .text((cell.centre.0, cell.centre.1 + 4.0), Text::new(&words, 11.0).anchor(Anchor::Middle).colour(ink));
        }
    }
    range
}

fn fraction(density: &Density, (low, high): (f64, f64), value: f64) -> Option<f64> {
    let fraction = if density.log { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
    (fraction.is_finite()).then(|| fraction.clamp(0.0, 1.0))
}

fn colour_range(density: &Density, cells: &[Cell]) -> (f64, f64) {
    if let Some((low, high)) = density.range.filter(|(low, high)| low < high && (!density.log || *low > 0.0)) {
        return (low, high);
    }
    let values =
        cells.iter().map(|cell| cell.value).filter(|value| value.is_finite() && (!density.log || *value > 0.0));
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    match (low < high, density.log) {
        (true, _) => (low, high),
        (false, true) if low == high => (low, low * 10.0),
        (false, false) if low == high => (low - 0.5, low + 0.5),
        (false, _) => (1.0, 10.0),
    }
}

/// Counts points in hexagons of the sheet; `across` of them fill the width.
fn hexagons(view: &View<'_>, x: &[f64], y: &[f64], across: usize) -> Vec<Cell> {
    let width = view.area.width / across as f64;
    let row_height = width * 3f64.sqrt() / 2.0;
    let mut counts: BTreeMap<(i64, i64), f64> = BTreeMap::new();
    for (&x, &y) in x.iter().zip(y) {
        let Some((px, py)) = view.project(x, y).filter(|&point| view.area.contains(point)) else { continue };
        let (u, v) = ((px - view.area.x) / width, (view.area.bottom() - py) / row_height);
        *counts.entry(nearest_hexagon(u, v)).or_default() += 1.0;
    }
    let corner = |(cx, cy): (f64, f64), index: i32| {
        let angle = f64::from(60 * index + 30).to_radians();
        (cx + width / 3f64.sqrt() * angle.cos(), cy + width / 3f64.sqrt() * angle.sin())
    };
    counts
        .into_iter()
        .map(|((row, column), value)| {
            let shift = if row.rem_euclid(2) == 1 { 0.5 } else { 0.0 };
            let centre = (view.area.x + (column as f64 + shift) * width, view.area.bottom() - row as f64 * row_height);
            let mut outline = String::new();
            for index in 0..6 {
                let (px, py) = corner(centre, index);
                let _ = write!(outline, "{}{} {}", if index == 0 { 'M' } else { 'L' }, number(px), number(py));
            }
            outline.push('z');
            Cell { outline, centre, value }
        })
        .collect()
}

/// Row and column of the hexagon whose centre is nearest; `u` in columns, `v` in rows, odd rows shifted by a half.
fn nearest_hexagon(u: f64, v: f64) -> (i64, i64) {
    let candidate = |row: f64| {
        let shift = if (row as i64).rem_euclid(2) == 1 { 0.5 } else { 0.0 };
        let column = (u - shift).round();
        let (du, dv) = (u - shift - column, (v - row) * 3f64.sqrt() / 2.0);
        (du * du + dv * dv, (row as i64, column as i64))
    };
    let (below, above) = (candidate(v.floor()), candidate(v.floor() + 1.0));
    if below.0 <= above.0 { below.1 } else { above.1 }
}

fn grid(view: &View<'_>, x_edges: &[f64], y_edges: &[f64], values: &[Option<f64>]) -> Vec<Cell> {
    let columns = x_edges.len().saturating_sub(1);
    let mut cells = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let (Some(value), true) = (value.filter(|value| value.is_finite()), columns > 0) else { continue };
        let (row, column) = (index / columns, index % columns);
        let (Some(y), Some(x)) = (y_edges.get(row..row + 2), x_edges.get(column..column + 2)) else { continue };
        let (Some(a), Some(b)) = (view.project(x[0], y[0]), view.project(x[1], y[1])) else { continue };
        let outline = format!("M{} {}H{}V{}H{}z", number(a.0), number(a.1), number(b.0), number(b.1), number(a.0));
        cells.push(Cell { outline, centre: (f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1)), value });
    }
    cells
}

/// The colour bar right of `area`.
pub(crate) fn colour_bar(canvas: &mut Canvas, area: Rect, density: &Density, range: (f64, f64)) {
    let bar = Rect { x: area.right() + 12.0, y: area.y, width: 12.0, height: area.height };
    let steps = 100;
    for step in 0..steps {
        let (low, high) = (f64::from(step) / f64::from(steps), f64::from(step + 1) / f64::from(steps));
        let slice = Rect { y: bar.bottom() - high * bar.height, height: (high - low) * bar.height + 0.4, ..bar };
        canvas.rect(slice, Paint::fill(density.map.at(f64::midpoint(low, high)), 1.0));
    }
    canvas.rect(bar, Paint::stroke(Colour::BLACK, 0.9));
    let axis = if density.log { Axis::log("") } else { Axis::linear("") };
    let ticks = axis.ticks(range, bar.height, 40.0);
    let mut widest: f64 = 0.0;
    let place = |value: f64| axis.fraction(value, range).map(|fraction| bar.bottom() - fraction * bar.height);
    for (value, label) in &ticks.major {
        let Some(y) = place(*value) else { continue };
        canvas.line((bar.right() - 4.0, y), (bar.right(), y), Paint::stroke(Colour::WHITE, 1.0));
        canvas.text((bar.right() + 5.0, y + 3.8), Text::new(label, 10.5));
        widest = widest.max(text_width(label, 10.5, false));
    }
    if !density.label.is_empty() {
        let (x, y) = (bar.right() + 5.0 + widest + 16.0, bar.centre().1);
        canvas.text((x, y), Text::new(&density.label, 11.5).anchor(Anchor::Middle).turned(-90.0));
    }
}
