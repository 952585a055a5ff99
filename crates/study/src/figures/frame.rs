//! Frames: axes with ticks on all sides, the graticule of the sky, the rim of a wedge; and the room they need.

use super::axis::{Axis, Scale, linear_ticks};
use super::canvas::{Anchor, Canvas, Paint, Text, text_width};
use super::colour::Colour;
use super::density::BAR_MARGIN;
use super::legend;
use super::panel::Panel;
use super::view::{Frame, View, Wedge};

const TICK_SIZE: f64 = 11.0;
const LABEL_SIZE: f64 = 12.5;
const MAJOR: f64 = 6.0;
const MINOR: f64 = 3.0;

/// Which axes of a panel carry words: not those that a neighbour carries for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Worded {
    pub(crate) x: bool,
    pub(crate) y: bool,
}

/// Room in pixels around the area of a panel.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Margins {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Margins {
    /// Enough for both.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            left: self.left.max(other.left),
            right: self.right.max(other.right),
            top: self.top.max(other.top),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// The room that `panel` needs around its area.
pub(crate) fn margins(panel: &Panel, view: &View<'_>, worded: Worded) -> Margins {
    let top = if panel.title.is_empty() { 8.0 } else { 24.0 };
    let legend_row = if legend::entries(panel).is_empty() { 0.0 } else { 26.0 };
    match view.frame {
        Frame::Sky { .. } => Margins { left: 34.0, right: 14.0, top: top + 6.0, bottom: 12.0 + legend_row },
        Frame::Wedge(_) => Margins { left: 34.0, right: 34.0, top: top + 24.0, bottom: 40.0 + legend_row },
        Frame::Plane { x, y } => {
            let widest =
                y_ticks(y, view).iter().map(|(_, label)| text_width(label, TICK_SIZE, false)).fold(0.0, f64::max);
            let y_label = if y.label.is_empty() { 8.0 } else { 26.0 };
            let left = if worded.y { widest + 7.0 + y_label } else { 6.0 };
            let x_label = if x.label.is_empty() { 4.0 } else { 22.0 };
            let bottom = if worded.x { x_words_height(x, view) + x_label } else { 6.0 };
            let right = if panel.density_mark().is_some() { BAR_MARGIN } else { 14.0 };
            Margins { left, right, top, bottom }
        }
    }
}

fn y_ticks(axis: &Axis, view: &View<'_>) -> Vec<(f64, String)> {
    axis.ticks(view.y_range, view.area.height, 42.0).major
}

fn x_ticks(axis: &Axis, view: &View<'_>) -> super::axis::Ticks {
    axis.ticks(view.x_range, view.area.width, 62.0)
}

/// Categories too long for their place are written at a slant.
fn slanted(axis: &Axis, view: &View<'_>) -> bool {
    let Scale::Categories(names) = &axis.scale else { return false };
    let place = view.area.width / names.len().max(1) as f64;
    names.iter().any(|name| text_width(name, TICK_SIZE, false) > place - 6.0)
}

fn x_words_height(axis: &Axis, view: &View<'_>) -> f64 {
    if !slanted(axis, view) {
        return 20.0;
    }
    let Scale::Categories(names) = &axis.scale else { return 20.0 };
    let widest = names.iter().map(|name| text_width(name, TICK_SIZE, false)).fold(0.0, f64::max);
    widest * 0.58 + 18.0
}

/// Draws the frame of `panel` over its marks.
pub(crate) fn draw(canvas: &mut Canvas, panel: &Panel, view: &View<'_>, worded: Worded) {
    let area = view.area;
    if !panel.title.is_empty() {
        let lift = if matches!(view.frame, Frame::Wedge(_)) { 30.0 } else { 8.0 };
        canvas.text((area.x, area.y - lift), Text::new(&panel.title, LABEL_SIZE).bold());
    }
    match view.frame {
        Frame::Plane { x, y } => {
            draw_x(canvas, x, view, worded.x);
            draw_y(canvas, y, view, worded.y);
            canvas.rect(area, Paint::stroke(Colour::BLACK, 1.1));
        }
        Frame::Sky { centre_deg } => draw_sky_words(canvas, view, *centre_deg),
        Frame::Wedge(wedge) => draw_wedge(canvas, view, wedge),
    }
}

