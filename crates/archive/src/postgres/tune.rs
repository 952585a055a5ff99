//! Settings of a PostgreSQL server for a machine and a purpose, each with its reason and the page of the manual it comes from.
//!
//! Pure arithmetic: nothing is asked of a server. Pages are those of the manual of version 16,
//! `https://www.postgresql.org/docs/16/PAGE.html`. Memory is shared out so that what the settings permit at once stays within
//! three quarters of the machine's; the rest is for the system and its file cache.

use std::fmt::Write as _;

use serde::Serialize;

use super::error::PostgresError;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
/// Less memory than this is no database server, more is a slip of the pen.
const MEMORY_BOUNDS: (u64, u64) = (512 * MIB, 64 * 1024 * GIB);
/// PostgreSQL takes at most 1024 parallel workers.
const MAX_CORES: u32 = 1024;
/// The server's default of `autovacuum_max_workers`.
const AUTOVACUUM_WORKERS: u64 = 3;
/// The server's default of `hash_mem_multiplier` since version 15: hash tables may take that many times `work_mem`.
const HASH_MEM_MULTIPLIER: u64 = 2;

/// What the data lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Disk {
    /// Solid state on PCI Express.
    Nvme,
    /// Solid state on SATA or a network.
    Ssd,
    /// Spinning.
    Hdd,
}

/// What the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Takes big loads that can be repeated.
    Bulk,
    /// Answers people.
    Serve,
}

/// The machine of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Memory that the server may count on, bytes.
    pub memory_bytes: u64,
    /// Cores.
    pub cores: u32,
    /// What the data lie on.
    pub disk: Disk,
}

/// A line of `postgresql.conf`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Its value as the file wants it.
    pub value: String,
    /// Why this value.
    pub reason: &'static str,
    /// Page of the manual of version 16.
    pub page: &'static str,
    /// Whether it gives up safety that a server has by default.
    pub lowers_durability: bool,
}

/// The most that the settings permit to be taken at once, bytes. A query with many sorts or hashes may take `work_mem` for each
/// of them: the share of queries counts one hash table a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MemoryShares {
    /// Shared buffers with the buffers of the log.
    pub shared_bytes: u64,
    /// Sorts and hashes of all connections and parallel workers.
    pub queries_bytes: u64,
    /// Index builds and vacuums that people start.
    pub maintenance_bytes: u64,
    /// Autovacuum.
    pub autovacuum_bytes: u64,
}

impl MemoryShares {
    /// All of them, bytes.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.shared_bytes + self.queries_bytes + self.maintenance_bytes + self.autovacuum_bytes
    }
}

/// Settings for a machine and a purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tuning {
    /// The machine.
    pub machine: Machine,
    /// The purpose.
    pub purpose: Purpose,
    /// The most that may be taken at once.
    pub memory: MemoryShares,
    /// The lines, in the order of the file.
    pub settings: Vec<Setting>,
}

/// Reads an amount of memory: a whole number with `M`, `G` or `T` (also `MB`, `MiB`), powers of 1024 as in PostgreSQL's own files.
///
/// # Errors
/// [`PostgresError::Machine`].
pub fn parse_memory(text: &str) -> Result<u64, PostgresError> {
    let wrong = || PostgresError::Machine {
        reason: format!("`{text}` is no amount of memory"),
        hint: "write a whole number with its unit: 512M, 32G, 1T",
    };
    let end = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim_start().to_ascii_lowercase().as_str() {
        "m" | "mb" | "mib" => MIB,
        "g" | "gb" | "gib" => GIB,
        "t" | "tb" | "tib" => 1024 * GIB,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)
}

/// The settings of a server. No value that depends on memory falls where memory grows.
///
/// # Errors
/// [`PostgresError::Machine`]: less than 512 MiB or more than 64 TiB of memory, no core or more than 1024.
pub fn tune(machine: Machine, purpose: Purpose) -> Result<Tuning, PostgresError> {
    let (least, most) = MEMORY_BOUNDS;
    if !(least..=most).contains(&machine.memory_bytes) {
        let reason = format!("{} of memory is outside 512MB to 64TB", amount(machine.memory_bytes));
        return Err(PostgresError::Machine {
            reason,
            hint: "give the memory of the server's machine, for example 32G",
        });
    }
    if !(1..=MAX_CORES).contains(&machine.cores) {
        let reason = format!("{} cores is outside 1 to {MAX_CORES}", machine.cores);
        return Err(PostgresError::Machine { reason, hint: "give the cores of the server's machine" });
    }
    let sizes = Sizes::of(machine, purpose);
    let mut settings = memory_settings(&sizes, purpose);
    settings.extend(core_settings(machine.cores));
    settings.extend(disk_settings(machine.disk));
    settings.extend(log_settings(&sizes, purpose));
    settings.extend(match purpose {
        Purpose::Bulk => bulk_settings(),
        Purpose::Serve => serve_settings(),
    });
    Ok(Tuning { machine, purpose, memory: sizes.shares(), settings })
}

