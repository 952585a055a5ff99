//! What is drawn in a panel: lines, points with errors, bands, histograms, densities, circles, rules, notes.

use super::colour::{Colour, ColourMap};

/// How a line is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dash {
    /// A full line.
    #[default]
    Full,
    /// Dashes.
    Dashed,
    /// Dots.
    Dotted,
    /// Dash, dot.
    DashDot,
}

impl Dash {
    pub(crate) fn pattern(self) -> &'static str {
        match self {
            Self::Full => "",
            Self::Dashed => "6 3",
            Self::Dotted => "1.5 2.5",
            Self::DashDot => "7 2.5 1.5 2.5",
        }
    }
}

/// The shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// A filled disc.
    Disc,
    /// A filled square.
    Square,
    /// A filled triangle, point up.
    Triangle,
    /// A filled diamond.
    Diamond,
    /// An open ring.
    Ring,
    /// An upright cross.
    Plus,
}

impl Marker {
    pub(crate) const ORDER: [Self; 6] =
        [Self::Disc, Self::Square, Self::Triangle, Self::Diamond, Self::Ring, Self::Plus];
}

/// What the marks have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Style {
    pub(crate) label: Option<String>,
    pub(crate) colour: Option<Colour>,
    pub(crate) dash: Dash,
    pub(crate) width: Option<f64>,
    pub(crate) opacity: Option<f64>,
}

macro_rules! styled {
    ($($mark:ident),*) => {$(
        impl $mark {
            /// Names this mark in the legend.
            #[must_use]
            pub fn label(mut self, label: &str) -> Self {
                self.style.label = Some(label.to_owned());
                self
            }

            /// Sets the colour; without it, a labelled mark takes the next of [`Colour::PALETTE`] and an unlabelled
            /// mark that of the mark before it.
            #[must_use]
            pub fn colour(mut self, colour: Colour) -> Self {
                self.style.colour = Some(colour);
                self
            }

            /// Sets how opaque it is, 0 to 1.
            #[must_use]
            pub fn opacity(mut self, opacity: f64) -> Self {
                self.style.opacity = Some(opacity.clamp(0.0, 1.0));
                self
            }
        }
    )*};
}

macro_rules! stroked {
    ($($mark:ident),*) => {$(
        impl $mark {
            /// Sets how the line is broken.
            #[must_use]
            pub fn dash(mut self, dash: Dash) -> Self {
                self.style.dash = dash;
                self
            }

            /// Sets the width of the line in pixels.
            #[must_use]
            pub fn width(mut self, pixels: f64) -> Self {
                self.style.width = Some(pixels);
                self
            }
        }
    )*};
}

styled!(Line, Points, Band, Steps, Circles, Rule);
stroked!(Line, Steps, Circles, Rule);

/// A line through points in the order given, broken where a value is not finite.
#[derive(Debug, Clone)]
pub struct Line {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
    pub(crate) style: Style,
}

impl Line {
    /// A line through `(x[i], y[i])`.
    #[must_use]
    pub fn new(x: &[f64], y: &[f64]) -> Self {
        Self { x: x.to_vec(), y: y.to_vec(), style: Style::default() }
    }
}

/// Points, with error bars or without. More than 20,000 points without error bars are thinned to one per spot of the
/// drawing, which looks the same and keeps the file small.
#[derive(Debug, Clone)]
pub struct Points {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
    pub(crate) x_errors: Vec<(f64, f64)>,
    pub(crate) y_errors: Vec<(f64, f64)>,
    pub(crate) marker: Option<Marker>,
    pub(crate) size: Option<f64>,
    pub(crate) joined: bool,
    pub(crate) style: Style,
}

impl Points {
    /// Points at `(x[i], y[i])`; those not finite are left out.
    #[must_use]
    pub fn new(x: &[f64], y: &[f64]) -> Self {
        let (x, y) = (x.to_vec(), y.to_vec());
        let none = Vec::new;
        Self {
            x,
            y,
            x_errors: none(),
            y_errors: none(),
            marker: None,
            size: None,
            joined: false,
            style: Style::default(),
        }
    }

