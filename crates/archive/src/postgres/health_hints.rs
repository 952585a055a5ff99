//! What could be better in a database, from the state that it tells.

use super::health::{Health, IndexHealth, TableHealth};

/// Smaller tables and indexes are read at once whatever their state, bytes.
const SMALL_BYTES: u64 = 64 * 1024;
/// Fewer blocks read than this say nothing of the cache.
const FEW_BLOCKS: u64 = 100_000;
/// Share of cached blocks that a database in use should reach.
const GOOD_CACHE: f64 = 0.9;
/// Share of dead rows, at which autovacuum begins by default (`autovacuum_vacuum_scale_factor`).
const MANY_DEAD: f64 = 0.2;
/// The estimate of bloat is good to about 0.1; more than this is real.
const MUCH_BLOAT: f64 = 0.4;

/// Hints, each a sentence with what to do.
pub(super) fn hints(health: &Health) -> Vec<String> {
    let mut hints: Vec<String> = health.tables.iter().flat_map(of_table).collect();
    hints.extend(invalid_indexes(&health.indexes));
    hints.extend(unused_indexes(health));
    let server = &health.server;
    if let Some(ratio) = server.cache_hit_ratio.filter(|ratio| *ratio < GOOD_CACHE)
        && server.blocks_read > FEW_BLOCKS
    {
        hints.push(format!(
            "only {:.1} % of blocks came from shared buffers: see `data tune` for shared_buffers",
            100.0 * ratio
        ));
    }
    if server.connections * 5 >= server.max_connections * 4 {
        let (used, most) = (server.connections, server.max_connections);
        hints.push(format!("{used} of {most} connections are taken: close idle ones or put a pooler in front"));
    }
    for one in health.long_transactions.iter().filter(|one| one.state.as_deref() != Some("active")) {
        let login = one.login.as_deref().unwrap_or("somebody");
        hints.push(format!(
            "{login} idles inside a transaction for {:.0} s, which stops vacuum: SELECT pg_terminate_backend({})",
            one.seconds, one.pid
        ));
    }
    if health.slow_queries.missing.is_some() {
        hints.push(
            "slow queries are not recorded: add pg_stat_statements to shared_preload_libraries, restart, CREATE EXTENSION pg_stat_statements"
                .to_owned(),
        );
    }
    if !server.sees_others {
        hints.push(
            "this login does not see what others do: GRANT pg_read_all_stats to it, or ask as a superuser".to_owned(),
        );
    }
    hints
}

fn of_table(table: &TableHealth) -> Vec<String> {
    let mut hints = Vec::new();
    let TableHealth { schema, table: name, live_rows, dead_rows, .. } = table;
    if table.table_bytes < SMALL_BYTES {
        return hints;
    }
    let live = live_rows.unwrap_or(0);
    if table.last_analyze.is_none() {
        hints.push(format!("{schema}.{name} was never analysed since the counts began: ANALYZE {schema}.{name}"));
    } else if table.changed_since_analyze * 5 > live.max(1) {
        let changed = table.changed_since_analyze;
        hints.push(format!("{schema}.{name} changed in {changed} rows since it was analysed: ANALYZE {schema}.{name}"));
    }
    if *dead_rows as f64 > MANY_DEAD * (live + dead_rows) as f64 {
        hints
            .push(format!("{schema}.{name} has {dead_rows} dead rows beside {live} live ones: VACUUM {schema}.{name}"));
    }
    if let Some(bloat) = table.bloat_ratio.filter(|bloat| *bloat > MUCH_BLOAT) {
        hints.push(format!(
            "{schema}.{name} has about {:.0} % empty room: VACUUM FULL {schema}.{name} gives it back, and locks the table meanwhile",
            100.0 * bloat
        ));
    }
    hints
}

fn invalid_indexes(indexes: &[IndexHealth]) -> impl Iterator<Item = String> {
    indexes.iter().filter(|index| !index.valid).map(|IndexHealth { schema, index, .. }| {
        format!("{schema}.{index} is invalid, its building failed: REINDEX INDEX {schema}.{index}")
    })
}

/// One hint for all of them: a fresh load has many.
fn unused_indexes(health: &Health) -> Option<String> {
    let unused = health.indexes.iter().filter(|one| one.scans == 0 && !one.unique && one.bytes >= SMALL_BYTES);
    let names: Vec<String> = unused.map(|IndexHealth { schema, index, .. }| format!("{schema}.{index}")).collect();
    let since = health.server.counted_since.as_deref().unwrap_or("the counts began");
    (!names.is_empty()).then(|| format!("no query used {} since {since}: drop what none will need", names.join(", ")))
}