/// What memory is shared out to.
struct Sizes {
    memory: u64,
    connections: u64,
    /// Parallel workers of all queries.
    workers: u64,
    /// Index builds or vacuums of people at once.
    builds: u64,
    shared_buffers: u64,
    wal_buffers: u64,
    work_mem: u64,
    maintenance_work_mem: u64,
    autovacuum_work_mem: u64,
    max_wal_size: u64,
}

impl Sizes {
    fn of(machine: Machine, purpose: Purpose) -> Self {
        let memory = machine.memory_bytes;
        let workers = u64::from(machine.cores);
        let shared_buffers = (memory / 4).min(64 * GIB);
        let (connections, builds) = if purpose == Purpose::Bulk { (20, 4) } else { (60, 2) };
        let (for_queries, wal_buffers, maintenance, max_wal_size) = match purpose {
            Purpose::Bulk => (
                memory / 8,
                (shared_buffers / 32).min(64 * MIB),
                (memory / 16).min(8 * GIB),
                (memory / 2).clamp(2 * GIB, 16 * GIB),
            ),
            Purpose::Serve => (
                memory / 4,
                (shared_buffers / 32).min(16 * MIB),
                (memory / 32).min(2 * GIB),
                (memory / 8).clamp(GIB, 4 * GIB),
            ),
        };
        let work_mem = for_queries / ((connections + workers) * HASH_MEM_MULTIPLIER);
        Self {
            memory,
            connections,
            workers,
            builds,
            shared_buffers: whole(shared_buffers),
            wal_buffers: whole(wal_buffers),
            // The server wants 64 kB at least.
            work_mem: whole(work_mem.clamp(64 * KIB, GIB)),
            maintenance_work_mem: whole(maintenance),
            autovacuum_work_mem: whole((memory / 64).min(GIB)),
            max_wal_size: whole(max_wal_size),
        }
    }

    fn shares(&self) -> MemoryShares {
        MemoryShares {
            shared_bytes: self.shared_buffers + self.wal_buffers,
            queries_bytes: (self.connections + self.workers) * HASH_MEM_MULTIPLIER * self.work_mem,
            maintenance_bytes: self.builds * self.maintenance_work_mem,
            autovacuum_bytes: AUTOVACUUM_WORKERS * self.autovacuum_work_mem,
        }
    }
}

fn memory_settings(sizes: &Sizes, purpose: Purpose) -> Vec<Setting> {
    const PAGE: &str = "runtime-config-resource";
    let (connections, work, maintenance) = match purpose {
        Purpose::Bulk => (
            "a load needs few connections; each that may come is counted in work_mem",
            "an eighth of memory over all connections and workers: loads sort in maintenance_work_mem instead",
            "sorts of index builds; a sixteenth of memory, so that four builds at once fit",
        ),
        Purpose::Serve => (
            "people, notebooks and dashboards at once; beyond that put a pooler in front rather than raise it",
            "sorts and hashes in memory: a quarter of memory over all connections and workers, hashes may take twice as much",
            "index builds and vacuums beside people's queries; two at once fit",
        ),
    };
    vec![
        setting("max_connections", sizes.connections, connections, "runtime-config-connection"),
        setting(
            "shared_buffers",
            amount(sizes.shared_buffers),
            "a quarter of memory, the manual's start for a server of its own; the rest serves as file cache",
            PAGE,
        ),
        setting(
            "effective_cache_size",
            amount(whole(sizes.memory / 4 * 3)),
            "tells the planner what shared buffers and file cache may hold together; takes nothing",
            "runtime-config-query",
        ),
        setting("work_mem", amount(sizes.work_mem), work, PAGE),
        setting("maintenance_work_mem", amount(sizes.maintenance_work_mem), maintenance, PAGE),
        setting(
            "autovacuum_work_mem",
            amount(sizes.autovacuum_work_mem),
            "each of the three autovacuum workers takes that much, else maintenance_work_mem",
            PAGE,
        ),
    ]
}

