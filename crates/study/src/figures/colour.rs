//! Colours that survive colour-blind readers and grey printers.
//!
//! Categories: Okabe & Ito (2008), <https://jfly.uni-koeln.de/color/>. Maps: viridis (Smith & van der Walt 2015),
//! cividis (Nuñez, Anderton & Renslow 2018, doi:10.1371/journal.pone.0199239), and a blue-white-red diverging map
//! (Brewer 1994), each sampled at equal steps and interpolated linearly.

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// Text and frames.
    pub const BLACK: Self = Self(0x1a, 0x1a, 0x1a);
    /// Rules and secondary text.
    pub const GREY: Self = Self(0x76, 0x76, 0x76);
    /// Background points, graticules.
    pub const LIGHT_GREY: Self = Self(0xc4, 0xc4, 0xc4);
    /// Paper.
    pub const WHITE: Self = Self(0xff, 0xff, 0xff);
    /// Okabe-Ito blue; by custom of this project: voids.
    pub const BLUE: Self = Self(0x00, 0x72, 0xb2);
    /// Okabe-Ito vermillion; by custom of this project: walls.
    pub const VERMILLION: Self = Self(0xd5, 0x5e, 0x00);
    /// Okabe-Ito bluish green.
    pub const GREEN: Self = Self(0x00, 0x9e, 0x73);
    /// Okabe-Ito reddish purple.
    pub const PURPLE: Self = Self(0xcc, 0x79, 0xa7);
    /// Okabe-Ito orange.
    pub const ORANGE: Self = Self(0xe6, 0x9f, 0x00);
    /// Okabe-Ito sky blue.
    pub const SKY: Self = Self(0x56, 0xb4, 0xe9);

    /// The order in which marks without a colour of their own take one.
    pub const PALETTE: [Self; 7] =
        [Self::BLUE, Self::VERMILLION, Self::GREEN, Self::PURPLE, Self::ORANGE, Self::SKY, Self::GREY];

    pub(crate) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// Relative luminance, 0 (black) to 1 (white); ITU-R BT.709 weights without the gamma step.
    pub(crate) fn luminance(self) -> f64 {
        (0.2126 * f64::from(self.0) + 0.7152 * f64::from(self.1) + 0.0722 * f64::from(self.2)) / 255.0
    }

    fn from_rgb(rgb: u32) -> Self {
        let byte = |shift: u32| u8::try_from((rgb >> shift) & 0xff).unwrap_or(0);
        Self(byte(16), byte(8), byte(0))
    }

    fn mix(self, other: Self, share: f64) -> Self {
        let blend = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
        Self(blend(self.0, other.0), blend(self.1, other.1), blend(self.2, other.2))
    }
}

/// How a value becomes a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColourMap {
    /// Dark violet to yellow, even in lightness.
    #[default]
    Viridis,
    /// Dark blue to yellow, made for red-green blindness.
    Cividis,
    /// Blue through white to red, for signed values; choose a range symmetric about 0.
    Diverging,
}

const VIRIDIS: [u32; 9] = [0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c, 0x28ae80, 0x5ec962, 0xaddc30, 0xfde725];
const CIVIDIS: [u32; 10] =
    [0x00224e, 0x123570, 0x3b496c, 0x575d6d, 0x707173, 0x8a8678, 0xa59c74, 0xc3b369, 0xe1cc55, 0xfee838];
const DIVERGING: [u32; 7] = [0x2166ac, 0x67a9cf, 0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xef8a62, 0xb2182b];

impl ColourMap {
    /// The colour at `fraction` (clamped to 0..=1) of the map.
    #[must_use]
    pub fn at(self, fraction: f64) -> Colour {
        let anchors: &[u32] = match self {
            Self::Viridis => &VIRIDIS,
            Self::Cividis => &CIVIDIS,
            Self::Diverging => &DIVERGING,
        };
        let position = fraction.clamp(0.0, 1.0) * (anchors.len() - 1) as f64;
        let index = (position as usize).min(anchors.len() - 2);
        Colour::from_rgb(anchors[index]).mix(Colour::from_rgb(anchors[index + 1]), position - index as f64)
    }
}
