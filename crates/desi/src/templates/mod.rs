//! Published spectra of Fe II and of galaxies: not part of the program, read once from a folder.

mod host;
mod iron;

use std::path::{Path, PathBuf};

use crate::DesiError;

pub use host::HostTemplates;
pub use iron::IronTemplate;

/// Band of the ultraviolet Fe II flux, Angstrom in the rest frame.
pub const IRON_UV_BAND: (f64, f64) = (2_250.0, 2_650.0);
/// Band of the optical Fe II flux, Angstrom in the rest frame (Boroson & Green 1992).
pub const IRON_OPTICAL_BAND: (f64, f64) = (4_434.0, 4_684.0);
/// Rest wavelengths between which the ultraviolet template of Fe II is used, Angstrom, once broadened: its rows end at 3500.
pub const IRON_UV_RANGE: (f64, f64) = (1_200.0, 3_700.0);
/// Rest wavelengths between which the optical template of Fe II is used, Angstrom, once broadened.
pub const IRON_OPTICAL_RANGE: (f64, f64) = (3_686.0, 7_484.0);
/// Rows of the optical tables that are read, Angstrom. Blueward of 4000 that of Boroson & Green (1992) is high where those of
/// Veron-Cetty et al. (2004) and Park et al. (2022) have little or no Fe II: it holds high-order Balmer lines.
const IRON_OPTICAL_ROWS: (f64, f64) = (4_000.0, 7_484.0);
/// Names looked for in the folder and in its `iron` and `host` folders, first found first taken.
const UV_NAMES: [&str; 2] = ["vw01_uv.txt", "fe_uv_vw01_extended.txt"];
const OPTICAL_NAMES: [&str; 4] =
    ["bg92_optical.txt", "fe_optical_bg92.txt", "veron04_optical.txt", "park22_optical.txt"];
const HOST_NAMES: [&str; 1] = ["gal_eigenspec_Yip2004.fits"];

/// Published templates of Fe II and of galaxies. None is part of the program, because their tables carry no licence: they
/// are read from a folder, and without them a fit goes on with power law and Balmer continuum only.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    /// Fe II of the ultraviolet.
    pub iron_uv: Option<IronTemplate>,
    /// Fe II of the optical.
    pub iron_optical: Option<IronTemplate>,
    /// Galaxies.
    pub host: Option<HostTemplates>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

impl Templates {
    /// Reads what a folder holds: Fe II of the ultraviolet (Vestergaard & Wilkes 2001), of the optical (Boroson & Green
    /// 1992, else Veron-Cetty et al. 2004, else Park et al. 2022), and galaxies (Yip et al. 2004). The PyPI package
    /// `qsospec` carries the Fe II tables under these names.
    ///
    /// # Errors
    /// When the folder holds none of them, or one of them is broken.
    pub fn read(folder: &Path) -> Result<Self, DesiError> {
        let mut found = Self::default();
        if let Some(path) = first(folder, "iron", &UV_NAMES) {
            found.iron_uv = Some(IronTemplate::read(&path, IRON_UV_BAND, (0.0, f64::MAX))?);
            found.files.push(path);
        }
        if let Some(path) = first(folder, "iron", &OPTICAL_NAMES) {
            found.iron_optical = Some(IronTemplate::read(&path, IRON_OPTICAL_BAND, IRON_OPTICAL_ROWS)?);
            found.files.push(path);
        }
        if let Some(path) = first(folder, "host", &HOST_NAMES) {
            found.host = Some(HostTemplates::read(&path)?);
            found.files.push(path);
        }
        if found.files.is_empty() {
            let names: Vec<&str> = [UV_NAMES[0], OPTICAL_NAMES[0], HOST_NAMES[0]].to_vec();
            return Err(DesiError::Template {
                path: folder.to_owned(),
                reason: format!(
                    "expected a folder with one or more of {}\nhint: `pip download --no-deps qsospec` and unpack its Fe II \
                     tables into that folder",
                    names.join(", ")
                ),
            });
        }
        Ok(found)
    }
}

fn first(folder: &Path, inner: &str, names: &[&str]) -> Option<PathBuf> {
    let places = [folder.to_owned(), folder.join(inner)];
    names.iter().flat_map(|name| places.iter().map(move |place| place.join(name))).find(|path| path.is_file())
}
