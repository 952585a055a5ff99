//! One table of galaxies out of METADATA and SPECPHOT: what studies ask for.

use arrow::datatypes::Schema;

/// The columns of the view that come from the table of physical properties, with their names in v3.0, in v2.x and v1.0.
const PHYSICAL: [(&str, &[&str]); 7] = [
    ("LOGMSTAR", &["LOGMSTAR"]),
    ("LOGMSTAR_IVAR", &["LOGMSTAR_IVAR"]),
    ("SFR", &["SFR"]),
    ("DN4000", &["DN4000"]),
    ("DN4000_IVAR", &["DN4000_IVAR"]),
    ("ABSMAG_R", &["ABSMAG01_SDSS_R", "ABSMAG_SDSS_R"]),
    ("KCORR_R", &["KCORR01_SDSS_R", "KCORR_SDSS_R"]),
];

/// The SQL of the view `galaxies` over `metadata` and `specphot` of v3.0, joined by TARGETID.
///
/// Magnitudes are AB; RMAG is corrected for Galactic dust and null where the flux is not positive; ABSMAG_R and KCORR_R
/// are in SDSS r at redshift 0.1 for h = 1.
pub const GALAXIES_VIEW: &str = "SELECT m.\"TARGETID\", m.\"RA\", m.\"DEC\", m.\"Z\", m.\"ZWARN\", m.\"SPECTYPE\", \
     m.\"SURVEY\", m.\"PROGRAM\", m.\"PHOTSYS\", m.\"BGS_TARGET\", \
     CASE WHEN m.\"FLUX_R\" > 0 THEN 22.5 - 2.5 * log10(m.\"FLUX_R\" / m.\"MW_TRANSMISSION_R\") END AS \"RMAG\", \
     p.\"LOGMSTAR\" AS \"LOGMSTAR\", p.\"LOGMSTAR_IVAR\" AS \"LOGMSTAR_IVAR\", p.\"SFR\" AS \"SFR\", \
     p.\"DN4000\" AS \"DN4000\", p.\"DN4000_IVAR\" AS \"DN4000_IVAR\", p.\"ABSMAG01_SDSS_R\" AS \"ABSMAG_R\", \
     p.\"KCORR01_SDSS_R\" AS \"KCORR_R\" \
     FROM metadata m JOIN specphot p ON m.\"TARGETID\" = p.\"TARGETID\"";

/// The SQL of the view for the tables an archive has: `None` without `metadata` and a table of physical properties
/// (`specphot`, or `fastspec` up to v2.1). What the archive does not have is null.
#[must_use]
pub fn galaxies_view(tables: &[(&str, &Schema)]) -> Option<String> {
    let named = |name: &str| tables.iter().find(|(table, _)| *table == name).map(|(_, schema)| *schema);
    let metadata = named("metadata")?;
    let (physical, table) = match named("specphot") {
        Some(schema) => (schema, "specphot"),
        None => (named("fastspec").filter(|schema| has(schema, "LOGMSTAR"))?, "fastspec"),
    };
    let mut selected: Vec<String> = ["TARGETID", "RA", "DEC", "Z"].map(|name| format!("m.\"{name}\"")).into();
    for (name, absent) in [
        ("ZWARN", "BIGINT"),
        ("SPECTYPE", "VARCHAR"),
        ("SURVEY", "VARCHAR"),
        ("PROGRAM", "VARCHAR"),
        ("PHOTSYS", "VARCHAR"),
        ("BGS_TARGET", "BIGINT"),
    ] {
        selected.push(if has(metadata, name) {
            format!("m.\"{name}\"")
        } else {
            format!("CAST(NULL AS {absent}) AS \"{name}\"")
        });
    }
    let photometry = ["FLUX_R", "MW_TRANSMISSION_R"].iter().all(|name| has(metadata, name));
    selected.push(if photometry { magnitude() } else { "CAST(NULL AS DOUBLE) AS \"RMAG\"".to_owned() });
    for (name, spellings) in PHYSICAL {
        selected.push(match spellings.iter().find(|spelling| has(physical, spelling)) {
            Some(spelling) => format!("p.\"{spelling}\" AS \"{name}\""),
            None => format!("CAST(NULL AS REAL) AS \"{name}\""),
        });
    }
    let selected = selected.join(", ");
    Some(format!("SELECT {selected} FROM metadata m JOIN {table} p ON m.\"TARGETID\" = p.\"TARGETID\""))
}

fn has(schema: &Schema, name: &str) -> bool {
    schema.field_with_name(name).is_ok()
}

fn magnitude() -> String {
    "CASE WHEN m.\"FLUX_R\" > 0 THEN 22.5 - 2.5 * log10(m.\"FLUX_R\" / m.\"MW_TRANSMISSION_R\") END AS \"RMAG\""
        .to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use archive::columns::{Column, Columns};

    use super::*;
    use crate::fastspecfit::{Table, columns};

    #[test]
    fn the_tables_of_the_release_give_the_published_text() {
        let [metadata, specphot] = [Table::Metadata, Table::Specphot].map(|table| columns(table).unwrap().schema());
        let view = galaxies_view(&[("metadata", &metadata), ("specphot", &specphot)]).unwrap();
        assert_eq!(view, GALAXIES_VIEW);
        assert_eq!(galaxies_view(&[("metadata", &metadata)]), None);
    }

    #[test]
    fn older_versions_are_asked_for_what_they_have() {
        let metadata = columns(Table::Metadata).unwrap().schema();
        let old: Columns =
            ["TARGETID", "LOGMSTAR", "SFR", "ABSMAG_SDSS_R"].map(|name| Column::new(name, "")).into_iter().collect();
        let view = galaxies_view(&[("metadata", &metadata), ("fastspec", &old.schema())]).unwrap();
        assert!(view.contains("JOIN fastspec p") && view.contains("p.\"ABSMAG_SDSS_R\" AS \"ABSMAG_R\""), "{view}");
        assert!(view.contains("CAST(NULL AS REAL) AS \"DN4000\""), "{view}");
    }
}
