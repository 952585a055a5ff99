//! The sheet a figure is drawn on: SVG elements with coordinates to a hundredth of a pixel, and the widths of text.
//!
//! Why not a charting library: their back ends take whole pixels and leave out what a referee asks for (ticks inwards
//! on all four sides, minor ticks on logarithmic axes, clipping, sky projections); what remains is this file.

use std::fmt::Write;

use skrifa::MetadataProvider;
use skrifa::instance::{LocationRef, Size};

use super::colour::Colour;

/// Font families of all text; the PNG is drawn with the embedded DejaVu Sans, whose metrics are used for layout.
const FONT_STACK: &str = "'DejaVu Sans',Verdana,'Bitstream Vera Sans',sans-serif";

/// A rectangle in pixels, `x` to the right and `y` downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Rect {
    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub(crate) fn contains(&self, (x, y): (f64, f64)) -> bool {
        x >= self.x && x <= self.right() && y >= self.y && y <= self.bottom()
    }

    pub(crate) fn centre(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }
}

/// Where a text's anchor lies along its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) content: &'a str,
    pub(crate) size: f64,
    pub(crate) anchor: Anchor,
    pub(crate) bold: bool,
    pub(crate) colour: Colour,
    /// Turned by this angle, clockwise.
    pub(crate) turned_deg: f64,
}

impl<'a> Text<'a> {
    pub(crate) fn new(content: &'a str, size: f64) -> Self {
        Self { content, size, anchor: Anchor::Start, bold: false, colour: Colour::BLACK, turned_deg: 0.0 }
    }

    pub(crate) fn anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }

    pub(crate) fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    pub(crate) fn colour(mut self, colour: Colour) -> Self {
        self.colour = colour;
        self
    }

    pub(crate) fn turned(mut self, degrees: f64) -> Self {
        self.turned_deg = degrees;
        self
    }
}

/// How outlines and areas are painted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    pub(crate) stroke: Option<Colour>,
    pub(crate) fill: Option<Colour>,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    /// Lengths of dashes and gaps, an SVG `stroke-dasharray`; empty for a full line.
    pub(crate) dashes: &'static str,
    /// Round line ends: a path of zero-length segments then shows dots.
    pub(crate) round: bool,
}

impl Paint {
    pub(crate) fn stroke(colour: Colour, width: f64) -> Self {
        Self { stroke: Some(colour), fill: None, width, opacity: 1.0, dashes: "", round: false }
    }

    pub(crate) fn fill(colour: Colour, opacity: f64) -> Self {
        Self { stroke: None, fill: Some(colour), width: 0.0, opacity, dashes: "", round: false }
    }
}

/// SVG under construction.
#[derive(Debug)]
pub(crate) struct Canvas {
    body: String,
    clips: usize,
    id: String,
}

impl Canvas {
    /// `id` makes the names inside this drawing unlike those of other drawings on the same page.
    pub(crate) fn new(id: &str) -> Self {
        Self { body: String::new(), clips: 0, id: id.to_owned() }
    }

    /// Draws the path `data` (SVG path syntax).
    pub(crate) fn path(&mut self, data: &str, paint: Paint) {
        if data.is_empty() {
            return;
        }
        let _ = write!(self.body, "<path d=\"{data}\"");
        self.paint(paint);
        self.body.push_str("/>\n");
    }

    fn paint(&mut self, paint: Paint) {
        let fill = paint.fill.map_or_else(|| "none".to_owned(), Colour::hex);
        let _ = write!(self.body, " fill=\"{fill}\"");
        if let (Some(colour), true) = (paint.fill, paint.opacity < 1.0) {
            let _ = write!(self.body, " fill-opacity=\"{}\"", number(paint.opacity));
            let _ = colour;
        }
        if let Some(colour) = paint.stroke {
            let _ = write!(self.body, " stroke=\"{}\" stroke-width=\"{}\"", colour.hex(), number(paint.width));
            if paint.opacity < 1.0 && paint.fill.is_none() {
                let _ = write!(self.body, " stroke-opacity=\"{}\"", number(paint.opacity));
            }
            let cap = if paint.round { "round" } else { "butt" };
            let _ = write!(self.body, " stroke-linejoin=\"round\" stroke-linecap=\"{cap}\"");
            if !paint.dashes.is_empty() {
                let _ = write!(self.body, " stroke-dasharray=\"{}\"", paint.dashes);
            }
        }
    }

