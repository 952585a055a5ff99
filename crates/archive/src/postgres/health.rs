//! How a database is: sizes, index use, cache hits, dead rows and bloat, vacuum, slow queries, long transactions, connections.
//!
//! Reads the server's statistics views (page "monitoring-stats" of the manual) and changes nothing. Counts run since the
//! statistics were last reset, and are the server's own estimates.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::connection::Database;
use super::error::PostgresError;
use super::health_hints::hints;

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HealthRequest {
    /// Transactions open for longer are listed, seconds.
    pub long_transaction_s: f64,
    /// How many slow queries are listed.
    pub slow_queries: usize,
}

/// The state of a database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// Server and database.
    pub server: ServerHealth,
    /// Tables that are not the server's own, largest first.
    pub tables: Vec<TableHealth>,
    /// Their indexes, largest first.
    pub indexes: Vec<IndexHealth>,
    /// Where the time goes.
    pub slow_queries: SlowQueries,
    /// Transactions that are open for long, oldest first.
    pub long_transactions: Vec<LongTransaction>,
    /// What could be better.
    pub hints: Vec<String>,
}

/// Server and database. Times are UTC, ISO 8601.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerHealth {
    /// Version of the server.
    pub version: String,
    /// The database.
    pub database: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// When the server started.
    pub started: String,
    /// When the counts of the database began, where they were reset.
    pub counted_since: Option<String>,
    /// Share of the blocks that were asked for and found in shared buffers, 0 to 1. None where none was asked for.
    pub cache_hit_ratio: Option<f64>,
    /// Blocks that were not found there.
    pub blocks_read: u64,
    /// Bytes that queries wrote to temporary files for want of `work_mem`.
    pub temporary_bytes: u64,
    /// Connections of clients to all databases.
    pub connections: u64,
    /// Those of them that run a query.
    pub active: u64,
    /// Those that idle inside a transaction.
    pub idle_in_transaction: u64,
    /// The most connections that the server takes.
    pub max_connections: u64,
    /// Whether this login sees what others do.
    pub sees_others: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableHealth {
    /// Schema.
    pub schema: String,
    /// Name.
    pub table: String,
    /// The table with its long values, bytes.
    pub table_bytes: u64,
    /// Its indexes, bytes.
    pub index_bytes: u64,
    /// Rows, estimated. None where the server knows neither from counts nor from an analyze.
    pub live_rows: Option<u64>,
    /// Rows that vacuum would remove, estimated.
    pub dead_rows: u64,
    /// Share of the table's pages that its rows do not need, 0 to 1: from the mean widths of columns, good to about 0.1. None
    /// where the table was not analyzed or this login cannot see all of its statistics.
    pub bloat_ratio: Option<f64>,
    /// Times that it was read from end to end.
    pub sequential_scans: u64,
    /// Times that an index of it was used.
    pub index_scans: u64,
    /// Share of blocks found in shared buffers, those of its indexes included.
    pub cache_hit_ratio: Option<f64>,
    /// Last vacuum, by hand or automatic.
    pub last_vacuum: Option<String>,
    /// Last analyze, by hand or automatic.
    pub last_analyze: Option<String>,
    /// Rows that changed since then.
    pub changed_since_analyze: u64,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexHealth {
    /// Schema.
    pub schema: String,
    /// Name.
    pub index: String,
    /// The table.
    pub table: String,
    /// Kind: btree, brin, gist.
    pub method: String,
    /// Size, bytes.
    pub bytes: u64,
    /// Times that a scan used it.
    pub scans: u64,
    /// Whether it keeps values unique: needed also where no scan uses it.
    pub unique: bool,
    /// False where its building failed.
    pub valid: bool,
}

/// Queries by the time they took in all, or why they are not known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlowQueries {
    /// Why there are none: the extension is not there.
    pub missing: Option<String>,
    /// The queries, most time first.
    pub queries: Vec<SlowQuery>,
}