fn core_settings(cores: u32) -> Vec<Setting> {
    const PAGE: &str = "runtime-config-resource";
    vec![
        setting(
            "max_worker_processes",
            cores.max(8),
            "room for the parallel workers below; not under the default",
            PAGE,
        ),
        setting("max_parallel_workers", cores, "one a core for all queries together", PAGE),
        setting(
            "max_parallel_workers_per_gather",
            (cores / 2).min(4),
            "one scan may take half of the cores, at most four, so that others are answered meanwhile",
            PAGE,
        ),
        setting("max_parallel_maintenance_workers", (cores / 2).min(8), "btree builds on half of the cores", PAGE),
    ]
}

fn disk_settings(disk: Disk) -> Vec<Setting> {
    let (cost, requests, build_requests) = match disk {
        Disk::Nvme => ("1.1", 256, 256),
        Disk::Ssd => ("1.1", 200, 200),
        Disk::Hdd => ("4.0", 2, 10),
    };
    let why = match disk {
        Disk::Hdd => "a random page costs the head a move: the default; many of them are in the cache",
        Disk::Nvme | Disk::Ssd => "solid state reads random pages almost as fast as a sequence: the manual's value",
    };
    let ahead = match disk {
        Disk::Hdd => "about one request a drive (Linux; leave out where the server says it is not supported)",
        Disk::Nvme | Disk::Ssd => {
            "bitmap scans, as of cones, ask for hundreds of pages ahead (Linux; leave out where the server says it is not supported)"
        }
    };
    vec![
        setting("random_page_cost", cost, why, "runtime-config-query"),
        setting("effective_io_concurrency", requests, ahead, "runtime-config-resource"),
        setting(
            "maintenance_io_concurrency",
            build_requests,
            "the same for vacuum and other maintenance",
            "runtime-config-resource",
        ),
    ]
}

fn log_settings(sizes: &Sizes, purpose: Purpose) -> Vec<Setting> {
    const PAGE: &str = "runtime-config-wal";
    let (timeout, size, buffers) = match purpose {
        Purpose::Bulk => (
            ("30min", "fewer checkpoints during a load; recovery after a crash takes longer"),
            "a load writes much log: checkpoints by time, not by size. The disk of pg_wal must have that much room",
            "several connections write long records at once",
        ),
        Purpose::Serve => (
            ("15min", "fewer full page images in the log; recovery after a crash takes some minutes"),
            "checkpoints by time, not by size, on ordinary days. The disk of pg_wal must have that much room",
            "what the server would choose by itself: a 32nd of shared_buffers, at most 16MB",
        ),
    };
    vec![
        setting("wal_buffers", amount(sizes.wal_buffers), buffers, PAGE),
        setting("max_wal_size", amount(sizes.max_wal_size), size, "wal-configuration"),
        setting("checkpoint_timeout", timeout.0, timeout.1, "wal-configuration"),
    ]
}

fn bulk_settings() -> Vec<Setting> {
    let risky =
        |name, value: &str, reason, page| Setting { lowers_durability: true, ..setting(name, value, reason, page) };
    vec![
        risky(
            "synchronous_commit",
            "off",
            "commits do not wait for the disk. A crash may forget the last of them, whole: the same `data load` sends those pieces again. Nothing is corrupted",
            "wal-async-commit",
        ),
        risky(
            "wal_level",
            "minimal",
            "index builds skip the log. No standby, archive or base backup can follow: make a new base backup after the load",
            "populate",
        ),
        risky("max_wal_senders", "0", "wal_level = minimal demands it: no replication, no pg_basebackup", "populate"),
        risky("archive_mode", "off", "wal_level = minimal demands it: no recovery to a point in time", "populate"),
    ]
}

fn serve_settings() -> Vec<Setting> {
    vec![
        setting(
            "jit",
            "off",
            "answers of milliseconds are not worth compiling; on again for long analyses: SET jit = on",
            "jit-decision",
        ),
        setting(
            "idle_in_transaction_session_timeout",
            "1h",
            "a notebook that was left inside a transaction keeps vacuum from removing dead rows",
            "runtime-config-client",
        ),
    ]
}

fn setting(name: &'static str, value: impl ToString, reason: &'static str, page: &'static str) -> Setting {
    Setting { name, value: value.to_string(), reason, page, lowers_durability: false }
}

/// Rounds down to what can be written shortly: megabytes, or 64 kilobytes where there are fewer than four.
fn whole(bytes: u64) -> u64 {
    let step = if bytes >= 4 * MIB { MIB } else { 64 * KIB };
    bytes / step * step
}

/// An amount as `postgresql.conf` writes it, exact to a kilobyte.
fn amount(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= GIB && bytes % GIB == 0 => format!("{}GB", bytes / GIB),
        bytes if bytes >= MIB && bytes % MIB == 0 => format!("{}MB", bytes / MIB),
        bytes => format!("{}kB", bytes / KIB),
    }
}

