//! Column declarations written as compact text: one line a column, fields between `|`.

use arrow::datatypes::DataType;

use super::{Column, NullRule};
use crate::error::Error;

/// Reads declarations `name | type | unit | ucd | null rule | description`, one a line; empty lines and lines that
/// start with `#` are skipped.
///
/// Types: `bool i8 i16 i32 i64 u8 f32 f64 str`, a list of a fixed number of them (`f32[5]`), or `-` to keep the file's.
/// Null rules: `-` none, `nan`, or an integer.
/// `-` is empty in every field.
///
/// # Errors
/// [`Error::Declaration`] with the line number.
pub fn parse_declarations(text: &str) -> Result<Vec<Column>, Error> {
    let mut columns = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        columns.push(parse_line(line).map_err(|reason| Error::Declaration { line: number + 1, reason })?);
    }
    Ok(columns)
}

fn parse_line(line: &str) -> Result<Column, String> {
    let fields: Vec<&str> = line.splitn(6, '|').map(str::trim).collect();
    let &[name, data_type, unit, ucd, null_rule, description] = fields.as_slice() else {
        return Err(format!("expected 6 fields between `|`, found {}", fields.len()));
    };
    let given = |field: &str| if field == "-" { String::new() } else { field.to_owned() };
    Ok(Column {
        name: name.to_owned(),
        unit: given(unit),
        ucd: given(ucd),
        description: given(description),
        data_type: parse_type(data_type)?,
        null_rule: parse_null_rule(null_rule)?,
    })
}

fn parse_type(word: &str) -> Result<Option<DataType>, String> {
    if word == "-" {
        return Ok(None);
    }
    let unknown = || format!("unknown type `{word}`");
    let Some((element, rest)) = word.split_once('[') else { return Ok(Some(parse_element(word)?)) };
    let length: i32 = rest.strip_suffix(']').and_then(|length| length.parse().ok()).ok_or_else(unknown)?;
    if length < 1 {
        return Err(unknown());
    }
    // Elements are nullable, as those of the tables that are read.
    Ok(Some(DataType::new_fixed_size_list(parse_element(element)?, length, true)))
}

fn parse_element(word: &str) -> Result<DataType, String> {
    Ok(match word {
        "bool" => DataType::Boolean,
        "i8" => DataType::Int8,
        "i16" => DataType::Int16,
        "i32" => DataType::Int32,
        "i64" => DataType::Int64,
        "u8" => DataType::UInt8,
        "f32" => DataType::Float32,
        "f64" => DataType::Float64,
        "str" => DataType::Utf8,
        _ => return Err(format!("unknown type `{word}`")),
    })
}

fn parse_null_rule(word: &str) -> Result<NullRule, String> {
    match word {
        "-" => Ok(NullRule::Never),
        "nan" => Ok(NullRule::NotANumber),
        _ => word.parse().map(NullRule::Integer).map_err(|_| format!("unknown null rule `{word}`")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn declarations_are_read_and_faults_name_their_line() {
        let columns = parse_declarations(
            "# positions\n\nRA | f64 | deg | pos.eq.ra;meta.main | - | Right ascension\nZONE | i64 | - | meta.id | -1 | Zone | or none",
        )
        .unwrap();
        assert_eq!(columns.len(), 2);
        assert_eq!(columns[0].unit, "deg");
        assert_eq!(columns[1].null_rule, NullRule::Integer(-1));
        assert_eq!(columns[1].description, "Zone | or none");
        let lists = parse_declarations("COEFF | f32[5] | - | - | - | Coefficients").unwrap();
        assert_eq!(lists[0].data_type, Some(DataType::new_fixed_size_list(DataType::Float32, 5, true)));
        for wrong in ["f32[]", "f32[0]", "f32[5", "f31[5]"] {
            let fault = parse_declarations(&format!("COEFF | {wrong} | - | - | - | Coefficients")).unwrap_err();
            assert!(fault.to_string().contains("unknown type"), "{fault}");
        }
        let fault =
            parse_declarations("RA | f64 | deg | pos.eq.ra | - | ok\nDEC | f65 | deg | - | - | bad").unwrap_err();
        assert_eq!(fault.to_string(), "cannot read the column declarations, line 2: unknown type `f65`");
    }
}
