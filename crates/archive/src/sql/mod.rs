//! Embedded SQL over an archive: DataFusion on its Parquet files, with functions of the sky.
//!
//! Every catalogue of the archive is a table of its name; column names may be written in any case (`RA`, `ra`) where that is
//! clear. Reading skips partitions and row groups whose statistics, or a cone, rule them out. Statements that write or define anything
//! are refused.

mod answer;
mod cone;
mod functions;
mod names;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};

use crate::error::Error;
use crate::hats::Catalogue;
use crate::tables::Tables;

pub use answer::Answer;

/// An archive, ready to be asked.
pub struct Session {
    context: SessionContext,
    runtime: tokio::runtime::Runtime,
    catalogues: Vec<Catalogue>,
    views: Vec<View>,
}

/// A named query of a session.
#[derive(Debug, Clone)]
pub struct View {
    /// The name it is asked by.
    pub name: String,
    /// Its columns, with the meanings that its tables give them.
    pub schema: SchemaRef,
}

/// How a session works.
#[derive(Debug, Clone, Copy)]
pub struct SessionSettings {
    /// Memory that sorts, joins and aggregates may use before they spill to disk, bytes.
    pub memory_bytes: usize,
    /// Threads; 0 for all cores.
    pub threads: usize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { memory_bytes: 2 << 30, threads: 0 }
    }
}

impl Session {
    /// Opens every finished catalogue in an archive folder.
    ///
    /// # Errors
    /// The folder cannot be read, a catalogue is damaged, or threads cannot be started.
    pub fn open(archive: &Path, settings: SessionSettings) -> Result<Self, Error> {
        let catalogues = Catalogue::open_all(archive)?;
        let setup =
            |action: &'static str| move |error: DataFusionError| Error::Setup { action, reason: error.to_string() };
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        if settings.threads > 0 {
            runtime.worker_threads(settings.threads);
        }
        let runtime =
            runtime.build().map_err(|error| Error::Setup { action: "start threads", reason: error.to_string() })?;
        let pool = Arc::new(FairSpillPool::new(settings.memory_bytes.max(64 << 20)));
        let environment =
            RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().map_err(setup("set up the query engine"))?;
        let state = SessionStateBuilder::new()
            .with_config(configuration(settings))
            .with_runtime_env(environment)
            .with_default_features()
            .with_optimizer_rules(cone::rules(&catalogues))
            .build();
        let context = SessionContext::new_with_state(state);
        functions::register(&context);
        for catalogue in &catalogues {
            let table = listing(catalogue)?;
            context.register_table(catalogue.name.as_str(), Arc::new(table)).map_err(setup("open a catalogue"))?;
        }
        Ok(Self { context, runtime, catalogues, views: Vec::new() })
    }

    /// The catalogues that can be asked, by name.
    #[must_use]
    pub fn catalogues(&self) -> &[Catalogue] {
        &self.catalogues
    }

    /// The views that were created, in the order of their creation.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Whether a table or view of this name can be asked.
    #[must_use]
    pub fn has_table(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// Gives a query a name, under which it can be asked like a table for as long as the session lives. Nothing is
    /// computed until it is asked, and then only what the question needs.
    ///
    /// # Errors
    /// [`Error::Query`] when the query is malformed or names something unknown, or the name is taken.
    pub fn create_view(&mut self, name: &str, sql: &str) -> Result<(), Error> {
        if self.has_table(name) {
            let hint = Some("give the view another name".to_owned());
            return Err(Error::Query { reason: format!("a table `{name}` exists already"), hint });
        }
        let frame = self.plan(sql)?;
        let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
        self.context.register_table(name, frame.into_view()).map_err(|error| self.explain(&error))?;
        self.views.push(View { name: name.to_owned(), schema });
        Ok(())
    }

    /// Runs one statement and hands out its rows a batch at a time, as they come.
    ///
    /// Memory: a few batches, and what sorts, joins and aggregates hold, within the session's limit.
    ///
    /// # Errors
    /// [`Error::Query`] when it is malformed or names something unknown.
    pub fn stream(&self, sql: &str) -> Result<Answer<'_>, Error> {
        let frame = self.plan(sql)?;
        let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
        let stream = self.runtime.block_on(frame.execute_stream()).map_err(|error| self.explain(&error))?;
        Ok(Answer::new(self, schema, stream))
    }

