//! Values of METADATA's columns.

use astro::HealpixCell;

use super::fill::Fill;
use crate::simulate::Cap;

const BANDS: [&str; 7] = ["G", "R", "Z", "W1", "W2", "W3", "W4"];

fn band_of(text: &str) -> Option<usize> {
    BANDS.iter().position(|band| *band == text)
}

/// The columns that every table begins with.
pub(super) fn identity(name: &str) -> Option<Fill> {
    Some(match name {
        "TARGETID" => Fill::Integer(|seen| seen.galaxy.target_id),
        "SURVEY" => Fill::Text(|_| "main".to_owned()),
        "PROGRAM" => Fill::Text(|_| "bright".to_owned()),
        "HEALPIX" => {
            Fill::Integer(|seen| HealpixCell::at(6, seen.galaxy.ra_deg, seen.galaxy.dec_deg).index.cast_signed())
        }
        _ => return None,
    })
}

pub(super) fn fill(name: &str) -> Option<Fill> {
    if let Some(fill) = identity(name).or_else(|| photometry(name)) {
        return Some(fill);
    }
    Some(match name {
        // One made-up tile a HEALPix pixel.
        "TILEID_LIST" => Fill::Text(|seen| {
            (20_000 + HealpixCell::at(6, seen.galaxy.ra_deg, seen.galaxy.dec_deg).index % 20_000).to_string()
        }),
        "RA" => Fill::number(|seen| seen.galaxy.ra_deg),
        "DEC" => Fill::number(|seen| seen.galaxy.dec_deg),
        "Z" | "Z_RR" => Fill::number(|seen| seen.galaxy.redshift),
        "ZWARN" | "ZWARN_RR" | "COADD_FIBERSTATUS" | "MWS_TARGET" | "SCND_TARGET" => Fill::Integer(|_| 0),
        // BGS_ANY is bit 60 of desi_mask; BGS_FAINT bit 0 and BGS_BRIGHT bit 1 of bgs_mask.
        "DESI_TARGET" => Fill::Integer(|_| 1 << 60),
        "BGS_TARGET" => Fill::Integer(|seen| if seen.galaxy.apparent_r < 19.5 { 2 } else { 1 }),
        "DELTACHI2" => Fill::number(|seen| 40.0 * seen.pixel_snr(6_430.0).powi(2) * (0.3 * seen.deviates[8]).exp()),
        "SPECTYPE" => Fill::Text(|_| "GALAXY".to_owned()),
        "SUBTYPE" => Fill::Text(|_| String::new()),
        "PHOTSYS" => Fill::Text(|seen| {
            let north = seen.galaxy.cap == Cap::Ngc && seen.galaxy.dec_deg > 32.375;
            if north { "N" } else { "S" }.to_owned()
        }),
        "LS_ID" => Fill::Integer(|seen| (9_010 << 40) | (seen.galaxy.target_id & ((1 << 40) - 1))),
        "EBV" => Fill::number(|seen| seen.ebv_mag),
        _ => {
            let scale = match name.strip_prefix("TSNR2_")? {
                "BGS" => 1_500.0,
                "LRG" => 12.0,
                "ELG" => 15.0,
                "QSO" => 3.0,
                _ => 6.0,
            };
            Fill::number(move |seen| scale * (0.2 * seen.deviates[9]).exp())
        }
    })
}

fn photometry(name: &str) -> Option<Fill> {
    if let Some(band) = name.strip_prefix("MW_TRANSMISSION_").and_then(band_of) {
        return Some(Fill::number(move |seen| seen.transmission(band)));
    }
    if let Some(band) = name.strip_prefix("FLUX_IVAR_").and_then(band_of) {
        return Some(Fill::number(move |seen| seen.flux_error_nmgy(band).powi(-2)));
    }
    if let Some(band) = name.strip_prefix("FLUX_").and_then(band_of) {
        return Some(Fill::number(move |seen| seen.flux_nmgy[band] * seen.transmission(band)));
    }
    let fibre = name.strip_prefix("FIBERFLUX_").or_else(|| name.strip_prefix("FIBERTOTFLUX_"));
    let band = fibre.and_then(band_of)?;
    Some(Fill::number(move |seen| seen.flux_nmgy[band] * seen.transmission(band) * seen.fibre_share))
}
