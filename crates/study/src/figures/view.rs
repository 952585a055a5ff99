//! From data to the sheet: a plane with two axes, the whole sky (Mollweide), or a wedge of right ascension and distance.
//!
//! Mollweide: Snyder (1987), USGS Professional Paper 1395, p. 249.

use std::f64::consts::PI;

use super::axis::Axis;
use super::canvas::{Rect, broken_path};

/// How the two coordinates of a panel are laid out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    Plane {
        x: Axis,
        y: Axis,
    },
    /// All sky, right ascension growing to the left, `centre_deg` in the middle.
    Sky {
        centre_deg: f64,
    },
    Wedge(Wedge),
}

/// A slice of right ascension, seen from above, the observer at the tip.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wedge {
    pub(crate) ra_deg: (f64, f64),
    pub(crate) radius: (f64, f64),
    pub(crate) radius_label: String,
}

impl Wedge {
    fn centre_deg(&self) -> f64 {
        f64::midpoint(self.ra_deg.0, self.ra_deg.1)
    }

    /// Position in radial units: right of and above the observer.
    pub(crate) fn position(&self, ra_deg: f64, radius: f64) -> (f64, f64) {
        let angle = wrapped_deg(ra_deg - self.centre_deg()).to_radians();
        (-radius * angle.sin(), radius * angle.cos())
    }

    /// Extent in radial units: low x, high x, low y, high y.
    pub(crate) fn bounds(&self) -> (f64, f64, f64, f64) {
        let mut bounds = (f64::MAX, f64::MIN, f64::MAX, f64::MIN);
        for step in 0..=200 {
            let ra = self.ra_deg.0 + (self.ra_deg.1 - self.ra_deg.0) * f64::from(step) / 200.0;
            for radius in [self.radius.0, self.radius.1] {
                let (x, y) = self.position(ra, radius);
                bounds = (bounds.0.min(x), bounds.1.max(x), bounds.2.min(y), bounds.3.max(y));
            }
        }
        bounds
    }

    /// Height over width of its extent.
    pub(crate) fn aspect(&self) -> f64 {
        let (left, right, low, high) = self.bounds();
        (high - low) / (right - left)
    }
}

/// A frame with its ranges and its place on the sheet.
#[derive(Debug, Clone)]
pub(crate) struct View<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) area: Rect,
    pub(crate) x_range: (f64, f64),
    pub(crate) y_range: (f64, f64),
}

