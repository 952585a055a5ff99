//! The legend: placed where the fewest data lie; below maps and wedges.

use super::canvas::{Canvas, Paint, Rect, Text, text_width};
use super::colour::Colour;
use super::draw;
use super::marks::{Mark, Source};
use super::panel::{Look, Panel};
use super::view::View;

const SIZE: f64 = 11.0;
const ROW: f64 = 16.5;
const SAMPLE: f64 = 26.0;
const PADDING: f64 = 6.0;

/// One line of the legend: a label and the marks that carry it.
pub(crate) struct Entry<'a> {
    label: &'a str,
    marks: Vec<(&'a Mark, Look)>,
}

/// The lines of the legend of `panel`, in the order of the calls.
pub(crate) fn entries(panel: &Panel) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    if !panel.legend {
        return entries;
    }
    for (mark, look) in panel.marks.iter().zip(panel.looks()) {
        let Some(label) = mark.style().and_then(|style| style.label.as_deref()) else { continue };
        match entries.iter_mut().find(|entry| entry.label == label) {
            Some(entry) => entry.marks.push((mark, look)),
            None => entries.push(Entry { label, marks: vec![(mark, look)] }),
        }
    }
    entries
}

/// Width and height of the box.
pub(crate) fn box_size(entries: &[Entry<'_>]) -> (f64, f64) {
    let widest = entries.iter().map(|entry| text_width(entry.label, SIZE, false)).fold(0.0, f64::max);
    (widest + SAMPLE + 3.0 * PADDING, entries.len() as f64 * ROW + PADDING)
}

/// The best of nine places inside the area of `view`, and how many sampled places of the data it hides.
pub(crate) fn place(view: &View<'_>, panel: &Panel, entries: &[Entry<'_>]) -> (Rect, usize) {
    let (width, height) = box_size(entries);
    let area = view.area;
    let gap = 9.0;
    let columns = [area.right() - width - gap, area.x + gap, area.x + (area.width - width) / 2.0];
    let rows = [area.y + gap, area.bottom() - height - gap, area.y + (area.height - height) / 2.0];
    let occupied = occupied(view, panel);
    let mut best: Option<(Rect, usize)> = None;
    for (r, y) in rows.into_iter().enumerate() {
        for (c, x) in columns.into_iter().enumerate() {
            if r == 2 && c == 2 {
                continue;
            }
            let place = Rect { x, y, width, height };
            let hidden = occupied.iter().filter(|&&point| place.contains(point)).count();
            if best.is_none_or(|(_, fewest)| hidden < fewest) {
                best = Some((place, hidden));
            }
        }
    }
    best.unwrap_or((Rect { x: area.x + gap, y: area.y + gap, width, height }, 0))
}

/// Places of the sheet where something is drawn, at most a few thousand.
fn occupied(view: &View<'_>, panel: &Panel) -> Vec<(f64, f64)> {
    let mut places = Vec::new();
    for mark in &panel.marks {
        match mark {
            Mark::Line(line) => along(view, line.x.iter().copied().zip(line.y.iter().copied()), &mut places),
            Mark::Band(band) => {
                along(view, band.x.iter().copied().zip(band.low.iter().copied()), &mut places);
                along(view, band.x.iter().copied().zip(band.high.iter().copied()), &mut places);
            }
            Mark::Steps(steps) => {
                let corners = steps.edges.windows(2).zip(&steps.heights).flat_map(|(edge, &height)| {
                    let foot = view.y_range.0;
                    [(edge[0], foot.max(height)), (edge[1], foot.max(height))]
                });
                along(view, corners, &mut places);
            }
            Mark::Points(points) => {
                let every = (points.x.len() / 4000).max(1);
                let pairs = points.x.iter().copied().zip(points.y.iter().copied());
                if points.joined {
                    along(view, pairs.clone(), &mut places);
                }
                places.extend(pairs.step_by(every).filter_map(|(x, y)| view.project(x, y)));
                let bars = points.x.iter().zip(&points.y).zip(&points.y_errors);
                places.extend(
                    bars.flat_map(|((&x, &y), (low, high))| [(x, y - low), (x, y + high)])
                        .filter_map(|(x, y)| view.project(x, y)),
                );
                for ((&x, &y), (low, high)) in points.x.iter().zip(&points.y).zip(&points.x_errors) {
                    along(view, [(x - low, y), (x + high, y)], &mut places);
                }
            }
            Mark::Density(density) => match &density.source {
                Source::Hexagons { x, y, .. } => {
                    let every = (x.len() / 4000).max(1);
                    places.extend(x.iter().zip(y).step_by(every).filter_map(|(&x, &y)| view.project(x, y)));
                }
                Source::Grid { x_edges, y_edges, values } => {
                    let columns = x_edges.len().saturating_sub(1).max(1);
                    places.extend(values.iter().enumerate().filter(|(_, value)| value.is_some()).filter_map(
                        |(index, _)| view.project(*x_edges.get(index % columns)?, *y_edges.get(index / columns)?),
                    ));
                }
            },
            Mark::Note(note) => {
                let (x, y) =
                    (view.area.x + note.at.0 * view.area.width, view.area.bottom() - note.at.1 * view.area.height);
                let width = text_width(&note.text, SIZE, false);
                let start = if note.at.0 > 0.5 { x - width } else { x };
                places.extend((0..=20).map(|step| (start + width * f64::from(step) / 20.0, y)));
            }
            Mark::Circles(circles) => {
                places.extend(circles.x.iter().zip(&circles.y).filter_map(|(&x, &y)| view.project(x, y)))
            }
            Mark::Rule(_) => {}
        }
    }
    places
}

