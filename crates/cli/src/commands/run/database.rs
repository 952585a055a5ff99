//! What a study has to do with a PostgreSQL database: tables fetched before its run, results published after it.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use archive::hats::Catalogue;
use archive::postgres::{Address, Database, LoadRequest, Target, fetch, load, migrate, plan};
use study::run::Finished;
use study::study_file::{self, Header};

use crate::commands::data::load::with_password;
use crate::terminal::Bars;

/// Where catalogues are that were loaded as ingested.
const CATALOGUES: &str = "raw_catalogs";
/// The table of checks that every study writes.
const VALIDATION: &str = "validation";

/// Brings tables of the database into an archive; those that are there from the same load are left alone.
pub(super) fn fetch_inputs(database: &study_file::Database, archive: &Path, tables: &[String]) -> Result<()> {
    fetch(&address(database)?, CATALOGUES, tables, archive, &Bars::default())
        .with_context(|| format!("cannot bring the study's tables into {}", archive.display()))?;
    Ok(())
}

/// Loads the tables of a run, each named after its kind of study, for example `voids_effects`: results into `science_analysis`,
/// checks into `data_quality`. The tables of an earlier run are replaced, each at once.
pub(super) fn publish(header: &Header, finished: &Finished) -> Result<()> {
    let address = address(&header.database)?;
    let folder = finished.folder.join("tables");
    let sky_index = migrate(&Database::connect(&address)?, None)?.sky_index;
    let names: Vec<String> = Catalogue::open_all(&folder)?.into_iter().map(|table| table.name).collect();
    let (checks, results): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| name == VALIDATION);
    for (schema, tables) in [("science_analysis", results), ("data_quality", checks)] {
        if tables.is_empty() {
            continue;
        }
        let request = LoadRequest {
            archive: folder.clone(),
            tables,
            schema: schema.to_owned(),
            prefix: format!("{}_", header.study),
            hot: Vec::new(),
            connections: 1,
            attempts: 6,
        };
        let plans = plan(&request)?;
        let target = Target { address: &address, sky_index };
        let loaded = load(target, &request, &plans, &Bars::default())
            .with_context(|| format!("cannot publish the tables of {}", folder.display()))?;
        crate::terminal::complain(&format!("{} tables published in {schema} of {address}", loaded.len()));
    }
    Ok(())
}

/// The study's database, or the program's.
fn address(database: &study_file::Database) -> Result<Address> {
    let said = database.address.clone().or_else(|| std::env::var("ASTROLAB_POSTGRES").ok());
    let said = said.ok_or_else(|| {
        anyhow!("cannot tell which database the study means\nhint: write [database] address = \"postgres://USER@HOST/DATABASE\" in its file, or set ASTROLAB_POSTGRES")
    })?;
    with_password(Address::parse(&said)?)
}
