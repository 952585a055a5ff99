//! The numbered steps that make a database ours, each applied once and checked ever after.

use super::connection::Database;
use super::error::PostgresError;
use crate::digest::sha256;

/// Number, name and text of every step, in order.
const MIGRATIONS: [(i32, &str, &str); 4] = [
    (1, "schemas", include_str!("migrations/0001_schemas.sql")),
    (2, "sky", include_str!("migrations/0002_sky.sql")),
    (3, "database", DATABASE_SETTINGS),
    (4, "types", include_str!("migrations/0004_types.sql")),
];
/// What a database must be told itself: no dump holds it.
pub(super) const DATABASE_SETTINGS: &str = include_str!("migrations/0003_database.sql");
/// The roles alone, for a database that is restored.
pub(super) const ROLES: &str = include_str!("roles.sql");

/// What the first step needs; belongs to no number.
const BOOKS: &str = "CREATE SCHEMA IF NOT EXISTS astrolab;
CREATE TABLE IF NOT EXISTS astrolab.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL DEFAULT session_user
);";

/// How positions are indexed, by what the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkyIndex {
    /// The extension q3c (Koposov & Bartunov 2006, 2006ASPC..351..735K).
    Q3c,
    /// The extension pgSphere.
    PgSphere,
    /// Btrees on declination and `_healpix_29`.
    Plain,
}

impl SkyIndex {
    const ALL: [Self; 3] = [Self::Q3c, Self::PgSphere, Self::Plain];

    /// The name people give it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Q3c => "q3c",
            Self::PgSphere => "pg_sphere",
            Self::Plain => "btree",
        }
    }

    /// Creates the extension that it needs.
    fn extension(self) -> Option<String> {
        (self != Self::Plain).then(|| format!("CREATE EXTENSION IF NOT EXISTS {} SCHEMA public", self.name()))
    }

    /// What the definition of such an index holds, and of no other.
    pub(super) fn marker(self) -> &'static str {
        match self {
            Self::Q3c => "q3c_ang2ipix",
            Self::PgSphere => "spoint",
            Self::Plain => "btree (\"dec\", ra)",
        }
    }

    /// What the comment of `cone()` says: the name, and which definition it is.
    fn mark(self) -> String {
        format!("{} {}", self.name(), sha256(self.cone().as_bytes()).get(..8).unwrap_or_default())
    }

    /// Defines `cone()`; sent as one text, it is one transaction.
    fn definition(self) -> String {
        let (cone, mark) = (self.cone(), self.mark());
        format!(
            "{cone}\nCOMMENT ON FUNCTION sky.cone IS '{mark}';\nGRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sky TO PUBLIC;"
        )
    }

    fn cone(self) -> &'static str {
        match self {
            Self::Q3c => include_str!("cone/q3c.sql"),
            Self::PgSphere => include_str!("cone/pgsphere.sql"),
            Self::Plain => include_str!("cone/plain.sql"),
        }
    }
}

/// Every statement of the migrations, as `data load --dry-run` shows them.
#[must_use]
pub fn migrations_sql(index: SkyIndex) -> String {
    let steps = MIGRATIONS.map(|step| format!("-- migration {:04}_{}\n{}\n\n", step.0, step.1, whole(step)));
    let extension = index.extension().map_or_else(String::new, |extension| format!("{extension};\n"));
    format!("{BOOKS}\n{}{extension}{}\n", steps.concat(), index.definition())
}

/// A step with the note that it is applied, in one transaction.
fn whole((number, name, text): (i32, &str, &str)) -> String {
    let digest = sha256(text.as_bytes());
    format!(
        "BEGIN;\n{text}\nINSERT INTO astrolab.migrations (number, name, sha256) VALUES ({number}, '{name}', '{digest}');\nCOMMIT;"
    )
}

/// What the migrations found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Names of the steps that were applied now.
    pub applied: Vec<String>,
    /// How positions are indexed.
    pub sky_index: SkyIndex,
}