/// Draws what lies beneath the marks: the graticule of sky and wedge.
pub(crate) fn draw_beneath(canvas: &mut Canvas, view: &View<'_>) {
    let faint = Paint::stroke(Colour(0xd9, 0xd9, 0xd9), 0.8);
    match view.frame {
        Frame::Plane { .. } => {}
        Frame::Sky { centre_deg } => {
            for meridian in (-150..=150).step_by(30).map(|offset| centre_deg + f64::from(offset)) {
                canvas.path(&view.path((-90..=90).step_by(3).map(|dec| (meridian, f64::from(dec)))), faint);
            }
            for parallel in (-60..=60).step_by(30).map(f64::from) {
                let along = (0..=120).map(|step| (centre_deg - 179.999 + 359.998 * f64::from(step) / 120.0, parallel));
                canvas.path(&view.path(along), faint);
            }
        }
        Frame::Wedge(wedge) => {
            for (radius, _) in radial_ticks(wedge, view) {
                let (low, high) = wedge.ra_deg;
                let arc = (0..=100).map(|step| (low + (high - low) * f64::from(step) / 100.0, radius));
                canvas.path(&view.path(arc), faint);
            }
        }
    }
}

fn draw_x(canvas: &mut Canvas, axis: &Axis, view: &View<'_>, worded: bool) {
    let area = view.area;
    let ticks = x_ticks(axis, view);
    let place = |value: f64| axis.fraction(value, view.x_range).map(|fraction| area.x + fraction * area.width);
    let pen = Paint::stroke(Colour::BLACK, 1.0);
    let named = matches!(axis.scale, Scale::Categories(_));
    for (length, values) in [(MINOR, &ticks.minor), (MAJOR, &ticks.major.iter().map(|(value, _)| *value).collect())] {
        for x in values.iter().filter_map(|&value| place(value)).filter(|_| !named) {
            canvas.line((x, area.bottom()), (x, area.bottom() - length), pen);
            canvas.line((x, area.y), (x, area.y + length), pen);
        }
    }
    if !worded {
        return;
    }
    let slanted = slanted(axis, view);
    for (value, label) in &ticks.major {
        let Some(x) = place(*value) else { continue };
        if slanted {
            canvas.text((x + 4.0, area.bottom() + 14.0), Text::new(label, TICK_SIZE).anchor(Anchor::End).turned(-35.0));
        } else {
            canvas.text((x, area.bottom() + 16.0), Text::new(label, TICK_SIZE).anchor(Anchor::Middle));
        }
    }
    if !axis.label.is_empty() {
        let y = area.bottom() + x_words_height(axis, view) + 15.0;
        canvas.text((area.centre().0, y), Text::new(&axis.label, LABEL_SIZE).anchor(Anchor::Middle));
    }
}

fn draw_y(canvas: &mut Canvas, axis: &Axis, view: &View<'_>, worded: bool) {
    let area = view.area;
    let ticks = axis.ticks(view.y_range, area.height, 42.0);
    let place = |value: f64| axis.fraction(value, view.y_range).map(|fraction| area.bottom() - fraction * area.height);
    let pen = Paint::stroke(Colour::BLACK, 1.0);
    let named = matches!(axis.scale, Scale::Categories(_));
    for (length, values) in [(MINOR, &ticks.minor), (MAJOR, &ticks.major.iter().map(|(value, _)| *value).collect())] {
        for y in values.iter().filter_map(|&value| place(value)).filter(|_| !named) {
            canvas.line((area.x, y), (area.x + length, y), pen);
            canvas.line((area.right(), y), (area.right() - length, y), pen);
        }
    }
    if !worded {
        return;
    }
    let mut widest: f64 = 0.0;
    for (value, label) in &ticks.major {
        let Some(y) = place(*value) else { continue };
        canvas.text((area.x - 7.0, y + 4.0), Text::new(label, TICK_SIZE).anchor(Anchor::End));
        widest = widest.max(text_width(label, TICK_SIZE, false));
    }
    if !axis.label.is_empty() {
        let place = (area.x - 7.0 - widest - 10.0, area.centre().1);
        canvas.text(place, Text::new(&axis.label, LABEL_SIZE).anchor(Anchor::Middle).turned(-90.0));
    }
}