    /// Symmetric errors of `y`, in its unit.
    #[must_use]
    pub fn y_errors(mut self, errors: &[f64]) -> Self {
        self.y_errors = errors.iter().map(|&error| (error, error)).collect();
        self
    }

    /// Errors of `y` (lower, upper), both as positive lengths.
    #[must_use]
    pub fn y_errors_between(mut self, errors: &[(f64, f64)]) -> Self {
        self.y_errors = errors.to_vec();
        self
    }

    /// Symmetric errors of `x`, in its unit.
    #[must_use]
    pub fn x_errors(mut self, errors: &[f64]) -> Self {
        self.x_errors = errors.iter().map(|&error| (error, error)).collect();
        self
    }

    /// Errors of `x` (lower, upper), both as positive lengths.
    #[must_use]
    pub fn x_errors_between(mut self, errors: &[(f64, f64)]) -> Self {
        self.x_errors = errors.to_vec();
        self
    }

    /// Sets the shape; without it shapes follow the order of the palette.
    #[must_use]
    pub fn marker(mut self, marker: Marker) -> Self {
        self.marker = Some(marker);
        self
    }

    /// Sets the diameter in pixels.
    #[must_use]
    pub fn size(mut self, pixels: f64) -> Self {
        self.size = Some(pixels);
        self
    }

    /// Joins the points by a line.
    #[must_use]
    pub fn joined(mut self) -> Self {
        self.joined = true;
        self
    }
}

/// The area between two curves: an uncertainty.
#[derive(Debug, Clone)]
pub struct Band {
    pub(crate) x: Vec<f64>,
    pub(crate) low: Vec<f64>,
    pub(crate) high: Vec<f64>,
    pub(crate) style: Style,
}

impl Band {
    /// The area between `low[i]` and `high[i]` along `x`, broken where a value is not finite.
    #[must_use]
    pub fn new(x: &[f64], low: &[f64], high: &[f64]) -> Self {
        Self { x: x.to_vec(), low: low.to_vec(), high: high.to_vec(), style: Style::default() }
    }

    /// The area `value ± error`.
    #[must_use]
    pub fn around(x: &[f64], value: &[f64], error: &[f64]) -> Self {
        let low: Vec<f64> = value.iter().zip(error).map(|(v, e)| v - e).collect();
        let high: Vec<f64> = value.iter().zip(error).map(|(v, e)| v + e).collect();
        Self::new(x, &low, &high)
    }
}

/// A histogram drawn as steps.
#[derive(Debug, Clone)]
pub struct Steps {
    pub(crate) edges: Vec<f64>,
    pub(crate) heights: Vec<f64>,
    pub(crate) filled: bool,
    pub(crate) style: Style,
}

impl Steps {
    /// `heights[i]` between `edges[i]` and `edges[i + 1]`: one more edge than heights.
    #[must_use]
    pub fn new(edges: &[f64], heights: &[f64]) -> Self {
        Self { edges: edges.to_vec(), heights: heights.to_vec(), filled: false, style: Style::default() }
    }

    /// Counts of `values` in `bins` equal bins over `range` (low included, high included in the last bin).
    #[must_use]
    pub fn counts(values: &[f64], range: (f64, f64), bins: usize) -> Self {
        let width = (range.1 - range.0) / bins.max(1) as f64;
        let edges: Vec<f64> = (0..=bins).map(|index| range.0 + width * index as f64).collect();
        let mut heights = vec![0.0; bins];
        for &value in values.iter().filter(|value| **value >= range.0 && **value <= range.1) {
            let bin = (((value - range.0) / width) as usize).min(bins.saturating_sub(1));
            if let Some(height) = heights.get_mut(bin) {
                *height += 1.0;
            }
        }
        Self::new(&edges, &heights)
    }