    pub(crate) fn rect(&mut self, area: Rect, paint: Paint) {
        self.path(&rect_path(area), paint);
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), paint: Paint) {
        self.path(&format!("M{} {}L{} {}", number(from.0), number(from.1), number(to.0), number(to.1)), paint);
    }

    /// Writes `text` with its baseline at `(x, y)`.
    pub(crate) fn text(&mut self, (x, y): (f64, f64), text: Text<'_>) {
        let anchor = match text.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let _ = write!(
            self.body,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{anchor}\"",
            number(x),
            number(y),
            number(text.size)
        );
        let _ = write!(self.body, " fill=\"{}\"", text.colour.hex());
        if text.bold {
            self.body.push_str(" font-weight=\"bold\"");
        }
        if text.turned_deg != 0.0 {
            let _ = write!(self.body, " transform=\"rotate({} {} {})\"", number(text.turned_deg), number(x), number(y));
        }
        self.body.push('>');
        self.body.push_str(&escape(text.content));
        self.body.push_str("</text>\n");
    }

    /// Everything until [`Canvas::end_clip`] shows only inside the path `data`.
    pub(crate) fn begin_clip(&mut self, data: &str) {
        self.clips += 1;
        let name = format!("{}-clip{}", self.id, self.clips);
        let _ = writeln!(
            self.body,
            "<clipPath id=\"{name}\"><path d=\"{data}\"/></clipPath>\n<g clip-path=\"url(#{name})\">"
        );
    }

    pub(crate) fn end_clip(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// The whole SVG document.
    pub(crate) fn finish(self, width: f64, height: f64, title: &str) -> String {
        let (w, h) = (number(width), number(height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" \
             font-family=\"{FONT_STACK}\">\n<title>{}</title>\n<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            escape(title),
            self.body
        )
    }
}

/// A closed path around `area`.
pub(crate) fn rect_path(area: Rect) -> String {
    format!(
        "M{} {}h{}v{}h{}z",
        number(area.x),
        number(area.y),
        number(area.width),
        number(area.height),
        number(-area.width)
    )
}

/// A path through `points`, broken where one is missing.
pub(crate) fn broken_path(points: impl IntoIterator<Item = Option<(f64, f64)>>) -> String {
    let mut data = String::new();
    let mut down = false;
    for point in points {
        match point {
            Some((x, y)) => {
                let _ = write!(data, "{}{} {}", if down { 'L' } else { 'M' }, number(x), number(y));
                down = true;
            }
            None => down = false,
        }
    }
    data
}

/// A number to a hundredth, without trailing zeros: short and the same on every machine.
pub(crate) fn number(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    if rounded == 0.0 { "0".to_owned() } else { format!("{rounded}") }
}

/// Text made safe for XML and HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Width in pixels of `text` at `size` pixels in DejaVu Sans.
pub(crate) fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    let data = if bold { dejavu::sans::bold() } else { dejavu::sans::regular() };
    let Ok(font) = skrifa::FontRef::new(data) else {
        return 0.6 * size * text.chars().count() as f64;
    };
    let characters = font.charmap();
    let metrics = font.glyph_metrics(Size::new(1000.0), LocationRef::default());
    let advance = |c: char| characters.map(c).and_then(|glyph| metrics.advance_width(glyph)).unwrap_or(600.0);
    text.chars().map(|c| f64::from(advance(c))).sum::<f64>() * size / 1000.0
}
