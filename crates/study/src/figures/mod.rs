//! Figures that a referee accepts: SVG and PNG from one description, each with the table of its data.
//!
//! Axes linear, logarithmic or of categories, with ticks inwards on all sides; lines, points with errors, bands, step
//! histograms, densities with a colour bar, circles; maps of the sky and wedges; grids of panels with shared axes.
//! Colours are safe for colour-blind readers. The same figure gives the same bytes. No interaction and no 3-D.
//!
//! ```
//! use study::figures::{Axis, Band, Figure, Panel, Points};
//! let mass = [9.5, 10.0, 10.5];
//! let figure = Figure::new("Quenched fraction").panel(
//!     Panel::new()
//!         .x(Axis::linear("log₁₀(M★/M⊙)"))
//!         .y(Axis::linear("Quenched fraction").range(0.0, 1.0))
//!         .points(Points::new(&mass, &[0.2, 0.4, 0.7]).y_errors(&[0.03, 0.02, 0.04]).label("Wall").joined())
//!         .band(Band::around(&mass, &[0.2, 0.4, 0.7], &[0.05, 0.05, 0.05])),
//! );
//! assert!(figure.svg("quenched").contains("Quenched fraction"));
//! ```

mod axis;
mod canvas;
mod colour;
mod density;
mod draw;
mod frame;
mod legend;
mod marks;
mod panel;
mod png;
mod view;

use std::path::Path;

use arrow::array::RecordBatch;

pub use axis::Axis;
pub use colour::{Colour, ColourMap};
pub use marks::{Band, Circles, Dash, Density, Line, Marker, Note, Points, Rule, Steps};
pub use panel::Panel;

pub(crate) use axis::superscript;
pub(crate) use canvas::escape;

use crate::error::portable_name;
use crate::{Error, atomic, tables};
use canvas::{Canvas, Rect, Text};
use frame::{Margins, Worded};
use panel::Extent;
use view::{Frame, View};

/// Pixels of the PNG per pixel of the drawing: about 190 dots an inch at the size on screen.
const PNG_SCALE: f32 = 2.0;

/// A figure: one or more panels under a title.
#[derive(Debug, Clone)]
pub struct Figure {
    title: String,
    panels: Vec<Panel>,
    columns: usize,
    panel_size: Option<(f64, f64)>,
    share_x: bool,
    share_y: bool,
}

/// A panel with its ranges, before it has a place.
struct Ranged<'a> {
    panel: &'a Panel,
    x_range: (f64, f64),
    y_range: (f64, f64),
    worded: Worded,
}

impl Figure {
    /// A figure without panels. An empty title takes no room.
    #[must_use]
    pub fn new(title: &str) -> Self {
        let title = title.to_owned();
        Self { title, panels: Vec::new(), columns: 1, panel_size: None, share_x: false, share_y: false }
    }

    /// Adds a panel; panels fill rows from the left.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Sets how many panels stand in a row.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Sets the size of each panel's area in pixels (96 to the inch), without axes and labels.
    #[must_use]
    pub fn panel_size(mut self, width: f64, height: f64) -> Self {
        self.panel_size = Some((width.max(40.0), height.max(40.0)));
        self
    }

    /// Gives all panels one horizontal range, written below the lowest of each column only.
    #[must_use]
    pub fn share_x(mut self) -> Self {
        self.share_x = true;
        self
    }