/// A query of pg_stat_statements, constants replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlowQuery {
    /// Its first 300 letters.
    pub query: String,
    /// How often it ran.
    pub calls: u64,
    /// Time of all runs, milliseconds.
    pub total_ms: f64,
    /// Mean time, milliseconds.
    pub mean_ms: f64,
    /// Rows of all runs.
    pub rows: u64,
    /// Share of blocks found in shared buffers.
    pub cache_hit_ratio: Option<f64>,
}

/// A transaction that is open for long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LongTransaction {
    /// Process of the server.
    pub pid: i32,
    /// Who.
    pub login: Option<String>,
    /// From which program.
    pub application: Option<String>,
    /// For how long, seconds.
    pub seconds: f64,
    /// What it does now.
    pub state: Option<String>,
    /// Its present or last statement, first 300 letters.
    pub query: Option<String>,
}

/// The state of the database at the other end.
///
/// # Errors
/// [`PostgresError::Statement`], also where a table is locked for more than ten seconds; [`PostgresError::Lost`].
pub fn health(database: &Database, request: &HealthRequest) -> Result<Health, PostgresError> {
    database.execute("set a limit for locks", "SET lock_timeout = '10s'")?;
    let server: Vec<ServerHealth> = gather(database, "read the state of the server", SERVER)?;
    let server = server.into_iter().next().ok_or_else(|| unreadable("read the state of the server", "no answer"))?;
    let tables = gather(database, "read the state of tables", TABLES)?;
    let indexes = gather(database, "read the state of indexes", INDEXES)?;
    let slow_queries = slow_queries(database, request.slow_queries)?;
    let sql = LONG_TRANSACTIONS.replace("$1", &format!("{:.3}", request.long_transaction_s));
    let long_transactions = gather(database, "read the state of transactions", &sql)?;
    let mut health = Health { server, tables, indexes, slow_queries, long_transactions, hints: Vec::new() };
    health.hints = hints(&health);
    Ok(health)
}

/// The rows of a query, by the names of its columns.
fn gather<T: DeserializeOwned>(database: &Database, action: &str, sql: &str) -> Result<Vec<T>, PostgresError> {
    let told = database.value(action, &format!("SELECT coalesce(json_agg(t), '[]') FROM ({sql}) AS t"))?;
    serde_json::from_str(&told.unwrap_or_default()).map_err(|error| unreadable(action, &error.to_string()))
}

fn unreadable(action: &str, reason: &str) -> PostgresError {
    PostgresError::Statement { action: action.to_owned(), reason: reason.to_owned(), hint: None }
}

fn slow_queries(database: &Database, most: usize) -> Result<SlowQueries, PostgresError> {
    let schema = "SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'pg_stat_statements'";
    let action = "read slow queries";
    let missing = |why: &str| SlowQueries { missing: Some(why.to_owned()), queries: Vec::new() };
    let Some(schema) = database.value(action, schema)? else {
        return Ok(missing("the extension pg_stat_statements is not installed in this database"));
    };
    let sql = SLOW_QUERIES.replace("$1", &schema).replace("$2", &most.to_string());
    match gather(database, action, &sql) {
        Ok(queries) => Ok(SlowQueries { missing: None, queries }),
        // Object not in prerequisite state: created, but the server was started without it.
        Err(PostgresError::Statement { reason, .. }) if reason.contains("SQLSTATE 55000") => {
            Ok(missing("pg_stat_statements is not among the server's shared_preload_libraries"))
        }
        Err(error) => Err(error),
    }
}

