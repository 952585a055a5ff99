//! The data dictionary: what every column of every table means, as Markdown for people and JSON for programs.

use std::fmt::Write as _;

use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Value, json};

use super::{DESCRIPTION, UCD, UNIT};

/// A Markdown page: a heading and a table of columns for each `(name, schema)`.
#[must_use]
pub fn dictionary_markdown(tables: &[(&str, &Schema)]) -> String {
    let mut page = String::from("# Data dictionary\n");
    for (name, schema) in tables {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {name}\n\n| column | type | unit | UCD | null | description |\n|---|---|---|---|---|---|\n"
        );
        for field in schema.fields() {
            let nullable = if field.is_nullable() { "yes" } else { "no" };
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} | {nullable} | {} |",
                field.name(),
                type_name(field.data_type()),
                escaped(said(field, UNIT)),
                escaped(said(field, UCD)),
                escaped(said(field, DESCRIPTION)),
            );
        }
    }
    page
}

/// The same content as JSON: `{"tables": [{"name", "columns": [{"name", "type", "unit", "ucd", "nullable",
/// "description"}]}]}`.
#[must_use]
pub fn dictionary_json(tables: &[(&str, &Schema)]) -> Value {
    let tables: Vec<Value> = tables
        .iter()
        .map(|(name, schema)| json!({ "name": name, "columns": schema.fields().iter().map(|field| column(field)).collect::<Vec<_>>() }))
        .collect();
    json!({ "tables": tables })
}

fn column(field: &Field) -> Value {
    json!({
        "name": field.name(),
        "type": type_name(field.data_type()),
        "unit": said(field, UNIT),
        "ucd": said(field, UCD),
        "nullable": field.is_nullable(),
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

    #[test]
    fn the_page_has_one_row_a_column() {
        let schema = Schema::new(vec![
            Column::new("RA", "Right ascension | ICRS").with_unit("deg").with_ucd("pos.eq.ra").field(),
            Column::new("COEFF", "Coefficients")
                .with_type(DataType::new_fixed_size_list(DataType::Float32, 5, false))
                .field(),
        ]);
        let page = dictionary_markdown(&[("galaxies", &schema)]);
        assert!(page.contains("| `RA` | float64 | deg | pos.eq.ra | no | Right ascension \\| ICRS |"), "{page}");
        assert!(page.contains("| `COEFF` | float32[5] |"), "{page}");
        let machine = dictionary_json(&[("galaxies", &schema)]);
        assert_eq!(machine["tables"][0]["columns"][0]["unit"], "deg");
    }
}