    /// Scales the heights so that the area under the steps is 1.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        let area: f64 =
            self.heights.iter().zip(self.edges.windows(2)).map(|(height, edge)| height * (edge[1] - edge[0])).sum();
        if area > 0.0 {
            self.heights.iter_mut().for_each(|height| *height /= area);
        }
        self
    }

    /// Fills the area under the steps.
    #[must_use]
    pub fn filled(mut self) -> Self {
        self.filled = true;
        self
    }
}

/// Circles in the units of the panel: of the horizontal axis on a plane, degrees on the sky, the radial unit in a wedge.
#[derive(Debug, Clone)]
pub struct Circles {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
    pub(crate) radius: Vec<f64>,
    pub(crate) filled: bool,
    pub(crate) style: Style,
}

impl Circles {
    /// Circles about `(x[i], y[i])` of `radius[i]`.
    #[must_use]
    pub fn new(x: &[f64], y: &[f64], radius: &[f64]) -> Self {
        Self { x: x.to_vec(), y: y.to_vec(), radius: radius.to_vec(), filled: false, style: Style::default() }
    }

    /// Fills them lightly.
    #[must_use]
    pub fn filled(mut self) -> Self {
        self.filled = true;
        self
    }
}

/// A straight line across the whole panel at one value.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(crate) at: f64,
    pub(crate) vertical: bool,
    pub(crate) style: Style,
}

impl Rule {
    /// A horizontal line at `y`.
    #[must_use]
    pub fn horizontal(y: f64) -> Self {
        Self::across(y, false)
    }

    /// A vertical line at `x`.
    #[must_use]
    pub fn vertical(x: f64) -> Self {
        Self::across(x, true)
    }

    fn across(at: f64, vertical: bool) -> Self {
        let style = Style { colour: Some(Colour::GREY), dash: Dash::Dashed, width: Some(1.0), ..Style::default() };
        Self { at, vertical, style }
    }
}

/// What a density is made from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Points, counted in hexagons across the panel.
    Hexagons { x: Vec<f64>, y: Vec<f64>, across: usize },
    /// Values on a grid, row by row from low y; `None` is left blank.
    Grid { x_edges: Vec<f64>, y_edges: Vec<f64>, values: Vec<Option<f64>> },
}

/// Values as colours, with a colour bar.
#[derive(Debug, Clone)]
pub struct Density {
    pub(crate) source: Source,
    pub(crate) label: String,
    pub(crate) map: ColourMap,
    pub(crate) log: bool,
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) decimals: Option<usize>,
}

impl Density {
    /// Counts of points in hexagons, `across` of them along the panel's width; empty hexagons are blank.
    #[must_use]
    pub fn hexagons(x: &[f64], y: &[f64], across: usize) -> Self {
        Self::of(Source::Hexagons { x: x.to_vec(), y: y.to_vec(), across: across.clamp(2, 400) }, "galaxies per cell")
            .log()
    }

    /// Values on the grid of `x_edges` and `y_edges`, row by row from the first y; `None` is left blank.
    #[must_use]
    pub fn grid(x_edges: &[f64], y_edges: &[f64], values: &[Option<f64>]) -> Self {
        let source = Source::Grid { x_edges: x_edges.to_vec(), y_edges: y_edges.to_vec(), values: values.to_vec() };
        Self::of(source, "")
    }

    /// Counts of points in `bins` equal cells (across, up) over the two ranges; empty cells are blank.
    #[must_use]
    pub fn counts((x, y): (&[f64], &[f64]), x_range: (f64, f64), y_range: (f64, f64), bins: (usize, usize)) -> Self {
        let edges = |(low, high): (f64, f64), n: usize| -> Vec<f64> {
            (0..=n).map(|index| low + (high - low) * index as f64 / n.max(1) as f64).collect()
        };
        let mut counts = vec![0.0; bins.0 * bins.1];
        for (&x, &y) in x.iter().zip(y) {
            let column = (x - x_range.0) / (x_range.1 - x_range.0) * bins.0 as f64;
            let row = (y - y_range.0) / (y_range.1 - y_range.0) * bins.1 as f64;
            if column >= 0.0 && row >= 0.0 && column < bins.0 as f64 && row < bins.1 as f64 {
                counts[row as usize * bins.0 + column as usize] += 1.0;
            }
        }
        let values: Vec<Option<f64>> = counts.into_iter().map(|count| (count > 0.0).then_some(count)).collect();
        Self::grid(&edges(x_range, bins.0), &edges(y_range, bins.1), &values).bar("galaxies per cell").log()
    }