    /// Gives all panels one vertical range, written at the left of each row only.
    #[must_use]
    pub fn share_y(mut self) -> Self {
        self.share_y = true;
        self
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The figure as an SVG document. `id` must be unlike that of other figures shown on the same page.
    #[must_use]
    pub fn svg(&self, id: &str) -> String {
        let ranged = self.ranged();
        let views: Vec<View<'_>> = ranged.iter().map(|panel| self.sized(panel)).collect();
        let margins: Vec<Margins> =
            ranged.iter().zip(&views).map(|(panel, view)| frame::margins(panel.panel, view, panel.worded)).collect();
        let title_height = if self.title.is_empty() { 4.0 } else { 30.0 };
        let lanes = Lanes::new(self.columns, &views, &margins, title_height);
        let mut canvas = Canvas::new(id);
        let (width, height) = lanes.sheet();
        let title_width = canvas::text_width(&self.title, 14.0, true) + 24.0;
        let width = width.max(title_width);
        if !self.title.is_empty() {
            canvas.text((width / 2.0, 21.0), Text::new(&self.title, 14.0).anchor(canvas::Anchor::Middle).bold());
        }
        for (index, (panel, mut view)) in ranged.iter().zip(views).enumerate() {
            view.area = lanes.area(index, view.area);
            draw_panel(&mut canvas, panel, view);
        }
        canvas.finish(width, height, &self.title)
    }

    /// The figure as PNG bytes, at twice the pixels of the SVG.
    ///
    /// # Errors
    /// The figure is too large for memory.
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        png::render(&self.svg("figure"), PNG_SCALE, &self.title)
    }

    /// Writes `<name>.svg`, `<name>.png` and the table of the figure's data as `<name>.parquet` and `<name>.csv` into
    /// `folder`, each atomically.
    ///
    /// # Errors
    /// `name` is not a portable file name, or a file cannot be written.
    pub fn save(&self, folder: &Path, name: &str, table: &RecordBatch) -> Result<(), Error> {
        portable_name("a figure", name)?;
        let svg = self.svg(name);
        atomic::write(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
        atomic::write(&folder.join(format!("{name}.png")), &png::render(&svg, PNG_SCALE, name)?)?;
        tables::write_parquet(&folder.join(format!("{name}.parquet")), table)?;
        tables::write_csv(&folder.join(format!("{name}.csv")), table)
    }

    fn ranged(&self) -> Vec<Ranged<'_>> {
        let extents: Vec<Extent> = self.panels.iter().map(Panel::extent).collect();
        let all =
            extents.iter().skip(1).fold(extents.first().copied().unwrap_or_default(), |all, next| all.union(next));
        let rows = self.panels.len().div_ceil(self.columns);
        self.panels
            .iter()
            .zip(extents)
            .enumerate()
            .map(|(index, (panel, own))| {
                let (x_extent, y_extent) = (if self.share_x { all } else { own }, if self.share_y { all } else { own });
                let (row, column) = (index / self.columns, index % self.columns);
                let lowest = row + 1 == rows || index + self.columns >= self.panels.len();
                let worded = Worded { x: !self.share_x || lowest, y: !self.share_y || column == 0 };
                let (x_range, y_range) = ranges(panel, &x_extent, &y_extent);
                let ranged = Ranged { panel, x_range, y_range, worded };
                self.with_headroom(ranged)
            })
            .collect()
    }

    /// Where the legend would hide data and the vertical range is free, the range grows upwards to make room.
    fn with_headroom<'a>(&self, mut ranged: Ranged<'a>) -> Ranged<'a> {
        let Frame::Plane { y, .. } = &ranged.panel.frame else { return ranged };
        let entries = legend::entries(ranged.panel);
        if entries.is_empty()
            || y.range.is_some()
            || self.share_y
            || matches!(y.scale, axis::Scale::Categories(_))
            || y.inverted
        {
            return ranged;
        }
        let (low, high) = ranged.y_range;
        for step in 0..6 {
            let growth = f64::from(step) * 0.08;
            ranged.y_range.1 = match y.scale {
                axis::Scale::Log => high * (high / low).powf(growth),
                _ => high + (high - low) * growth,
            };
            if legend::place(&self.sized(&ranged), ranged.panel, &entries).1 == 0 {
                return ranged;
            }
        }
        ranged.y_range = (low, high);
        ranged
    }

    /// The view of a panel at the origin.
    fn sized<'a>(&self, ranged: &Ranged<'a>) -> View<'a> {
        let default = match (&ranged.panel.frame, self.panels.len()) {
            (Frame::Sky { .. }, 1) => (680.0, 340.0),
            (Frame::Sky { .. }, _) => (520.0, 260.0),
            (Frame::Wedge(wedge), _) => (620.0, (620.0 * wedge.aspect()).min(620.0)),
            (Frame::Plane { .. }, 1) => (460.0, 340.0),
            (Frame::Plane { .. }, _) => (350.0, 265.0),
        };
        let (width, height) = self.panel_size.unwrap_or(default);
        let area = Rect { x: 0.0, y: 0.0, width, height };
        View { frame: &ranged.panel.frame, area, x_range: ranged.x_range, y_range: ranged.y_range }
    }
}

