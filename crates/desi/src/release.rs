//! Where the files of a public release are: which folders and names make a product.
//!
//! Paths are below the release's root (`s3://desidata/dr1`, `https://data.desi.lbl.gov/public/dr1`), as laid out in the
//! data model of DESI DR1 (2025arXiv250314745D). This module knows paths, not how files are fetched.

use std::collections::BTreeSet;

use archive::fits::FitsFile;

/// The primary header's keyword of files that Astrolab simulated.
pub(crate) const SIMULATED: &str = "SIMULATD";

/// Whether a file of survey products says that it is simulated.
#[must_use]
pub fn is_simulated(file: &FitsFile) -> bool {
    file.primary().get_bool(SIMULATED) == Some(true)
}

/// A public release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataRelease {
    /// DR1, March 2025, spectroscopic production `iron`.
    Dr1,
}

impl DataRelease {
    /// The bucket and prefix that hold it, readable without credentials.
    #[must_use]
    pub fn bucket(self) -> &'static str {
        match self {
            Self::Dr1 => "s3://desidata/dr1",
        }
    }
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Product {
    /// DESIVAST v1.0, 8 files, 1.2 GB.
    Desivast,
    /// FastSpecFit v3.0 of the bright main survey, 12 files, 26.4 GB.
    Fastspecfit,
    /// The redshift catalogue of all targets.
    Zcatalog,
    /// Coadded spectra and their redrock fits, one pair a HEALPix pixel.
    Coadd,
}

/// Files in one folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    /// Path below the release's root.
    pub path: String,
    /// Names; `*` and `?` as in a shell.
    pub names: Vec<String>,
}

/// One pixel of the survey: coadds lie in a folder for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pixel {
    /// `main`, `sv1`, `sv2`, `sv3`, `special` or `cmx`.
    pub survey: String,
    /// `dark`, `bright`, `backup` or `other`.
    pub program: String,
    /// HEALPix pixel, nside 64, nested.
    pub healpix: u32,
}

/// The folders of a product that is not cut into pixels; empty for [`Product::Coadd`], which [`coadds`] lists.
#[must_use]
pub fn folders(release: DataRelease, product: Product) -> Vec<Folder> {
    let DataRelease::Dr1 = release;
    let (path, names): (&str, &[&str]) = match product {
        Product::Desivast => ("vac/dr1/desivast/v1.0", &["DESIVAST_BGS_VOLLIM_*.fits"]),
        Product::Fastspecfit => {
            ("vac/dr1/fastspecfit/iron/v3.0/catalogs", &["fastspec-iron-main-bright-nside1-hp??.fits"])
        }
        Product::Zcatalog => ("spectro/redux/iron/zcatalog/v1", &["zall-pix-iron.fits"]),
        Product::Coadd => return Vec::new(),
    };
    vec![Folder { path: path.to_owned(), names: names.iter().map(|&name| name.to_owned()).collect() }]
}

/// The fewest folders that hold the coadds of some pixels, each once, in order.
#[must_use]
pub fn coadds(release: DataRelease, pixels: impl IntoIterator<Item = Pixel>) -> Vec<Folder> {
    let DataRelease::Dr1 = release;
    let pixels: BTreeSet<Pixel> = pixels.into_iter().collect();
    pixels
        .into_iter()
        .map(|Pixel { survey, program, healpix }| Folder {
            path: format!("spectro/redux/iron/healpix/{survey}/{program}/{}/{healpix}", healpix / 100),
            names: ["coadd", "redrock"].map(|kind| format!("{kind}-{survey}-{program}-{healpix}.fits")).to_vec(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_of_many_targets_are_fetched_once() {
        let pixel = |healpix| Pixel { survey: "main".to_owned(), program: "dark".to_owned(), healpix };
        let folders = coadds(DataRelease::Dr1, [pixel(27_247), pixel(99), pixel(27_247)]);
        assert_eq!(folders.len(), 2);
        assert_eq!(folders[1].path, "spectro/redux/iron/healpix/main/dark/272/27247");
        assert_eq!(folders[1].names, ["coadd-main-dark-27247.fits", "redrock-main-dark-27247.fits"]);
        assert_eq!(folders[0].path, "spectro/redux/iron/healpix/main/dark/0/99");
    }
}