    /// Runs one statement and gathers its answer with its schema, which is there even when no row is.
    ///
    /// # Errors
    /// [`Error::Query`] when it is malformed, names something unknown, or needs more memory than allowed.
    pub fn ask(&self, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>), Error> {
        let answer = self.stream(sql)?;
        let schema = answer.schema().clone();
        Ok((schema, answer.collect::<Result<_, _>>()?))
    }

    /// Checks and plans a statement that only reads.
    fn plan(&self, sql: &str) -> Result<DataFrame, Error> {
        let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let planned = self.runtime.block_on(names::plan(&self.context, sql, reading));
        planned.map_err(|error| self.explain(&error))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let catalogues = self.catalogues.iter().map(|catalogue| catalogue.name.as_str());
        catalogues.chain(self.views.iter().map(|view| view.name.as_str()))
    }

    /// The engine's words, with the nearest name where one is unknown.
    fn explain(&self, error: &DataFusionError) -> Error {
        let root = error.find_root().strip_backtrace();
        let reason = root.lines().next().unwrap_or_default().to_owned();
        Error::Query { hint: self.hint(&root), reason }
    }

    fn hint(&self, message: &str) -> Option<String> {
        let tables = || self.names();
        if let Some(rest) = message.split("table '").nth(1) {
            let wanted = rest.split('\'').next()?.rsplit('.').next()?;
            return Some(match crate::nearest_name(wanted, tables()) {
                Some(name) => format!("did you mean table `{name}`?"),
                None => format!("the archive has {}", tables().collect::<Vec<_>>().join(", ")),
            });
        }
        let wanted = message.split("No field named ").nth(1)?.split(". ").next()?;
        let wanted = wanted.trim_end_matches('.').rsplit('.').next()?.trim_matches('"');
        let schemas = self.catalogues.iter().map(|one| &one.schema).chain(self.views.iter().map(|view| &view.schema));
        let columns = schemas.flat_map(|schema| schema.fields().iter());
        crate::nearest_name(wanted, columns.map(|field| field.name().as_str()))
            .map(|name| format!("did you mean column `{name}`?"))
    }
}

impl Tables for Session {
    fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, Error> {
        self.ask(sql).map(|(_, batches)| batches)
    }
}

fn configuration(settings: SessionSettings) -> SessionConfig {
    let mut configuration = SessionConfig::new().with_information_schema(true);
    if settings.threads > 0 {
        configuration = configuration.with_target_partitions(settings.threads);
    }
    let options = configuration.options_mut();
    // Survey columns are upper case: names mean what is written; `names` finds those that are written otherwise.
    options.sql_parser.enable_ident_normalization = false;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    // Text stays plain text, as the writers of FITS and CSV expect.
    options.execution.parquet.schema_force_view_types = false;
    configuration
}

/// The catalogue's own files, nothing else in its folder.
fn listing(catalogue: &Catalogue) -> Result<ListingTable, Error> {
    let failed = |error: DataFusionError| Error::Setup { action: "open a catalogue", reason: error.to_string() };
    let mut places = Vec::with_capacity(catalogue.partitions.len());
    for partition in &catalogue.partitions {
        let path = std::path::absolute(&partition.path).map_err(Error::io("find", &partition.path))?;
        places.push(ListingTableUrl::parse(path.to_string_lossy()).map_err(failed)?);
    }
    let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let configuration = ListingTableConfig::new_with_multi_paths(places)
        .with_listing_options(options)
        .with_schema(catalogue.schema.clone());
    ListingTable::try_new(configuration).map_err(failed)
}