fn ranges(panel: &Panel, x_extent: &Extent, y_extent: &Extent) -> ((f64, f64), (f64, f64)) {
    let Frame::Plane { x, y } = &panel.frame else { return ((0.0, 1.0), (0.0, 1.0)) };
    let tight = |axis: &Axis, data: Option<(f64, f64)>, tight: bool| {
        data.filter(|(low, high)| {
            tight && low < high && axis.range.is_none() && !matches!(axis.scale, axis::Scale::Categories(_))
        })
    };
    let x_range = tight(x, x_extent.x, x_extent.x_tight).unwrap_or_else(|| x.drawn_range(x_extent.x, false));
    let y_range =
        tight(y, y_extent.y, y_extent.y_tight).unwrap_or_else(|| y.drawn_range(y_extent.y, y_extent.from_zero));
    (x_range, y_range)
}

fn draw_panel(canvas: &mut Canvas, ranged: &Ranged<'_>, view: View<'_>) {
    let panel = ranged.panel;
    frame::draw_beneath(canvas, &view);
    canvas.begin_clip(&view.outline());
    let bar = panel.density_mark().map(|density| (density, density::draw(canvas, &view, density)));
    let looks = panel.looks();
    let mut order: Vec<usize> = (0..panel.marks.len()).collect();
    order.sort_by_key(|&index| panel.marks[index].layer());
    for index in order {
        draw::mark(canvas, &view, &panel.marks[index], looks[index]);
    }
    canvas.end_clip();
    frame::draw(canvas, panel, &view, ranged.worded);
    if let Some((density, range)) = bar {
        density::colour_bar(canvas, view.area, density, range);
    }
    let entries = legend::entries(panel);
    if entries.is_empty() {
        return;
    }
    match view.frame {
        Frame::Plane { .. } => {
            let (place, _) = legend::place(&view, panel, &entries);
            legend::draw_box(canvas, place, &entries);
        }
        Frame::Sky { .. } => legend::draw_row(canvas, view.area, view.area.bottom() + 20.0, &entries),
        Frame::Wedge(_) => legend::draw_row(canvas, view.area, view.area.bottom() + 46.0, &entries),
    }
}

/// Columns and rows of panels, each as wide and high as its largest panel.
struct Lanes {
    columns: usize,
    lefts: Vec<f64>,
    tops: Vec<f64>,
    sheet: (f64, f64),
}

impl Lanes {
    fn new(columns: usize, views: &[View<'_>], margins: &[Margins], title_height: f64) -> Self {
        let lane = |pick: &dyn Fn(usize) -> bool| {
            let members: Vec<usize> = (0..views.len()).filter(|&index| pick(index)).collect();
            let room = members.iter().fold(Margins::default(), |room, &index| room.max(margins[index]));
            let size = members.iter().fold((0f64, 0f64), |size, &index| {
                (size.0.max(views[index].area.width), size.1.max(views[index].area.height))
            });
            (room, size)
        };
        let (mut x, mut y) = (4.0, title_height);
        let mut lefts = Vec::new();
        for column in 0..columns.min(views.len()) {
            let (room, size) = lane(&|index| index % columns == column);
            lefts.push(x + room.left);
            x += room.left + size.0 + room.right;
        }
        let mut tops = Vec::new();
        for row in 0..views.len().div_ceil(columns) {
            let (room, size) = lane(&|index| index / columns == row);
            tops.push(y + room.top);
            y += room.top + size.1 + room.bottom + 4.0;
        }
        Self { columns, lefts, tops, sheet: (x + 4.0, y + 2.0) }
    }

    fn sheet(&self) -> (f64, f64) {
        self.sheet
    }

    fn area(&self, index: usize, area: Rect) -> Rect {
        Rect { x: self.lefts[index % self.columns], y: self.tops[index / self.columns], ..area }
    }
}