const SERVER: &str = "
SELECT current_setting('server_version') AS version,
    current_database() AS database,
    pg_database_size(current_database()) AS bytes,
    to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS started,
    to_char(stats_reset AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS counted_since,
    blks_hit::float8 / nullif(blks_hit + blks_read, 0) AS cache_hit_ratio,
    blks_read AS blocks_read,
    temp_bytes AS temporary_bytes,
    connections, active, idle_in_transaction,
    current_setting('max_connections')::int AS max_connections,
    pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_others
FROM pg_stat_database,
    (SELECT count(*) AS connections,
        count(*) FILTER (WHERE state = 'active') AS active,
        count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction
     FROM pg_stat_activity WHERE datname IS NOT NULL AND backend_type IS DISTINCT FROM 'parallel worker'
        AND backend_type IS DISTINCT FROM 'autovacuum worker') AS clients
WHERE datname = current_database()";

/// A page has 24 bytes of header; a row 24, its width rounded up to 8, and a pointer of 4 ("storage-page-layout").
const TABLES: &str = "
SELECT s.schemaname AS schema, s.relname AS table,
    pg_table_size(c.oid) AS table_bytes,
    pg_indexes_size(c.oid) AS index_bytes,
    CASE WHEN s.n_live_tup > 0 OR c.reltuples = 0 THEN s.n_live_tup WHEN c.reltuples > 0 THEN c.reltuples::bigint END AS live_rows,
    s.n_dead_tup AS dead_rows,
    CASE WHEN c.relpages > 0 AND c.reltuples >= 0 AND w.columns = c.columns THEN
        greatest(0, 1 - ceil(c.reltuples * (28 + 8 * ceil(w.width / 8.0)) / (current_setting('block_size')::int - 24))
            / c.relpages) END AS bloat_ratio,
    coalesce(s.seq_scan, 0) AS sequential_scans,
    coalesce(s.idx_scan, 0) AS index_scans,
    hits::float8 / nullif(hits + reads, 0) AS cache_hit_ratio,
    to_char(greatest(s.last_vacuum, s.last_autovacuum) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS last_vacuum,
    to_char(greatest(s.last_analyze, s.last_autoanalyze) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS last_analyze,
    s.n_mod_since_analyze AS changed_since_analyze
FROM pg_stat_user_tables s
JOIN (SELECT oid, relpages, reltuples,
        (SELECT count(*) FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped) AS columns
      FROM pg_class) AS c ON c.oid = s.relid
JOIN (SELECT relid,
        coalesce(heap_blks_hit, 0) + coalesce(idx_blks_hit, 0) + coalesce(toast_blks_hit, 0) AS hits,
        coalesce(heap_blks_read, 0) + coalesce(idx_blks_read, 0) + coalesce(toast_blks_read, 0) AS reads
      FROM pg_statio_user_tables) AS io ON io.relid = s.relid
LEFT JOIN (SELECT schemaname, tablename, count(*) AS columns, sum((1 - null_frac) * avg_width) AS width
      FROM pg_stats WHERE NOT inherited GROUP BY schemaname, tablename) AS w
    ON w.schemaname = s.schemaname AND w.tablename = s.relname
ORDER BY pg_total_relation_size(c.oid) DESC, s.schemaname, s.relname";

const INDEXES: &str = "
SELECT s.schemaname AS schema, s.indexrelname AS index, s.relname AS table, m.amname AS method,
    pg_relation_size(s.indexrelid) AS bytes, coalesce(s.idx_scan, 0) AS scans, i.indisunique AS unique, i.indisvalid AS valid
FROM pg_stat_user_indexes s
JOIN pg_index i ON i.indexrelid = s.indexrelid
JOIN pg_class c ON c.oid = s.indexrelid
JOIN pg_am m ON m.oid = c.relam
ORDER BY bytes DESC, s.schemaname, s.indexrelname";

const SLOW_QUERIES: &str = "
SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 300) AS query, calls, total_exec_time AS total_ms, mean_exec_time AS mean_ms,
    rows, shared_blks_hit::float8 / nullif(shared_blks_hit + shared_blks_read, 0) AS cache_hit_ratio
FROM $1.pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY total_exec_time DESC LIMIT $2";

const LONG_TRANSACTIONS: &str = "
SELECT pid, usename AS login, nullif(application_name, '') AS application, state,
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds,
    left(regexp_replace(query, '\\s+', ' ', 'g'), 300) AS query
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND clock_timestamp() - xact_start > $1 * interval '1 s'
ORDER BY xact_start";
