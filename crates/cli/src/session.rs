//! The one place that opens an archive for questions: its tables, and the view `galaxies` where it has FastSpecFit.

use std::path::Path;

use archive::sql::{Session, SessionSettings};
use arrow::datatypes::Schema;

/// Opens an archive. Where it has FastSpecFit's tables and no catalogue `galaxies` of its own, `galaxies` is their join.
pub(crate) fn open(archive: &Path, settings: SessionSettings) -> Result<Session, Box<archive::Error>> {
    let mut session = Session::open(archive, settings)?;
    let tables: Vec<(&str, &Schema)> =
        session.catalogues().iter().map(|table| (table.name.as_str(), table.schema.as_ref())).collect();
    let view = desi::fastspecfit::galaxies_view(&tables);
    if let (Some(sql), false) = (view, session.has_table("galaxies")) {
        session.create_view("galaxies", &sql)?;
    }
    Ok(session)
}
