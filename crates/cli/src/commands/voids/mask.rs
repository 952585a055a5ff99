//! `--mask`, `--randoms`, `--least-completeness`, `--cap`: which sky was observed, and how completely.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use study::digest::sha256_of_file;
use voids::finders::FinderMask;
use voids::galaxies::{ColumnNames, RandomTable};
use voids::mask::{GalacticCap, HealpixMask};

/// The sky of a survey.
#[derive(Debug, Args)]
pub(super) struct SkyArguments {
    /// Sky that was observed: healpix or pixels (VAST's) of the galaxies, or a FITS file: a MOC, or a HEALPix map of
    /// completeness. Of the galaxies, the watershed's is always HEALPix of order 5.
    #[arg(long, value_name = "healpix|pixels|FILE", value_parser = mask, default_value = "healpix")]
    mask: Mask,
    /// Random catalogue (RA, Dec) whose points fill the observed sky: their density is the completeness.
    #[arg(long, value_name = "FILE", conflicts_with = "mask")]
    randoms: Option<PathBuf>,
    /// Sky that is less complete than this is outside (of a mask file or randoms).
    #[arg(long, value_name = "FRACTION", default_value_t = 0.5)]
    least_completeness: f64,
    /// Galactic cap to search; the rows of the results then count that cap's galaxies.
    #[arg(long, value_enum, default_value_t = Cap::Both)]
    cap: Cap,
}

/// How the sky is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mask {
    Healpix,
    Pixels,
    File(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cap {
    /// The whole sky.
    Both,
    /// North of the Milky Way's plane.
    North,
    /// South of it.
    South,
}

/// The sky as the manifest keeps it.
#[derive(Debug, serde::Serialize)]
pub(super) struct SkyRecord {
    /// `healpix`, `pixels`, or the file.
    mask: String,
    sha256: Option<String>,
    least_completeness: Option<f64>,
    /// HEALPix order of a given mask.
    order: Option<u8>,
    area_deg2: Option<f64>,
    /// The area with each cell weighted by its completeness.
    effective_area_deg2: Option<f64>,
    cap: Option<GalacticCap>,
}

fn mask(text: &str) -> Result<Mask, String> {
    match text {
        "healpix" => Ok(Mask::Healpix),
        "pixels" => Ok(Mask::Pixels),
        file if file.contains(['.', '/']) => Ok(Mask::File(file.into())),
        _ => Err(format!("expected healpix, pixels or the name of a FITS file, found `{text}`")),
    }
}

impl SkyArguments {
    /// How a mask is made of the galaxies, where none is given.
    pub(super) fn of_galaxies(&self) -> FinderMask {
        if self.mask == Mask::Pixels { FinderMask::Pixels } else { FinderMask::Healpix }
    }

    /// The cap, where not both.
    pub(super) fn cap(&self) -> Option<GalacticCap> {
        match self.cap {
            Cap::Both => None,
            Cap::North => Some(GalacticCap::North),
            Cap::South => Some(GalacticCap::South),
        }
    }

    /// The mask that was given, and what the manifest keeps.
    pub(super) fn given(&self) -> Result<(Option<HealpixMask>, SkyRecord)> {
        let least = self.least_completeness;
        if !(0.0..=1.0).contains(&least) {
            anyhow::bail!("cannot use --least-completeness {least}: expected a fraction from 0 to 1");
        }
        let (path, mask) = match (&self.randoms, &self.mask) {
            (Some(path), _) => {
                let randoms = RandomTable::read(path, &ColumnNames::default())?;
                (path, HealpixMask::from_randoms(&randoms.ra_deg, &randoms.dec_deg, least)?)
            }
            (None, Mask::File(path)) => (path, HealpixMask::read(path, least)?),
            (None, of_galaxies) => {
                let mask = if *of_galaxies == Mask::Pixels { "pixels" } else { "healpix" }.to_owned();
                let (sha256, least_completeness, order) = (None, None, None);
                let (area_deg2, effective_area_deg2, cap) = (None, None, self.cap());
                let record = SkyRecord { mask, sha256, least_completeness, order, area_deg2, effective_area_deg2, cap };
                return Ok((None, record));
            }
        };
        let mask = match self.cap() {
            Some(cap) => mask.restricted(|ra, dec| cap.holds(ra, dec)),
            None => mask,
        };
        let record = SkyRecord {
            mask: path.display().to_string(),
            sha256: Some(sha256_of_file(path)?),
            least_completeness: Some(least),
            order: Some(mask.order()),
            area_deg2: Some(mask.area_deg2()),
            effective_area_deg2: Some(mask.effective_area_deg2()),
            cap: self.cap(),
        };
        Ok((Some(mask), record))
    }
}
