//! The data dictionary: what every column of every table means, as Markdown for people and JSON for programs.

use std::fmt::Write as _;

use arrow::datatypes::{DataType, Field, SchemaRef};
use serde_json::{Value, json};

use super::{DESCRIPTION, UCD, UNIT};

/// One table of the dictionary.
#[derive(Debug, Clone)]
pub struct DictionaryTable {
    /// Its name.
    pub name: String,
    /// Its columns; unit, UCD and description stand in the field metadata.
    pub schema: SchemaRef,
    /// Its rows; `None` for a view, which has none until it is asked.
    pub rows: Option<u64>,
    /// How many rows have no value, a column each; `None` where nobody counted.
    pub nulls: Vec<Option<u64>>,
}

impl DictionaryTable {
    fn columns(&self) -> impl Iterator<Item = (&Field, Option<u64>)> {
        let nulls = self.nulls.iter().copied().chain(std::iter::repeat(None));
        self.schema.fields().iter().map(AsRef::as_ref).zip(nulls)
    }
}

/// A Markdown page: a heading and a table of columns for each table.
#[must_use]
pub fn dictionary_markdown(tables: &[DictionaryTable]) -> String {
    let mut page = String::from("# Data dictionary\n");
    for table in tables {
        let rows = table.rows.map_or_else(|| "A view.".to_owned(), |rows| format!("{rows} rows."));
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n{rows}\n\n| column | type | unit | UCD | nulls | description |\n|---|---|---|---|---|---|\n",
            table.name
        );
        for (field, nulls) in table.columns() {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} | {} | {} |",
                field.name(),
                type_name(field.data_type()),
                escaped(said(field, UNIT)),
                escaped(said(field, UCD)),
                nulls.map_or_else(|| "-".to_owned(), |nulls| nulls.to_string()),
                escaped(said(field, DESCRIPTION)),
            );
        }
    }
    page
}

/// The same content for a terminal: aligned columns.
#[must_use]
pub fn dictionary_text(tables: &[DictionaryTable]) -> String {
    let mut page = String::new();
    for table in tables {
        let rows = table.rows.map_or_else(|| "view".to_owned(), |rows| format!("{rows} rows"));
        let mut lines = vec![["column", "type", "unit", "UCD", "nulls", "description"].map(str::to_owned)];
        lines.extend(table.columns().map(|(field, nulls)| {
            let nulls = nulls.map_or_else(|| "-".to_owned(), |nulls| nulls.to_string());
            let [unit, ucd, description] = [UNIT, UCD, DESCRIPTION].map(|key| said(field, key).to_owned());
            [field.name().clone(), type_name(field.data_type()), unit, ucd, nulls, description]
        }));
        let width = |place: usize| lines.iter().map(|line| line[place].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        let _ = writeln!(page, "{}  ({rows})", table.name);
        for line in &lines {
            let cells: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            let _ = writeln!(page, "  {}", cells.join("  ").trim_end());
        }
        page.push('\n');
    }
    page
}

/// The same content as JSON: `{"tables": [{"name", "rows", "columns": [{"name", "type", "unit", "ucd", "nullable",
/// "nulls", "description"}]}]}`; `rows` and `nulls` are null where they are not known.
#[must_use]
pub fn dictionary_json(tables: &[DictionaryTable]) -> Value {
    let tables: Vec<Value> = tables
        .iter()
        .map(|table| {
            let columns: Vec<Value> = table.columns().map(|(field, nulls)| column(field, nulls)).collect();
            json!({ "name": table.name, "rows": table.rows, "columns": columns })
        })
        .collect();
    json!({ "tables": tables })
}

fn column(field: &Field, nulls: Option<u64>) -> Value {
    json!({
        "name": field.name(),
        "type": type_name(field.data_type()),
        "unit": said(field, UNIT),
        "ucd": said(field, UCD),
        "nullable": field.is_nullable(),
        "nulls": nulls,
        "description": said(field, DESCRIPTION),
    })
}

fn said<'a>(field: &'a Field, key: &str) -> &'a str {
    field.metadata().get(key).map_or("", String::as_str)
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        DataType::FixedSizeList(item, size) => format!("{}[{size}]", type_name(item.data_type())),
        DataType::List(item) | DataType::LargeList(item) => format!("{}[]", type_name(item.data_type())),
        other => other.to_string().to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Column;
    use arrow::datatypes::Schema;

    #[test]
    fn the_page_has_one_row_a_column() {
        let schema = Schema::new(vec![
            Column::new("RA", "Right ascension | ICRS").with_unit("deg").with_ucd("pos.eq.ra").field(),
            Column::new("COEFF", "Coefficients")
                .with_type(DataType::new_fixed_size_list(DataType::Float32, 5, false))
                .field(),
        ]);
        let table = DictionaryTable {
            name: "galaxies".to_owned(),
            schema: schema.into(),
            rows: Some(7),
            nulls: vec![Some(2), None],
        };
        let page = dictionary_markdown(std::slice::from_ref(&table));
        assert!(page.contains("| `RA` | float64 | deg | pos.eq.ra | 2 | Right ascension \\| ICRS |"), "{page}");
        assert!(page.contains("| `COEFF` | float32[5] |  |  | - |"), "{page}");
        let machine = dictionary_json(std::slice::from_ref(&table));
        assert_eq!(machine["tables"][0]["rows"], 7);
        assert_eq!(machine["tables"][0]["columns"][0]["unit"], "deg");
        let text = dictionary_text(&[table]);
        assert!(text.starts_with("galaxies  (7 rows)\n  column  type"), "{text}");
    }
}
