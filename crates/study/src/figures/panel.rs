//! One panel: its frame and the marks in it.

use super::axis::{Axis, Scale};
use super::colour::Colour;
use super::marks::{Band, Circles, Density, Line, Mark, Marker, Note, Points, Rule, Source, Steps};
use super::view::{Frame, Wedge};

/// One panel of a figure: a plane with two axes, a map of the sky, or a wedge. Marks are added by name; areas are
/// drawn under lines and lines under points, whatever the order of the calls.
#[derive(Debug, Clone)]
pub struct Panel {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) marks: Vec<Mark>,
    pub(crate) legend: bool,
}

/// The colour and shape a mark is drawn with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) colour: Colour,
    pub(crate) marker: Marker,
}

impl Default for Panel {
    fn default() -> Self {
        Self::new()
    }
}

impl Panel {
    /// A plane with linear axes without labels: set [`Panel::x`] and [`Panel::y`].
    #[must_use]
    pub fn new() -> Self {
        Self::framed(Frame::Plane { x: Axis::linear(""), y: Axis::linear("") })
    }

    /// The whole sky in Mollweide's equal-area projection: x is right ascension, y declination, both in degrees;
    /// right ascension grows to the left, `centre_ra_deg` is in the middle.
    #[must_use]
    pub fn sky(centre_ra_deg: f64) -> Self {
        Self::framed(Frame::Sky { centre_deg: centre_ra_deg })
    }

    /// A wedge seen from above, the observer at its tip: x is right ascension in degrees (growing to the left; a low
    /// end above the high end means across 0 degrees), y the distance or redshift within `radius`.
    #[must_use]
    pub fn wedge(ra_deg: (f64, f64), radius: (f64, f64), radius_label: &str) -> Self {
        let high = if ra_deg.1 <= ra_deg.0 { ra_deg.1 + 360.0 } else { ra_deg.1 };
        Self::framed(Frame::Wedge(Wedge { ra_deg: (ra_deg.0, high), radius, radius_label: radius_label.to_owned() }))
    }

    fn framed(frame: Frame) -> Self {
        Self { frame, title: String::new(), marks: Vec::new(), legend: true }
    }

    /// Sets the horizontal axis of a plane (no effect on sky and wedge).
    #[must_use]
    pub fn x(mut self, axis: Axis) -> Self {
        if let Frame::Plane { x, .. } = &mut self.frame {
            *x = axis;
        }
        self
    }

    /// Sets the vertical axis of a plane (no effect on sky and wedge).
    #[must_use]
    pub fn y(mut self, axis: Axis) -> Self {
        if let Frame::Plane { y, .. } = &mut self.frame {
            *y = if matches!(axis.scale, Scale::Categories(_)) { axis.inverted() } else { axis };
        }
        self
    }

    /// Sets the words above the panel.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        self.title = title.to_owned();
        self
    }

    /// Leaves the legend out.
    #[must_use]
    pub fn without_legend(mut self) -> Self {
        self.legend = false;
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn line(self, line: Line) -> Self {
        self.mark(Mark::Line(line))
    }

    /// Adds points.
    #[must_use]
    pub fn points(self, points: Points) -> Self {
        self.mark(Mark::Points(points))
    }

    /// Adds a band.
    #[must_use]
    pub fn band(self, band: Band) -> Self {
        self.mark(Mark::Band(band))
    }

    /// Adds a step histogram.
    #[must_use]
    pub fn steps(self, steps: Steps) -> Self {
        self.mark(Mark::Steps(steps))
    }

    /// Adds a density, a heat map or a matrix, with its colour bar (one a panel).
    #[must_use]
    pub fn density(self, density: Density) -> Self {
        self.mark(Mark::Density(density))
    }

    /// Adds circles.
    #[must_use]
    pub fn circles(self, circles: Circles) -> Self {
        self.mark(Mark::Circles(circles))
    }

    /// Adds a straight line across the panel.
    #[must_use]
    pub fn rule(self, rule: Rule) -> Self {
        self.mark(Mark::Rule(rule))
    }

    /// Adds words.
    #[must_use]
    pub fn note(self, note: Note) -> Self {
        self.mark(Mark::Note(note))
    }

    fn mark(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }

    pub(crate) fn density_mark(&self) -> Option<&Density> {
        self.marks.iter().find_map(|mark| if let Mark::Density(density) = mark { Some(density) } else { None })
    }

    /// Colour and shape of every mark, in the order they were added.
    pub(crate) fn looks(&self) -> Vec<Look> {
        let mut next = 0;
        let mut current = 0;
        let mut looks = Vec::with_capacity(self.marks.len());
        let mut named: Vec<(&str, usize)> = Vec::new();
        let mut last_colour: Option<Colour> = None;
        for mark in &self.marks {
            let style = mark.style();
            let label = style.and_then(|style| style.label.as_deref());
            let set = style.and_then(|style| style.colour);
            match label.and_then(|label| named.iter().find(|(known, _)| *known == label)) {
                Some((_, index)) => current = *index,
                None if label.is_some() && !matches!(mark, Mark::Rule(_)) => {
                    current = next;
                    next += 1;
                    last_colour = None;
                    named.extend(label.map(|label| (label, current)));
                }
                None => {}
            }
            if !matches!(mark, Mark::Rule(_)) {
                last_colour = set.or(last_colour);
            }
            let colour = set.or(last_colour).unwrap_or(Colour::PALETTE[current % Colour::PALETTE.len()]);
            let marker = match mark {
                Mark::Points(points) => points.marker,
                _ => None,
            };
            looks.push(Look { colour, marker: marker.unwrap_or(Marker::ORDER[current % Marker::ORDER.len()]) });
        }
        looks
    }

    /// Smallest and largest x and y of the marks, and whether the axis should end exactly there.
    pub(crate) fn extent(&self) -> Extent {
        let mut extent = Extent::default();
        if let Frame::Plane { x, y } = &self.frame {
            extent.positive = (x.scale == Scale::Log, y.scale == Scale::Log);
        }
        for mark in &self.marks {
            extent.take(mark);
        }
        extent
    }
}

