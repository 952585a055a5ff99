//! Which column of PostgreSQL an archive column becomes: its name, its type, its comment and what must hold.

use arrow::datatypes::{DataType, Field, Schema};

use super::error::PostgresError;
use crate::columns::{DESCRIPTION, UCD, UNIT};

/// Bytes of a name at most (`NAMEDATALEN` - 1).
const LONGEST_NAME: usize = 63;

/// The types that archive columns become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlType {
    /// `boolean`.
    Boolean,
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `text`.
    Text,
    /// `bytea`.
    Bytes,
}

impl SqlType {
    /// The name in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Float4 => "real",
            Self::Float8 => "double precision",
            Self::Text => "text",
            Self::Bytes => "bytea",
        }
    }

    /// The type that the server calls so.
    pub(super) fn named(name: &str) -> Option<Self> {
        let all =
            [Self::Boolean, Self::Int2, Self::Int4, Self::Int8, Self::Float4, Self::Float8, Self::Text, Self::Bytes];
        all.into_iter().find(|one| one.name() == name)
    }

    /// The object identifier of the type in `pg_type`, fixed in every version; arrays in binary COPY name it.
    pub(super) fn oid(self) -> u32 {
        match self {
            Self::Boolean => 16,
            Self::Int2 => 21,
            Self::Int4 => 23,
            Self::Int8 => 20,
            Self::Float4 => 700,
            Self::Float8 => 701,
            Self::Text => 25,
            Self::Bytes => 17,
        }
    }

    fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Int8 | DataType::UInt8 | DataType::Int16 => Self::Int2,
            DataType::UInt16 | DataType::Int32 => Self::Int4,
            DataType::UInt32 | DataType::Int64 | DataType::UInt64 => Self::Int8,
            DataType::Float32 => Self::Float4,
            DataType::Float64 => Self::Float8,
            DataType::Utf8 | DataType::LargeUtf8 => Self::Text,
            DataType::Binary | DataType::LargeBinary => Self::Bytes,
            _ => return None,
        })
    }
}

/// One column of a table in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlColumn {
    /// The archive's name.
    pub archive_name: String,
    /// The name in SQL: the archive's in lower case, so that it needs no quotes in any case.
    pub name: String,
    /// The type, of the elements where it is a list.
    pub sql_type: SqlType,
    /// Whether it is a list of such values.
    pub list: bool,
    /// Whether it may be null.
    pub nullable: bool,
    /// The archive's type.
    pub archive_type: DataType,
    /// Unit, VOUnit spelling; may be empty.
    pub unit: String,
    /// UCD1+ words; may be empty.
    pub ucd: String,
    /// One sentence.
    pub description: String,
}