impl View<'_> {
    /// Where `(x, y)` lies on the sheet; `None` where it has no place (not finite, not positive on a log axis, outside
    /// the wedge). Points outside a plane's ranges are placed outside the area.
    pub(crate) fn project(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        if !(x.is_finite() && y.is_finite()) {
            return None;
        }
        match self.frame {
            Frame::Plane { x: x_axis, y: y_axis } => {
                let across = x_axis.fraction(x, self.x_range)?.clamp(-9.0, 10.0);
                let up = y_axis.fraction(y, self.y_range)?.clamp(-9.0, 10.0);
                Some((self.area.x + across * self.area.width, self.area.bottom() - up * self.area.height))
            }
            Frame::Sky { centre_deg } => {
                let (across, up) = mollweide(wrapped_deg(x - centre_deg), y);
                let (cx, cy) = self.area.centre();
                Some((cx - across * self.area.width / 2.0, cy - up * self.area.height / 2.0))
            }
            Frame::Wedge(wedge) => {
                let (across, up) = wedge.position(x, y);
                let (left, _, _, high) = wedge.bounds();
                let scale = self.radial_scale(wedge);
                Some((self.area.x + (across - left) * scale, self.area.y + (high - up) * scale))
            }
        }
    }

    /// Pixels of one radial unit.
    pub(crate) fn radial_scale(&self, wedge: &Wedge) -> f64 {
        let (left, right, low, high) = wedge.bounds();
        (self.area.width / (right - left)).min(self.area.height / (high - low))
    }

    /// Is the point inside what the frame shows?
    pub(crate) fn shows(&self, x: f64, y: f64) -> bool {
        match self.frame {
            Frame::Plane { .. } => self.project(x, y).is_some_and(|point| self.area.contains(point)),
            Frame::Sky { .. } => y.abs() <= 90.0,
            Frame::Wedge(wedge) => {
                let half = (wedge.ra_deg.1 - wedge.ra_deg.0) / 2.0;
                wrapped_deg(x - wedge.centre_deg()).abs() <= half && y >= wedge.radius.0 && y <= wedge.radius.1
            }
        }
    }

    /// A path through data points, broken at missing values and where the sky is cut open.
    pub(crate) fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let mut cut = Vec::new();
        let mut previous: Option<(f64, f64)> = None;
        for (x, y) in points {
            let place = self.project(x, y);
            let torn = matches!(self.frame, Frame::Sky { .. })
                && matches!((previous, place), (Some(a), Some(b)) if (a.0 - b.0).abs() > self.area.width / 2.0);
            if torn {
                cut.push(None);
            }
            cut.push(place);
            previous = place.or(previous);
        }
        broken_path(cut)
    }

    /// The outline of what is shown.
    pub(crate) fn outline(&self) -> String {
        match self.frame {
            Frame::Plane { .. } => super::canvas::rect_path(self.area),
            Frame::Sky { centre_deg } => {
                let edge = |side: f64| (-90..=90).map(move |dec| (centre_deg + side, f64::from(dec)));
                let mut points: Vec<_> = edge(179.999_999).collect();
                points.extend(edge(-179.999_999).rev());
                closed(points.into_iter().map(|(x, y)| self.project(x, y)))
            }
            Frame::Wedge(wedge) => {
                let arc = |radius: f64| {
                    (0..=120).map(move |step| {
                        (wedge.ra_deg.0 + (wedge.ra_deg.1 - wedge.ra_deg.0) * f64::from(step) / 120.0, radius)
                    })
                };
                let points = arc(wedge.radius.1).chain(arc(wedge.radius.0).rev());
                closed(points.map(|(x, y)| self.project(x, y)))
            }
        }
    }
}

fn closed(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    format!("{}z", broken_path(points.flatten().map(Some)))
}

/// An angle in degrees brought to (-180, 180].
pub(crate) fn wrapped_deg(angle_deg: f64) -> f64 {
    let angle = angle_deg.rem_euclid(360.0);
    if angle > 180.0 { angle - 360.0 } else { angle }
}

/// Mollweide: fractions of the half-axes, both from -1 to 1.
fn mollweide(longitude_deg: f64, latitude_deg: f64) -> (f64, f64) {
    let target = PI * latitude_deg.clamp(-90.0, 90.0).to_radians().sin();
    let mut theta = latitude_deg.clamp(-90.0, 90.0).to_radians();
    if latitude_deg.abs() < 89.999 {
        for _ in 0..50 {
            let step = (2.0 * theta + (2.0 * theta).sin() - target) / (2.0 + 2.0 * (2.0 * theta).cos()).max(1e-9);
            theta -= step;
            if step.abs() < 1e-10 {
                break;
            }
        }
    }
    (longitude_deg / 180.0 * theta.cos(), theta.sin())
}

#[cfg(test)]
mod tests {
    use super::{mollweide, wrapped_deg};

    #[test]
    fn mollweide_keeps_areas() {
        // The band between the equator and 30 degrees holds a quarter of the sphere, so of the ellipse.
        let (_, up) = mollweide(0.0, 30.0);
        let quarter = 2.0 / std::f64::consts::PI * (up * (1.0 - up * up).sqrt() + up.asin());
        assert!((quarter - 0.5).abs() < 1e-9, "{quarter}");
        assert_eq!(mollweide(180.0, 0.0), (1.0, 0.0));
        assert!((wrapped_deg(350.0) + 10.0).abs() < 1e-12);
    }
}
