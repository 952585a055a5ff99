//! PostgreSQL's own programs, run as children: where they are, which version, what they say.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::address::Address;
use super::connection::Database;
use super::error::PostgresError;
use crate::progress::Progress;

/// Lines of a program's complaint that are shown.
const SHOWN_LINES: usize = 4;

/// One of the programs.
#[derive(Debug)]
pub(super) struct Program {
    name: &'static str,
    path: PathBuf,
    /// What it says of its version, for example `pg_dump (PostgreSQL) 15.18`.
    pub(super) version: String,
}

impl Program {
    /// Looks in `folder`, or on the search path where none is named, and asks for the version, which must not be older than
    /// the server's.
    pub(super) fn find(name: &'static str, folder: Option<&Path>, database: &Database) -> Result<Self, PostgresError> {
        let path = folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
        let failed = |reason: String, hint: String| PostgresError::Program { program: name, reason, hint: Some(hint) };
        let told = Command::new(&path).arg("--version").output().map_err(|error| {
            let place = folder.map_or_else(|| "on the search path".to_owned(), |folder| folder.display().to_string());
            let hint = "install PostgreSQL's client programs (Debian: postgresql-client), or name their folder: --pg-bin /usr/lib/postgresql/16/bin";
            failed(format!("not found in {place} ({error})").replace("in on", "on"), hint.to_owned())
        })?;
        let version = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        let of_server = database.value("ask for the version", "SHOW server_version")?.unwrap_or_default();
        let (ours, theirs) = (major(version.rsplit(") ").next().unwrap_or_default()), major(&of_server));
        if ours.is_none() {
            let said = String::from_utf8_lossy(&told.stderr).trim().to_owned();
            return Err(failed(format!("it does not tell its version: {version}{said}"), "reinstall it".to_owned()));
        }
        if ours < theirs {
            let hint =
                format!("name the folder of newer programs: --pg-bin /usr/lib/postgresql/{}/bin", theirs.unwrap_or(0));
            return Err(failed(format!("{version} is older than the server, {of_server}"), hint));
        }
        Ok(Self { name, path, version })
    }

    /// Runs it on a database, and tells progress once for every line of its report that `counts`.
    pub(super) fn run(
        &self,
        address: &Address,
        arguments: &[&std::ffi::OsStr],
        counts: impl Fn(&str) -> bool,
        progress: &dyn Progress,
    ) -> Result<(), PostgresError> {
        let mut command = Command::new(&self.path);
        command.args(["--verbose", "--no-password", "--host", &address.host(), "--port", &address.port().to_string()]);
        command.args(["--username", address.user(), "--dbname", address.database()]).args(arguments);
        if let Some(password) = address.password() {
            command.env("PGPASSWORD", password);
        }
        command.env("PGSSLMODE", address.encryption.mode());
        if let Some(roots) = &address.encryption.roots {
            command.env("PGSSLROOTCERT", roots);
        }
        command.env("LC_ALL", "C").env("PGAPPNAME", "astrolab");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let failed = |reason: String| {
            let hint = hint(&reason).map(str::to_owned);
            PostgresError::Program { program: self.name, reason, hint }
        };
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let mut complaints = Vec::new();
        if let Some(report) = child.stderr.take() {
            for line in BufReader::new(report).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                if counts(&line) {
                    progress.advance(1);
                }
                let complaint = ["error:", "fatal:", "detail:", "hint:", "FATAL:", "ERROR:", "DETAIL:"];
                if complaint.iter().any(|word| line.contains(word)) && complaints.len() < SHOWN_LINES {
                    complaints.push(line.trim().to_owned());
                }
            }
        }
        let status = child.wait().map_err(|error| failed(error.to_string()))?;
        if status.success() {
            return Ok(());
        }
        complaints.is_empty().then(|| complaints.push(format!("it ended with {status}")));
        Err(failed(complaints.join("\n  ")))
    }
}

fn major(version: &str) -> Option<u32> {
    version.split(|letter: char| !letter.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
}

fn hint(complaint: &str) -> Option<&'static str> {
    let known = [
        (
            "extension",
            "the backup uses an extension that this server lacks or this login may not create: install it, or log in as a superuser",
        ),
        ("permission denied", "log in as a superuser, or as a member of pg_read_all_data and astrolab_owner"),
        ("must be owner", "log in as a superuser, or as a member of astrolab_owner"),
        ("must be member", "log in as a superuser, or as a member of astrolab_owner"),
        ("No space left", "make room on the disk"),
        (
            "role \"",
            "create the role first: roles belong to the server and are not in a backup, but for astrolab's own",
        ),
    ];
    known.iter().find(|(word, _)| complaint.contains(word)).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (told, expected) in [("15.18 (Debian 15.18-0+deb12u1)", 15), ("16.14", 16), ("17beta1", 17)] {
            assert_eq!(major(told), Some(expected));
        }
        assert_eq!(major("none"), None);
    }
}
