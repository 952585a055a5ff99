//! Marks onto the sheet.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::canvas::{Anchor, Canvas, Paint, Text, number, text_width};
use super::colour::Colour;
use super::marks::{Band, Circles, Line, Mark, Marker, Note, Points, Rule, Steps, Style};
use super::panel::Look;
use super::view::{Frame, View};

/// More points than this are thinned.
const CLOUD_LIMIT: usize = 20_000;
/// Corners of a circle drawn on the sky or in a wedge.
const CIRCLE_CORNERS: i32 = 48;

/// Draws every mark but the density, which is drawn before by the layout.
pub(crate) fn mark(canvas: &mut Canvas, view: &View<'_>, mark: &Mark, look: Look) {
    match mark {
        Mark::Density(_) => {}
        Mark::Band(band) => draw_band(canvas, view, band, look),
        Mark::Circles(circles) => draw_circles(canvas, view, circles, look),
        Mark::Steps(steps) => draw_steps(canvas, view, steps, look),
        Mark::Rule(rule) => draw_rule(canvas, view, rule, look),
        Mark::Line(line) => draw_line(canvas, view, line, look),
        Mark::Points(points) if points.is_cloud() => draw_cloud(canvas, view, points, look),
        Mark::Points(points) => draw_points(canvas, view, points, look),
        Mark::Note(note) => draw_note(canvas, view, note),
    }
}

/// How the outline of a mark is painted.
pub(crate) fn pen(style: &Style, colour: Colour, default_width: f64) -> Paint {
    let mut paint = Paint::stroke(colour, style.width.unwrap_or(default_width));
    paint.opacity = style.opacity.unwrap_or(1.0);
    paint.dashes = style.dash.pattern();
    paint
}

fn draw_line(canvas: &mut Canvas, view: &View<'_>, line: &Line, look: Look) {
    let path = view.path(line.x.iter().copied().zip(line.y.iter().copied()));
    canvas.path(&path, pen(&line.style, look.colour, 1.8));
}

fn draw_rule(canvas: &mut Canvas, view: &View<'_>, rule: &Rule, look: Look) {
    let Frame::Plane { .. } = view.frame else { return };
    let (x, y) = (view.x_range, view.y_range);
    let ends = if rule.vertical { [(rule.at, y.0), (rule.at, y.1)] } else { [(x.0, rule.at), (x.1, rule.at)] };
    canvas.path(&view.path(ends), pen(&rule.style, look.colour, 1.0));
}

fn draw_band(canvas: &mut Canvas, view: &View<'_>, band: &Band, look: Look) {
    let mut path = String::new();
    let corners: Vec<_> = (0..band.x.len().min(band.low.len()).min(band.high.len()))
        .map(|index| {
            // On a logarithmic axis a lower end at or below zero reaches the foot of the panel.
            let low = view
                .project(band.x[index], band.low[index])
                .or_else(|| band.low[index].is_finite().then(|| view.project(band.x[index], view.y_range.0)).flatten());
            low.zip(view.project(band.x[index], band.high[index]))
        })
        .collect();
    for run in corners.split(Option::is_none) {
        let run: Vec<_> = run.iter().flatten().collect();
        if run.len() < 2 {
            continue;
        }
        let around = run.iter().map(|(_, high)| *high).chain(run.iter().rev().map(|(low, _)| *low));
        for (index, (x, y)) in around.enumerate() {
            let _ = write!(path, "{}{} {}", if index == 0 { 'M' } else { 'L' }, number(x), number(y));
        }
        path.push('z');
    }
    canvas.path(&path, Paint::fill(look.colour, band.style.opacity.unwrap_or(0.22)));
}

fn draw_steps(canvas: &mut Canvas, view: &View<'_>, steps: &Steps, look: Look) {
    let foot = view.y_range.0.max(if view.y_range.0 <= 0.0 { 0.0 } else { view.y_range.0 });
    let mut outline = Vec::with_capacity(2 * steps.heights.len() + 2);
    if let (Some(&first), Some(&last)) = (steps.edges.first(), steps.edges.last()) {
        outline.push((first, foot));
        for (edge, &height) in steps.edges.windows(2).zip(&steps.heights) {
            // An empty bin on a logarithmic axis stands on its foot.
            let height = if height > 0.0 || view.project(edge[0], height).is_some() { height } else { foot };
            outline.push((edge[0], height));
            outline.push((edge[1], height));
        }
        outline.push((last, foot));
    }
    let path = view.path(outline);
    if steps.filled && !path.is_empty() {
        canvas.path(&format!("{path}z"), Paint::fill(look.colour, 0.18));
    }
    canvas.path(&path, pen(&steps.style, look.colour, 1.7));
}