/// What the data of a panel span.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Extent {
    pub(crate) x: Option<(f64, f64)>,
    pub(crate) y: Option<(f64, f64)>,
    pub(crate) x_tight: bool,
    pub(crate) y_tight: bool,
    pub(crate) from_zero: bool,
    positive: (bool, bool),
}

impl Extent {
    fn take(&mut self, mark: &Mark) {
        match mark {
            Mark::Line(line) => self.points(&line.x, &line.y),
            Mark::Points(points) => {
                self.points(&points.x, &points.y);
                for (value, (low, high)) in points.x.iter().zip(&points.x_errors) {
                    self.include_x([value - low, value + high]);
                }
                for (value, (low, high)) in points.y.iter().zip(&points.y_errors) {
                    self.include_y([value - low, value + high]);
                }
            }
            Mark::Band(band) => {
                self.points(&band.x, &band.low);
                self.points(&band.x, &band.high);
            }
            Mark::Steps(steps) => {
                self.include_x(steps.edges.iter().copied());
                self.include_y(steps.heights.iter().copied());
                self.from_zero = true;
                self.x_tight = true;
            }
            Mark::Circles(circles) => {
                for (value, radius) in circles.x.iter().zip(&circles.radius) {
                    self.include_x([value - radius, value + radius]);
                }
                for (value, radius) in circles.y.iter().zip(&circles.radius) {
                    self.include_y([value - radius, value + radius]);
                }
            }
            Mark::Density(density) => {
                match &density.source {
                    Source::Hexagons { x, y, .. } => self.points(x, y),
                    Source::Grid { x_edges, y_edges, .. } => self.points(x_edges, y_edges),
                }
                (self.x_tight, self.y_tight) = (true, true);
            }
            Mark::Rule(rule) if rule.vertical => self.include_x([rule.at]),
            Mark::Rule(rule) => self.include_y([rule.at]),
            Mark::Note(_) => {}
        }
    }

    fn points(&mut self, x: &[f64], y: &[f64]) {
        self.include_x(x.iter().copied());
        self.include_y(y.iter().copied());
    }

    fn include_x(&mut self, values: impl IntoIterator<Item = f64>) {
        widen(&mut self.x, values, self.positive.0);
    }

    fn include_y(&mut self, values: impl IntoIterator<Item = f64>) {
        widen(&mut self.y, values, self.positive.1);
    }

    /// The extent of both.
    pub(crate) fn union(mut self, other: &Self) -> Self {
        self.include_x(other.x.into_iter().flat_map(|(low, high)| [low, high]));
        self.include_y(other.y.into_iter().flat_map(|(low, high)| [low, high]));
        self.x_tight &= other.x_tight;
        self.y_tight &= other.y_tight;
        self.from_zero |= other.from_zero;
        self
    }
}

fn widen(range: &mut Option<(f64, f64)>, values: impl IntoIterator<Item = f64>, positive: bool) {
    for value in values.into_iter().filter(|value| value.is_finite() && (!positive || *value > 0.0)) {
        *range = Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
    }
}