fn along(view: &View<'_>, points: impl IntoIterator<Item = (f64, f64)>, places: &mut Vec<(f64, f64)>) {
    let mut previous: Option<(f64, f64)> = None;
    for (x, y) in points {
        let place = view.project(x, y);
        if let (Some((x0, y0)), Some((x1, y1))) = (previous, place) {
            let steps = ((x1 - x0).hypot(y1 - y0) / 5.0).ceil().clamp(1.0, 200.0) as i32;
            places.extend((0..=steps).map(|step| {
                let share = f64::from(step) / f64::from(steps);
                (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share)
            }));
        }
        previous = place;
    }
}

/// Draws the legend in `place`, one entry a row.
pub(crate) fn draw_box(canvas: &mut Canvas, place: Rect, entries: &[Entry<'_>]) {
    canvas.rect(place, Paint::fill(Colour::WHITE, 0.85));
    for (row, entry) in entries.iter().enumerate() {
        let y = place.y + PADDING / 2.0 + (row as f64 + 0.5) * ROW;
        draw_entry(canvas, (place.x + PADDING, y), entry);
    }
}

/// Draws the legend as one centred row with its middle at height `y`.
pub(crate) fn draw_row(canvas: &mut Canvas, area: Rect, y: f64, entries: &[Entry<'_>]) {
    let widths: Vec<f64> =
        entries.iter().map(|entry| SAMPLE + PADDING + text_width(entry.label, SIZE, false) + 22.0).collect();
    let mut x = area.centre().0 - (widths.iter().sum::<f64>() - 22.0) / 2.0;
    for (entry, width) in entries.iter().zip(widths) {
        draw_entry(canvas, (x, y), entry);
        x += width;
    }
}

fn draw_entry(canvas: &mut Canvas, (x, y): (f64, f64), entry: &Entry<'_>) {
    let middle = (x + SAMPLE / 2.0, y);
    let swatch = Rect { x, y: y - 5.0, width: SAMPLE, height: 10.0 };
    for (mark, look) in &entry.marks {
        let Some(style) = mark.style() else { continue };
        match mark {
            Mark::Band(_) => canvas.rect(swatch, Paint::fill(look.colour, style.opacity.unwrap_or(0.22))),
            Mark::Steps(steps) if steps.filled => {
                canvas.rect(swatch, Paint { stroke: Some(look.colour), width: 1.4, ..Paint::fill(look.colour, 0.18) });
            }
            Mark::Points(points) if points.is_cloud() => {
                canvas.path(&draw::marker_path(super::Marker::Disc, middle, 6.0), Paint::fill(look.colour, 1.0));
            }
            Mark::Points(points) => {
                if points.joined {
                    canvas.line((x, y), (x + SAMPLE, y), draw::pen(style, look.colour, 1.4));
                }
                let shape = draw::marker_path(look.marker, middle, points.size.unwrap_or(6.5).clamp(5.0, 9.0));
                canvas.path(&shape, draw::marker_paint(*look, 1.0));
            }
            Mark::Circles(_) => {
                let ring = draw::marker_path(super::Marker::Disc, middle, 10.0);
                canvas.path(&ring, Paint { opacity: 1.0, ..draw::pen(style, look.colour, 1.2) });
            }
            _ => canvas.line((x, y), (x + SAMPLE, y), draw::pen(style, look.colour, 1.8)),
        }
    }
    canvas.text((x + SAMPLE + PADDING, y + 3.9), Text::new(entry.label, SIZE));
}