fn draw_sky_words(canvas: &mut Canvas, view: &View<'_>, centre_deg: f64) {
    canvas.path(&view.outline(), Paint::stroke(Colour::BLACK, 1.1));
    let small = 9.5;
    for offset in (-120..=120).step_by(60) {
        let ra = (centre_deg + f64::from(offset)).rem_euclid(360.0);
        let Some((x, y)) = view.project(centre_deg + f64::from(offset), 0.0) else { continue };
        let label = format!("{ra:.0}°");
        canvas.text((x + 3.0, y + 11.0), Text::new(&label, small).colour(Colour::GREY));
    }
    for dec in (-60..=60).step_by(30) {
        let Some((x, y)) = view.project(centre_deg + 179.999, f64::from(dec)) else { continue };
        let label = format!("{dec}°").replace('-', "−");
        let drop = 3.5 - f64::from(dec) / 10.0;
        canvas.text((x - 5.0, y + drop), Text::new(&label, small).anchor(Anchor::End).colour(Colour::GREY));
    }
}

fn radial_ticks(wedge: &Wedge, view: &View<'_>) -> Vec<(f64, String)> {
    let length = (wedge.radius.1 - wedge.radius.0) * view.radial_scale(wedge);
    linear_ticks(wedge.radius, (length / 70.0).max(2.0)).major
}

fn draw_wedge(canvas: &mut Canvas, view: &View<'_>, wedge: &Wedge) {
    canvas.path(&view.outline(), Paint::stroke(Colour::BLACK, 1.1));
    let outward = |ra: f64, by: f64| view.project(ra, wedge.radius.1 + by / view.radial_scale(wedge));
    let arc = (wedge.ra_deg.1 - wedge.ra_deg.0).to_radians() * wedge.radius.1 * view.radial_scale(wedge);
    let step = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 45.0, 60.0, 90.0]
        .into_iter()
        .find(|step| arc * step / (wedge.ra_deg.1 - wedge.ra_deg.0) > 60.0)
        .unwrap_or(90.0);
    let mut ra = (wedge.ra_deg.0 / step).ceil() * step;
    while ra <= wedge.ra_deg.1 + 1e-9 {
        if let (Some(rim), Some(inner), Some(word)) = (outward(ra, 0.0), outward(ra, -6.0), outward(ra, 14.0)) {
            canvas.line(rim, inner, Paint::stroke(Colour::BLACK, 1.0));
            let label = format!("{:.0}°", ra.rem_euclid(360.0));
            canvas.text((word.0, word.1 + 3.5), Text::new(&label, TICK_SIZE).anchor(Anchor::Middle));
        }
        ra += step;
    }
    draw_radial_words(canvas, view, wedge);
}

/// Ticks and words along the right-hand edge (the low end of right ascension).
fn draw_radial_words(canvas: &mut Canvas, view: &View<'_>, wedge: &Wedge) {
    let edge = wedge.ra_deg.0;
    let (Some(tip), Some(rim)) = (view.project(edge, wedge.radius.0), view.project(edge, wedge.radius.1)) else {
        return;
    };
    let (dx, dy) = (rim.0 - tip.0, rim.1 - tip.1);
    let length = dx.hypot(dy).max(1.0);
    // Unit vector away from the wedge, to the right of the edge seen from the tip.
    let away = (-dy / length, dx / length);
    let turned_deg = dy.atan2(dx).to_degrees();
    for (radius, label) in radial_ticks(wedge, view) {
        let Some((x, y)) = view.project(edge, radius) else { continue };
        canvas.line((x, y), (x - away.0 * 5.0, y - away.1 * 5.0), Paint::stroke(Colour::BLACK, 1.0));
        let place = (x + away.0 * 15.0, y + away.1 * 15.0);
        canvas.text(place, Text::new(&label, TICK_SIZE).anchor(Anchor::Middle).turned(turned_deg));
    }
    let middle = (f64::midpoint(tip.0, rim.0) + away.0 * 32.0, f64::midpoint(tip.1, rim.1) + away.1 * 32.0);
    canvas.text(middle, Text::new(&wedge.radius_label, LABEL_SIZE).anchor(Anchor::Middle).turned(turned_deg));
}