/// Applies the steps that are missing, each in a transaction, and checks that those that are there are ours.
/// `prefer` forces a kind of index; else the best that the server has is taken, and its extension created.
///
/// # Errors
/// [`PostgresError::Migration`] where the database has other or newer steps; [`PostgresError::Statement`] where the user may
/// not create what is needed.
pub fn migrate(database: &Database, prefer: Option<SkyIndex>) -> Result<Migrated, PostgresError> {
    // One migrator at a time; the lock goes with the session.
    database.execute("wait for other migrations", "SELECT pg_advisory_lock(hashtext('astrolab migrations'))")?;
    let done = migrate_alone(database, prefer);
    database.execute("let other migrations go on", "SELECT pg_advisory_unlock(hashtext('astrolab migrations'))")?;
    done
}

fn migrate_alone(database: &Database, prefer: Option<SkyIndex>) -> Result<Migrated, PostgresError> {
    let known = database.value("look for migrations", "SELECT to_regclass('astrolab.migrations')::text")?;
    if known.is_none() {
        database.execute("make the schema astrolab", BOOKS)?;
    }
    let recorded = check(database)?;
    let mut applied = Vec::new();
    for (number, name, text) in MIGRATIONS.iter().skip(recorded) {
        let step = whole((*number, *name, *text));
        database.execute(&format!("apply migration {number:04}_{name}"), &step).inspect_err(|_| {
            // A failed transaction stays open otherwise; the first error is the one that counts.
            let _ = database.execute("roll back", "ROLLBACK");
        })?;
        applied.push(format!("{number:04}_{name}"));
    }
    let sky_index = sky_index(database, prefer)?;
    Ok(Migrated { applied, sky_index })
}

/// How many steps are applied. Their texts must be ours.
fn check(database: &Database) -> Result<usize, PostgresError> {
    let rows = database
        .rows("read the migrations", "SELECT number::text, name, sha256 FROM astrolab.migrations ORDER BY number")?;
    for (place, row) in rows.iter().enumerate() {
        let [number, name, digest] = row.as_slice() else { continue };
        let (number, name) = (number.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default());
        let Some((ours, _, text)) = MIGRATIONS.get(place) else {
            return Err(PostgresError::Migration {
                reason: format!("it has migration {number}_{name}, which this version does not know"),
                hint: "use a newer astrolab",
            });
        };
        if number != ours.to_string() || digest.as_deref() != Some(sha256(text.as_bytes()).as_str()) {
            return Err(PostgresError::Migration {
                reason: format!("its migration {number}_{name} is another than the one of this version"),
                hint: "load into a new database, or use the version that made this one",
            });
        }
    }
    Ok(rows.len())
}

/// The index that is there, or is made now.
fn sky_index(database: &Database, prefer: Option<SkyIndex>) -> Result<SkyIndex, PostgresError> {
    let said = "SELECT obj_description(to_regprocedure('sky.cone(float8, float8, float8, float8, float8)'), 'pg_proc')";
    let said = database.value("see how positions are indexed", said)?;
    let said = said.unwrap_or_default();
    let present = SkyIndex::ALL.into_iter().find(|index| said.split(' ').next() == Some(index.name()));
    if let Some(present) = present.filter(|present| prefer.is_none_or(|wanted| wanted == *present)) {
        if said != present.mark() {
            // An older cone() gives the same rows, if more slowly: who may not replace it goes on with it.
            match database.execute("define cone()", &present.definition()) {
                Err(lost) if lost.is_lost_connection() => return Err(lost),
                _ => {}
            }
        }
        return Ok(present);
    }
    for index in SkyIndex::ALL.into_iter().filter(|index| prefer.is_none_or(|wanted| wanted == *index)) {
        if let Some(extension) = index.extension() {
            match database.execute("create an extension", &extension) {
                Err(refused) if prefer.is_some() || refused.is_lost_connection() => return Err(refused),
                // Not installed, not allowed, or a script that fails: the next kind serves.
                Err(_) => continue,
                Ok(()) => {}
            }
        }
        database.execute("define cone()", &index.definition())?;
        return Ok(index);
    }
    Ok(SkyIndex::Plain)
}