impl Tuning {
    /// The settings as a piece of `postgresql.conf`, with reasons and pages as comments.
    #[must_use]
    pub fn fragment(&self) -> String {
        let Machine { memory_bytes, cores, disk } = self.machine;
        let purpose = match self.purpose {
            Purpose::Bulk => "bulk loads",
            Purpose::Serve => "serving",
        };
        let disk = format!("{disk:?}").to_lowercase();
        let mut text =
            format!("# PostgreSQL for {purpose}: {} of memory, {cores} cores, {disk}.\n", amount(memory_bytes));
        let MemoryShares { shared_bytes, queries_bytes, maintenance_bytes, autovacuum_bytes } = self.memory;
        let shares = [shared_bytes, queries_bytes, maintenance_bytes, autovacuum_bytes].map(amount);
        let [shared, queries, maintenance, autovacuum] = shares;
        let _ = writeln!(
            text,
            "# Permits at most {} at once: shared {shared}, queries {queries}, maintenance {maintenance}, autovacuum {autovacuum}.\n\
             # A query with several sorts or hashes may take work_mem for each. The machine is the server's alone.\n\
             # Save as conf.d/astrolab.conf (include_dir in postgresql.conf), then restart the server.\n\
             # Pages: https://www.postgresql.org/docs/16/PAGE.html",
            amount(self.memory.total_bytes()),
        );
        let (risky, safe): (Vec<_>, Vec<_>) = self.settings.iter().partition(|setting| setting.lowers_durability);
        safe.iter().for_each(|setting| write_setting(&mut text, setting));
        if !risky.is_empty() {
            text.push_str(
                "\n# !!! LESS SAFE FROM HERE ON: for loads that can be repeated, never while people write their own tables.\n\
                 # !!! Replace by the fragment of `--for serve`, restart, and make a new base backup when the load is done.\n\
                 # !!! fsync and full_page_writes stay on: without them a crash ruins the whole server, not only the load.\n",
            );
            risky.iter().for_each(|setting| write_setting(&mut text, setting));
        }
        if self.purpose == Purpose::Serve {
            text.push_str(
                "\n# Slow queries in `data health`: where the package with contrib is installed, take the # off, restart, and run\n\
                 # CREATE EXTENSION pg_stat_statements in the database. [pgstatstatements]\n\
                 # shared_preload_libraries = 'pg_stat_statements'\n",
            );
        }
        text
    }
}