impl SqlColumn {
    /// The columns of a table, in its order.
    ///
    /// # Errors
    /// [`PostgresError::Column`] for a type that has no match, a name that is too long, or two that differ in case only.
    pub fn of_schema(table: &str, schema: &Schema) -> Result<Vec<Self>, PostgresError> {
        let mut columns: Vec<Self> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let column = Self::of_field(table, field)?;
            if columns.iter().any(|known| known.name == column.name) {
                let reason = "has the name of another column but for upper and lower case".to_owned();
                return Err(PostgresError::Column { table: table.to_owned(), column: column.archive_name, reason });
            }
            columns.push(column);
        }
        Ok(columns)
    }

    fn of_field(table: &str, field: &Field) -> Result<Self, PostgresError> {
        let refuse =
            |reason: String| PostgresError::Column { table: table.to_owned(), column: field.name().clone(), reason };
        let (element, list) = match field.data_type() {
            DataType::FixedSizeList(item, _) | DataType::List(item) => (item.data_type(), true),
            other => (other, false),
        };
        let sql_type = SqlType::of(element).filter(|_| !list || !matches!(element, DataType::Binary));
        let sql_type =
            sql_type.ok_or_else(|| refuse(format!("has type {}, which is not loaded", field.data_type())))?;
        if field.name().len() > LONGEST_NAME || field.name().is_empty() {
            return Err(refuse(format!("has a name of {} bytes, expected 1 to {LONGEST_NAME}", field.name().len())));
        }
        let said = |key: &str| field.metadata().get(key).cloned().unwrap_or_default();
        Ok(Self {
            archive_name: field.name().clone(),
            name: field.name().to_lowercase(),
            sql_type,
            list,
            nullable: field.is_nullable(),
            archive_type: field.data_type().clone(),
            unit: said(UNIT),
            ucd: said(UCD),
            description: said(DESCRIPTION),
        })
    }

    /// `name type [NOT NULL]` of `CREATE TABLE`.
    pub(super) fn definition(&self) -> String {
        let list = if self.list { "[]" } else { "" };
        let nullable = if self.nullable { "" } else { " NOT NULL" };
        format!("{} {}{list}{nullable}", quoted(&self.name), self.sql_type.name())
    }

    /// What people read in `\d+`: description, unit, UCD.
    pub(super) fn comment(&self) -> Option<String> {
        let mut text = self.description.clone();
        for (given, open, close) in [(&self.unit, " [", "]"), (&self.ucd, " (", ")")] {
            if !given.is_empty() {
                text.push_str(&format!("{open}{given}{close}"));
            }
        }
        let text = text.trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// Whether its UCD says that it names the row.
    fn is_main_identifier(&self) -> bool {
        self.ucd == "meta.id;meta.main" && !self.nullable && !self.list
    }

    /// The range that its UCD and unit prescribe.
    fn range(&self) -> Option<(f64, f64)> {
        let angle = |word: &str| self.ucd.starts_with(word) && self.unit == "deg" && !self.list;
        match () {
            () if angle("pos.eq.ra") => Some((0.0, 360.0)),
            () if angle("pos.eq.dec") => Some((-90.0, 90.0)),
            () => None,
        }
    }
}

/// The columns that the database keeps unique: the identifier that is the only one of its table, or with the galactic cap
/// where a table has both caps.
pub(super) fn primary_key(columns: &[SqlColumn]) -> Vec<&SqlColumn> {
    let identifiers: Vec<&SqlColumn> = columns.iter().filter(|column| column.is_main_identifier()).collect();
    match identifiers.as_slice() {
        [one] => columns.iter().filter(|column| column.name == "cap" || column.name == one.name).collect(),
        _ => Vec::new(),
    }
}

/// `CHECK` constraints from the registry: name and condition.
pub(super) fn checks(columns: &[SqlColumn]) -> Vec<(String, String)> {
    let ranged = columns.iter().filter_map(|column| Some((column, column.range()?)));
    ranged
        .map(|(column, (low, high))| {
            let name = quoted(&column.name);
            (format!("{}_range", column.name), format!("{name} BETWEEN {low} AND {high}"))
        })
        .collect()
}

/// A name in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL.
pub(super) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::columns::Column;

    #[test]
    fn columns_are_named_typed_and_described() {
        let schema = Schema::new(vec![
            Column::new("TARGETID", "Unique").with_ucd("meta.id;meta.main").with_type(DataType::Int64).field(),
            Column::new("RA", "Right ascension").with_unit("deg").with_ucd("pos.eq.ra;meta.main").field(),
            Column::new("COEFF", "").with_type(DataType::new_fixed_size_list(DataType::Float32, 5, true)).field(),
        ]);
        let columns = SqlColumn::of_schema("t", &schema).unwrap();
        assert_eq!(columns[0].definition(), "\"targetid\" bigint NOT NULL");
        assert_eq!(columns[2].definition(), "\"coeff\" real[] NOT NULL");
        assert_eq!(columns[1].comment().unwrap(), "Right ascension [deg] (pos.eq.ra;meta.main)");
        assert_eq!(primary_key(&columns).len(), 1);
        assert_eq!(checks(&columns), [("ra_range".to_owned(), "\"ra\" BETWEEN 0 AND 360".to_owned())]);
        let twice = Schema::new(vec![Column::new("Z", "").field(), Column::new("z", "").field()]);
        let fault = SqlColumn::of_schema("t", &twice).unwrap_err().to_string();
        assert!(fault.contains("column `z`") && fault.contains("upper and lower case"), "{fault}");
        assert_eq!(literal("a'b\\c"), "E'a\\'b\\\\c'");
    }
}