fn draw_circles(canvas: &mut Canvas, view: &View<'_>, circles: &Circles, look: Look) {
    let mut path = String::new();
    for ((&x, &y), &radius) in circles.x.iter().zip(&circles.y).zip(&circles.radius) {
        if radius.is_finite() && radius > 0.0 {
            path.push_str(&circle_path(view, x, y, radius));
        }
    }
    let mut paint = pen(&circles.style, look.colour, 1.0);
    if circles.filled {
        paint.fill = Some(look.colour);
        paint.opacity = circles.style.opacity.unwrap_or(0.18);
    }
    canvas.path(&path, paint);
}

fn circle_path(view: &View<'_>, x: f64, y: f64, radius: f64) -> String {
    match view.frame {
        Frame::Plane { .. } => {
            let corners = (0..=CIRCLE_CORNERS).map(|index| {
                let angle = f64::from(index) / f64::from(CIRCLE_CORNERS) * std::f64::consts::TAU;
                (x + radius * angle.cos(), y + radius * angle.sin())
            });
            view.path(corners)
        }
        Frame::Sky { .. } => view.path((0..=CIRCLE_CORNERS).map(|index| {
            small_circle(x, y, radius, f64::from(index) / f64::from(CIRCLE_CORNERS) * std::f64::consts::TAU)
        })),
        Frame::Wedge(wedge) => {
            let Some((px, py)) = view.project(x, y) else { return String::new() };
            let r = radius * view.radial_scale(wedge);
            let (left, r) = (number(px - r), number(r));
            let across = number(2.0 * radius * view.radial_scale(wedge));
            format!("M{left} {}a{r} {r} 0 1 0 {across} 0a{r} {r} 0 1 0 -{across} 0z", number(py))
        }
    }
}

/// The point at position angle `angle_rad` (north through east) on the circle of `radius_deg` about `(ra, dec)`.
fn small_circle(ra_deg: f64, dec_deg: f64, radius_deg: f64, angle_rad: f64) -> (f64, f64) {
    let (dec, radius) = (dec_deg.to_radians(), radius_deg.to_radians());
    let sine = dec.sin() * radius.cos() + dec.cos() * radius.sin() * angle_rad.cos();
    let east = angle_rad.sin() * radius.sin() * dec.cos();
    let north = radius.cos() - dec.sin() * sine;
    (ra_deg + east.atan2(north).to_degrees(), sine.clamp(-1.0, 1.0).asin().to_degrees())
}

/// Many small dots as one path of round line ends.
fn draw_cloud(canvas: &mut Canvas, view: &View<'_>, points: &Points, look: Look) {
    let size = points.size.unwrap_or(1.6);
    let places: Vec<(f64, f64)> = points
        .x
        .iter()
        .zip(&points.y)
        .filter(|&(&x, &y)| view.shows(x, y))
        .filter_map(|(&x, &y)| view.project(x, y))
        .collect();
    let mut path = String::new();
    for (x, y) in thinned(&places, size) {
        let _ = write!(path, "M{} {}h0", number(x), number(y));
    }
    let mut paint = pen(&points.style, look.colour, size);
    paint.width = size;
    paint.opacity = points.style.opacity.unwrap_or(0.6);
    paint.round = true;
    canvas.path(&path, paint);
}

/// One point per spot of the sheet, spots growing until few enough remain; the points come out in order of place.
fn thinned(places: &[(f64, f64)], size: f64) -> Vec<(f64, f64)> {
    if places.len() <= CLOUD_LIMIT {
        return places.to_vec();
    }
    let mut spot = size * 0.35;
    loop {
        // The first point of each spot stays where it is: snapping points to the spots would draw a lattice.
        let mut taken = BTreeSet::new();
        let is_first = |(x, y): &&(f64, f64)| taken.insert(((x / spot).floor() as i64, (y / spot).floor() as i64));
        let kept: Vec<(f64, f64)> = places.iter().filter(is_first).copied().collect();
        if kept.len() <= CLOUD_LIMIT {
            return kept;
        }
        spot *= 1.2;
    }
}