fn write_setting(text: &mut String, setting: &Setting) {
    let Setting { name, value, reason, page, .. } = setting;
    let _ = writeln!(text, "\n# {reason}. [{page}]\n{name} = {value}");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bytes(tuning: &Tuning, name: &str) -> u64 {
        let value = &tuning.settings.iter().find(|setting| setting.name == name).unwrap().value;
        value.strip_suffix("kB").map_or_else(|| parse_memory(value).unwrap(), |kilo| kilo.parse::<u64>().unwrap() * KIB)
    }

    fn machines() -> impl Iterator<Item = (Machine, Purpose)> {
        let cores = [1, 2, 8, 64, MAX_CORES];
        let steps = (0..200_u64).map(|step| 512 * MIB + step * step * step * 3 * MIB + step * 37 * KIB);
        steps.flat_map(move |memory_bytes| {
            cores.into_iter().flat_map(move |cores| {
                [Disk::Nvme, Disk::Hdd].into_iter().flat_map(move |disk| {
                    [Purpose::Bulk, Purpose::Serve].map(|purpose| (Machine { memory_bytes, cores, disk }, purpose))
                })
            })
        })
    }

    const AMOUNTS: [&str; 7] = [
        "shared_buffers",
        "effective_cache_size",
        "work_mem",
        "maintenance_work_mem",
        "autovacuum_work_mem",
        "wal_buffers",
        "max_wal_size",
    ];

    #[test]
    fn more_memory_never_lowers_a_setting() {
        for (machine, purpose) in machines() {
            let less = tune(machine, purpose).unwrap();
            for grown in [machine.memory_bytes + 64 * KIB, machine.memory_bytes + MIB, machine.memory_bytes * 2] {
                let more = tune(Machine { memory_bytes: grown, ..machine }, purpose).unwrap();
                for name in AMOUNTS {
                    assert!(bytes(&more, name) >= bytes(&less, name), "{name} {machine:?} {grown} {purpose:?}");
                }
            }
        }
    }

    /// What the lines themselves permit, computed from their text, fits in three quarters of memory, and is what is told.
    #[test]
    fn what_is_permitted_fits_in_memory() {
        for (machine, purpose) in machines() {
            let tuning = tune(machine, purpose).unwrap();
            let number = |name: &str| {
                tuning.settings.iter().find(|setting| setting.name == name).unwrap().value.parse::<u64>().unwrap()
            };
            let processes = number("max_connections") + number("max_parallel_workers");
            let builds = if purpose == Purpose::Bulk { 4 } else { 2 };
            let permitted = bytes(&tuning, "shared_buffers")
                + bytes(&tuning, "wal_buffers")
                + processes * 2 * bytes(&tuning, "work_mem")
                + builds * bytes(&tuning, "maintenance_work_mem")
                + 3 * bytes(&tuning, "autovacuum_work_mem");
            assert_eq!(permitted, tuning.memory.total_bytes());
            // A thousand cores with half a gigabyte is no machine; the floor of work_mem alone still fits.
            let limit = if machine.cores == MAX_CORES { machine.memory_bytes } else { machine.memory_bytes / 4 * 3 };
            assert!(permitted <= limit, "{machine:?} {purpose:?}: {permitted}");
            // Limits of the server: 64 kB, 1 MB, 32 kB.
            assert!(bytes(&tuning, "work_mem") >= 64 * KIB && bytes(&tuning, "wal_buffers") >= 32 * KIB);
            assert!(bytes(&tuning, "maintenance_work_mem") >= MIB && bytes(&tuning, "autovacuum_work_mem") >= MIB);
            assert!(number("max_worker_processes") >= number("max_parallel_workers"));
        }
    }

    #[test]
    fn durability_is_lowered_for_loads_only_and_loudly() {
        for (machine, purpose) in machines() {
            let tuning = tune(machine, purpose).unwrap();
            let risky: Vec<_> = tuning.settings.iter().filter(|setting| setting.lowers_durability).collect();
            let names: Vec<_> = risky.iter().map(|setting| setting.name).collect();
            let allowed = ["synchronous_commit", "wal_level", "max_wal_senders", "archive_mode"];
            assert_eq!(names, if purpose == Purpose::Bulk { allowed.to_vec() } else { Vec::new() });
            // A reload does not repair what these break.
            assert!(!tuning.settings.iter().any(|one| ["fsync", "full_page_writes", "autovacuum"].contains(&one.name)));
            let fragment = tuning.fragment();
            assert_eq!(fragment.contains("!!! LESS SAFE"), purpose == Purpose::Bulk);
            let loud = fragment.find("!!!").unwrap_or(fragment.len());
            assert!(names.iter().all(|name| fragment.find(&format!("\n{name} =")).is_some_and(|at| at > loud)));
        }
    }

    #[test]
    fn values_of_a_usual_machine() {
        let machine = Machine { memory_bytes: parse_memory("32G").unwrap(), cores: 8, disk: Disk::Nvme };
        let fragment = tune(machine, Purpose::Serve).unwrap().fragment();
        for line in ["shared_buffers = 8GB", "effective_cache_size = 24GB", "work_mem = 60MB", "random_page_cost = 1.1"]
        {
            assert!(fragment.contains(&format!("]\n{line}\n")), "{line} in {fragment}");
        }
        // Every line of the file is a comment, empty, or a setting with reason and page right above it.
        let lines: Vec<&str> = fragment.lines().collect();
        for pair in lines.windows(2) {
            let [above, line] = pair else { continue };
            assert!(
                line.is_empty() || line.starts_with('#') || (line.contains(" = ") && above.ends_with(']')),
                "{line}"
            );
        }
    }

    #[test]
    fn wrong_machines_are_refused() {
        assert_eq!(parse_memory("512MiB").unwrap(), 512 * MIB);
        assert_eq!(parse_memory("1 tb").unwrap(), 1024 * GIB);
        for wrong in ["3X", "", "G", "32", "-1G", "1.5G", "99999999999999T", "32 gigs"] {
            assert!(parse_memory(wrong).unwrap_err().to_string().contains("hint:"), "{wrong}");
        }
        let machine = Machine { memory_bytes: GIB, cores: 2, disk: Disk::Ssd };
        for wrong in [
            Machine { memory_bytes: 100 * MIB, ..machine },
            Machine { memory_bytes: u64::MAX, ..machine },
            Machine { cores: 0, ..machine },
            Machine { cores: 1025, ..machine },
        ] {
            assert!(tune(wrong, Purpose::Serve).is_err(), "{wrong:?}");
        }
    }
}
