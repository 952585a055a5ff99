//! Reads a generated table like SPECPHOT with one reader, and says what it cost and what it read.
//!
//! `fits_peers generate FOLDER ROWS` writes the table and prints its path. `fits_peers READER FILE 12|127` reads those
//! columns into memory and prints tab-separated lines: `cpu SECONDS`, `wall SECONDS`, `peak BYTES`, then `sum COLUMN
//! VALUE` for each column: the sum in row order of its numbers, or of the lengths of its strings. Readers: `ours`
//! (batches of 8192 rows, one after another), `ours-kept` (all rows kept in memory), `ours-parallel`, `ours-parallel-kept`,
//! `fitsio`, `fitsrs`. Called by `benches/compare_fits.py`.

#[path = "../../../crates/archive/benches/specphot/mod.rs"]
mod specphot;
mod peers;
mod sums;

use std::path::Path;
use std::time::Instant;

use archive::fits::{FitsError, FitsFile};
use cpu_time::ProcessTime;

use crate::sums::Sums;

type Failure = Box<dyn std::error::Error>;

const BATCH_ROWS: usize = 8192;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [reader, path, count] = &arguments[..] else { return Err("expected READER FILE COLUMNS".into()) };
    if reader == "generate" {
        println!("{}", specphot::file(Path::new(path), count.parse()?)?.display());
        return Ok(());
    }
    let names = column_names(path, count)?;
    let columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let (cpu, wall) = (ProcessTime::now(), Instant::now());
    // Sums are taken after the clock stops: of the batches in order, or anew.
    let sums = read(reader, path, &columns, &|| {
        println!("cpu\t{}\nwall\t{}", cpu.elapsed().as_secs_f64(), wall.elapsed().as_secs_f64());
        println!("peak\t{}", peak_bytes());
    })?;
    sums.print(&columns);
    Ok(())
}

fn column_names(path: &str, count: &str) -> Result<Vec<String>, Failure> {
    Ok(match count {
        "12" => specphot::TWELVE.iter().map(ToString::to_string).collect(),
        _ => FitsFile::open(path)?.first_table()?.columns().iter().map(|column| column.name.clone()).collect(),
    })
}

fn read(reader: &str, path: &str, columns: &[&str], stop: &dyn Fn()) -> Result<Sums, Failure> {
    match reader {
        "fitsio" => return peers::fitsio(path, columns, stop),
        "fitsrs" => return peers::fitsrs(path, columns, stop),
        _ => {}
    }
    let file = FitsFile::open(path)?;
    let table = file.first_table()?;
    let all = 0..table.n_rows();
    let kept = match reader {
        "ours" => {
            let mut rows = 0;
            for batch in table.batches(columns, all, BATCH_ROWS)? {
                rows += std::hint::black_box(batch?).num_rows();
            }
            assert_eq!(rows, table.n_rows());
            None
        }
        "ours-parallel" => {
            table.map_batches::<_, FitsError>(columns, BATCH_ROWS, |batch| Ok(std::hint::black_box(batch).num_rows()))?;
            None
        }
        "ours-kept" => Some(vec![table.read(columns, all)?]),
        "ours-parallel-kept" => Some(table.read_all(columns, BATCH_ROWS)?),
        _ => return Err(format!("no reader `{reader}`").into()),
    };
    stop();
    let kept = kept.map_or_else(|| table.read_all(columns, BATCH_ROWS), Ok)?;
    let mut sums = Sums::new(columns.len());
    kept.iter().for_each(|batch| sums.add_batch(batch));
    Ok(sums)
}

/// The most memory this process has held at once, pages of mapped files included.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    // Pages of the mapped file are the system's cache, shared and given back when needed: anonymous memory is ours.
    1024 * kilobytes("VmHWM:").saturating_sub(kilobytes("RssFile:"))
}
