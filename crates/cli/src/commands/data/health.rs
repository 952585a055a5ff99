//! `astrolab data health`: how a PostgreSQL database is.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use archive::postgres::{
    Address, Database, Health as State, HealthRequest, LongTransaction, ServerHealth, SlowQuery, TableHealth, health,
};
use clap::Args;
use indicatif::{HumanBytes, HumanCount};

use super::load::with_password;

/// Show how a PostgreSQL database is: sizes, index use, cache, dead rows and bloat, vacuum, slow queries, long transactions,
/// connections, and hints.
///
/// Reads the server's own statistics and changes nothing. Slow queries come from pg_stat_statements where it is installed. A
/// login that is not a superuser sees more as a member of pg_read_all_stats. Passwords come from the address, PGPASSWORD, or
/// the file of PGPASSFILE (~/.pgpass).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data health --at postgres://ana@db.lab/desi
  astrolab data health --at postgres://ana@db.lab/desi --longer-than 5
  astrolab data health --at postgres://ana@db.lab/desi --json | jq .hints")]
pub(crate) struct Health {
    /// The database: postgres://USER@HOST:PORT/DATABASE.
    #[arg(long, env = "ASTROLAB_POSTGRES", hide_env_values = true)]
    at: String,
    /// List transactions that are open for more seconds.
    #[arg(long, default_value_t = 60.0, allow_negative_numbers = true)]
    longer_than: f64,
    /// How many slow queries are shown.
    #[arg(long, default_value_t = 10)]
    slow: usize,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

impl Health {
    pub(crate) fn run(self) -> Result<ExitCode> {
        if !(self.longer_than >= 0.0 && self.longer_than < 1e9) {
            bail!("cannot use {} s: expected a number from 0\nhint: --longer-than 60", self.longer_than);
        }
        let address = with_password(Address::parse(&self.at)?)?;
        let request = HealthRequest { long_transaction_s: self.longer_than, slow_queries: self.slow };
        let state = health(&Database::connect(&address)?, &request)?;
        crate::terminal::print(&if self.json {
            serde_json::to_string_pretty(&state)? + "\n"
        } else {
            text(&state, self.longer_than)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn text(state: &State, longer_than: f64) -> String {
    let mut text = server(&state.server);
    text.push_str(&tables(&state.tables));
    let width = state.indexes.iter().map(|one| one.schema.len() + one.index.len() + 1).max().unwrap_or(0).max(12);
    let _ = writeln!(text, "\n{:width$} {:8} {:>12} {:>12}", "index", "kind", "size", "scans");
    for one in &state.indexes {
        let name = format!("{}.{}", one.schema, one.index);
        let note = if one.valid { "" } else { "  INVALID" };
        let size = HumanBytes(one.bytes).to_string();
        let _ =
            writeln!(text, "{name:width$} {:8} {size:>12} {:>12}{note}", one.method, HumanCount(one.scans).to_string());
    }
    match &state.slow_queries.missing {
        Some(why) => {
            let _ = writeln!(text, "\nslow queries: unknown, {why}");
        }
        None => text.push_str(&slow_queries(&state.slow_queries.queries)),
    }
    text.push_str(&long_transactions(&state.long_transactions, longer_than));
    for hint in &state.hints {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

fn server(server: &ServerHealth) -> String {
    let since = server.counted_since.as_deref().unwrap_or("the database was made");
    let ServerHealth { connections, max_connections, active, idle_in_transaction, .. } = server;
    format!(
        "database     {}, {}, PostgreSQL {}, up since {}\n\
         connections  {connections} of {max_connections}: {active} active, {idle_in_transaction} idle in a transaction\n\
         cache hits   {} of blocks, {} of temporary files, counted since {since}\n",
        server.database,
        HumanBytes(server.bytes),
        server.version,
        server.started,
        share(server.cache_hit_ratio),
        HumanBytes(server.temporary_bytes),
    )
}

fn tables(tables: &[TableHealth]) -> String {
    let width = tables.iter().map(|one| one.schema.len() + one.table.len() + 1).max().unwrap_or(0).max(12);
    let mut text = format!(
        "\n{:width$} {:>12} {:>12} {:>12} {:>10} {:>7} {:>7} {:>9} {:>9}  {:20}  {}\n",
        "table", "size", "indexes", "rows", "dead", "bloat", "cached", "scans", "by index", "vacuumed", "analysed"
    );
    for one in tables {
        let name = format!("{}.{}", one.schema, one.table);
        let rows = one.live_rows.map_or_else(|| "-".to_owned(), |rows| HumanCount(rows).to_string());
        let when = |time: &Option<String>| time.clone().unwrap_or_else(|| "never".to_owned());
        let _ = writeln!(
            text,
            "{name:width$} {:>12} {:>12} {rows:>12} {:>10} {:>7} {:>7} {:>9} {:>9}  {:20}  {}",
            HumanBytes(one.table_bytes).to_string(),
            HumanBytes(one.index_bytes).to_string(),
            HumanCount(one.dead_rows).to_string(),
            share(one.bloat_ratio),
            share(one.cache_hit_ratio),
            HumanCount(one.sequential_scans).to_string(),
            HumanCount(one.index_scans).to_string(),
            when(&one.last_vacuum),
            when(&one.last_analyze),
        );
    }
    text
}

fn slow_queries(queries: &[SlowQuery]) -> String {
    let mut text = format!("\n{:>12} {:>9} {:>12} {:>7}  query\n", "total ms", "calls", "mean ms", "cached");
    for one in queries {
        let query: String = one.query.chars().take(100).collect();
        let (calls, cached) = (HumanCount(one.calls).to_string(), share(one.cache_hit_ratio));
        let _ = writeln!(text, "{:>12.1} {calls:>9} {:>12.3} {cached:>7}  {query}", one.total_ms, one.mean_ms);
    }
    text
}

fn long_transactions(transactions: &[LongTransaction], longer_than: f64) -> String {
    if transactions.is_empty() {
        return format!("\nno transaction is open for more than {longer_than} s\n\n");
    }
    let mut text = format!("\n{:>10} {:>8} {:16} {:20}  statement\n", "seconds", "pid", "login", "state");
    for one in transactions {
        let query: String = one.query.iter().flat_map(|query| query.chars().take(80)).collect();
        let [login, state] = [&one.login, &one.state].map(|told| told.as_deref().unwrap_or("-"));
        let _ = writeln!(text, "{:>10.0} {:>8} {login:16} {state:20}  {query}", one.seconds, one.pid);
    }
    text.push('\n');
    text
}

fn share(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.1} %", 100.0 * ratio))
}