    /// A matrix of `rows x columns` values, row by row from the top, for two axes of categories; numbers are written in
    /// the cells with `decimals` digits.
    #[must_use]
    pub fn matrix(columns: usize, values: &[Option<f64>], decimals: usize) -> Self {
        let rows = values.len() / columns.max(1);
        let edges = |n: usize| -> Vec<f64> { (0..=n).map(|index| index as f64 - 0.5).collect() };
        let mut matrix = Self::grid(&edges(columns), &edges(rows), values);
        matrix.decimals = Some(decimals);
        matrix
    }

    fn of(source: Source, label: &str) -> Self {
        Self { source, label: label.to_owned(), map: ColourMap::default(), log: false, range: None, decimals: None }
    }

    /// Labels the colour bar.
    #[must_use]
    pub fn bar(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }

    /// Sets the colour map.
    #[must_use]
    pub fn map(mut self, map: ColourMap) -> Self {
        self.map = map;
        self
    }

    /// Colours by the logarithm of the value.
    #[must_use]
    pub fn log(mut self) -> Self {
        self.log = true;
        self
    }

    /// Colours in proportion to the value.
    #[must_use]
    pub fn linear(mut self) -> Self {
        self.log = false;
        self
    }

    /// Sets the values at the two ends of the colour bar.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }
}

/// Words inside the panel, at fractions of its width and height from the lower left corner.
#[derive(Debug, Clone)]
pub struct Note {
    pub(crate) at: (f64, f64),
    pub(crate) text: String,
    pub(crate) colour: Colour,
}

impl Note {
    /// `text` starting at the fraction `(across, up)`; right of the middle it ends there instead.
    #[must_use]
    pub fn new(across: f64, up: f64, text: &str) -> Self {
        Self { at: (across, up), text: text.to_owned(), colour: Colour::BLACK }
    }

    /// Sets the colour.
    #[must_use]
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = colour;
        self
    }
}

/// Any of the marks.
#[derive(Debug, Clone)]
pub(crate) enum Mark {
    Density(Density),
    Band(Band),
    Circles(Circles),
    Steps(Steps),
    Rule(Rule),
    Line(Line),
    Points(Points),
    Note(Note),
}

impl Mark {
    /// Drawn from low to high: areas under lines under points under words.
    pub(crate) fn layer(&self) -> u8 {
        match self {
            Self::Density(_) => 0,
            Self::Band(_) => 1,
            Self::Points(points) if points.is_cloud() => 2,
            Self::Circles(_) => 3,
            Self::Steps(_) => 4,
            Self::Rule(_) => 5,
            Self::Line(_) => 6,
            Self::Points(_) => 7,
            Self::Note(_) => 8,
        }
    }

    pub(crate) fn style(&self) -> Option<&Style> {
        match self {
            Self::Band(mark) => Some(&mark.style),
            Self::Circles(mark) => Some(&mark.style),
            Self::Steps(mark) => Some(&mark.style),
            Self::Rule(mark) => Some(&mark.style),
            Self::Line(mark) => Some(&mark.style),
            Self::Points(mark) => Some(&mark.style),
            Self::Density(_) | Self::Note(_) => None,
        }
    }
}

impl Points {
    /// Many points without errors are a cloud: drawn as small dots beneath everything else.
    pub(crate) fn is_cloud(&self) -> bool {
        self.x.len() > 300 && self.x_errors.is_empty() && self.y_errors.is_empty() && !self.joined
    }
}