fn draw_points(canvas: &mut Canvas, view: &View<'_>, points: &Points, look: Look) {
    let size = points.size.unwrap_or(6.5);
    let pairs = || points.x.iter().copied().zip(points.y.iter().copied());
    if points.joined {
        canvas.path(&view.path(pairs()), pen(&points.style, look.colour, 1.4));
    }
    let mut bars = String::new();
    for (index, (x, y)) in pairs().enumerate() {
        if let Some(&(low, high)) = points.y_errors.get(index) {
            bars.push_str(&error_bar(view, (x, y - low), (x, y + high)));
        }
        if let Some(&(low, high)) = points.x_errors.get(index) {
            bars.push_str(&error_bar(view, (x - low, y), (x + high, y)));
        }
    }
    canvas.path(&bars, Paint::stroke(look.colour, 1.3));
    let mut shapes = String::new();
    for (x, y) in pairs() {
        if let Some(place) = view.project(x, y).filter(|_| view.shows(x, y)) {
            shapes.push_str(&marker_path(look.marker, place, size));
        }
    }
    canvas.path(&shapes, marker_paint(look, points.style.opacity.unwrap_or(1.0)));
}

/// Open shapes are filled with paper, so that lines do not show through.
pub(crate) fn marker_paint(look: Look, opacity: f64) -> Paint {
    match look.marker {
        Marker::Ring => Paint { fill: Some(Colour::WHITE), ..Paint::stroke(look.colour, 1.5) },
        Marker::Plus => Paint { opacity, ..Paint::stroke(look.colour, 1.8) },
        _ => Paint { stroke: Some(Colour::WHITE), width: 0.6, ..Paint::fill(look.colour, opacity) },
    }
}

fn error_bar(view: &View<'_>, from: (f64, f64), to: (f64, f64)) -> String {
    let foot = |(x, y): (f64, f64)| (if x.is_finite() { x } else { view.x_range.0 }, y);
    let start = view.project(from.0, from.1).or_else(|| {
        let visible = to.0.is_finite() && to.1.is_finite();
        let (x, y) = foot(from);
        visible.then(|| view.project(x.max(view.x_range.0.min(x)), y.max(view.y_range.0))).flatten()
    });
    let (Some((x0, y0)), Some((x1, y1))) = (start, view.project(to.0, to.1)) else { return String::new() };
    let cap = 2.6;
    let mut path = format!("M{} {}L{} {}", number(x0), number(y0), number(x1), number(y1));
    for (x, y) in [(x0, y0), (x1, y1)] {
        let (dx, dy) = if (x0 - x1).abs() < (y0 - y1).abs() { (cap, 0.0) } else { (0.0, cap) };
        let _ = write!(path, "M{} {}L{} {}", number(x - dx), number(y - dy), number(x + dx), number(y + dy));
    }
    path
}

/// The outline of a marker of diameter `size`.
pub(crate) fn marker_path(marker: Marker, (x, y): (f64, f64), size: f64) -> String {
    let half = size / 2.0;
    let polygon = |corners: &[(f64, f64)]| {
        let mut path = String::new();
        for (index, (dx, dy)) in corners.iter().enumerate() {
            let _ = write!(
                path,
                "{}{} {}",
                if index == 0 { 'M' } else { 'L' },
                number(x + dx * half),
                number(y + dy * half)
            );
        }
        path + "z"
    };
    match marker {
        Marker::Disc | Marker::Ring => {
            let (r, across) = (number(half), number(size));
            format!("M{} {}a{r} {r} 0 1 0 {across} 0a{r} {r} 0 1 0 -{across} 0z", number(x - half), number(y))
        }
        Marker::Square => polygon(&[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]),
        Marker::Triangle => polygon(&[(0.0, -1.1), (1.05, 0.8), (-1.05, 0.8)]),
        Marker::Diamond => polygon(&[(0.0, -1.2), (1.0, 0.0), (0.0, 1.2), (-1.0, 0.0)]),
        Marker::Plus => format!(
            "M{} {}h{}M{} {}v{}",
            number(x - half),
            number(y),
            number(size),
            number(x),
            number(y - half),
            number(size)
        ),
    }
}

fn draw_note(canvas: &mut Canvas, view: &View<'_>, note: &Note) {
    let area = view.area;
    let place = (area.x + note.at.0 * area.width, area.bottom() - note.at.1 * area.height);
    let anchor = if note.at.0 > 0.5 { Anchor::End } else { Anchor::Start };
    // Kept inside: words too long for their place move towards the middle.
    let width = text_width(&note.text, 11.0, false);
    let x = match anchor {
        Anchor::End => place.0.max(area.x + width + 4.0),
        _ => place.0.min((area.right() - width - 4.0).max(area.x + 4.0)),
    };
    canvas.text((x, place.1 + 4.0), Text::new(&note.text, 11.0).anchor(anchor).colour(note.colour));
}
