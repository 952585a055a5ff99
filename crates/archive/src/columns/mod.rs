//! What a column means, said once: name, unit, UCD, description, type and null rule.
//!
//! Arrow and Parquet field metadata, FITS units and comments, and the data dictionary are all generated from a
//! [`Column`]. This module knows no survey: the crates that know one declare its columns. UCDs follow the IVOA UCD1+
//! controlled vocabulary (<https://www.ivoa.net/documents/UCD1+/>), units the VOUnit recommendation.

mod declarations;
mod dictionary;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

pub use declarations::parse_declarations;
pub use dictionary::{DictionaryTable, dictionary_json, dictionary_markdown, dictionary_text};

/// Arrow field metadata key of the unit.
pub const UNIT: &str = "unit";
/// Arrow field metadata key of the UCD.
pub const UCD: &str = "ucd";
/// Arrow field metadata key of the description.
pub const DESCRIPTION: &str = "description";

/// When a stored value stands for "no value" and becomes null in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum NullRule {
    /// Every value counts (a null in the source stays null).
    #[default]
    Never,
    /// NaN is no value.
    NotANumber,
    /// This integer is no value, for example -1.
    Integer(i64),
}

/// The declaration of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name, in the survey's spelling.
    pub name: String,
    /// Unit in VOUnit spelling; empty for pure numbers and strings.
    pub unit: String,
    /// IVOA UCD1+ words; empty where none fits.
    pub ucd: String,
    /// One sentence for a reader.
    pub description: String,
    /// Arrow type, `None` to keep what the file has.
    pub data_type: Option<DataType>,
    /// When a stored value becomes null.
    pub null_rule: NullRule,
}

impl Column {
    /// A column of pure numbers that is never null and has no UCD.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: String::new(),
            ucd: String::new(),
            description: description.into(),
            data_type: None,
            null_rule: NullRule::Never,
        }
    }

    /// The same column with a unit (VOUnit spelling).
    #[must_use]
    pub fn with_unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// The same column with UCD1+ words.
    #[must_use]
    pub fn with_ucd(mut self, ucd: impl Into<String>) -> Self {
        self.ucd = ucd.into();
        self
    }

    /// The same column with an Arrow type.
    #[must_use]
    pub fn with_type(mut self, data_type: DataType) -> Self {
        self.data_type = Some(data_type);
        self
    }

    /// The same column with a null rule.
    #[must_use]
    pub fn with_nulls(mut self, null_rule: NullRule) -> Self {
        self.null_rule = null_rule;
        self
    }

    /// Whether the archive may hold nulls in it.
    #[must_use]
    pub fn nullable(&self) -> bool {
        self.null_rule != NullRule::Never
    }

    /// The declaration as an Arrow field, type `Float64` where none is declared.
    #[must_use]
    pub fn field(&self) -> Field {
        let data_type = self.data_type.clone().unwrap_or(DataType::Float64);
        Field::new(&self.name, data_type, self.nullable()).with_metadata(self.metadata())
    }

    /// An existing field with this declaration's unit, UCD and description; its type and nullability stay, except that
    /// a null rule makes it nullable. What the declaration leaves empty is kept from the field.
    #[must_use]
    pub fn describe(&self, field: &Field) -> Field {
        let mut metadata = field.metadata().clone();
        metadata.extend(self.metadata());
        field.clone().with_metadata(metadata).with_nullable(field.is_nullable() || self.nullable())
    }

    fn metadata(&self) -> HashMap<String, String> {
        [(UNIT, &self.unit), (UCD, &self.ucd), (DESCRIPTION, &self.description)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect()
    }
}

/// The columns of one table, looked up by name without regard to case.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    columns: Vec<Column>,
    position: BTreeMap<String, usize>,
}

impl Columns {
    /// A table's columns in their order. The first of two columns with the same name (in any case) wins.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        let mut position = BTreeMap::new();
        for (place, column) in columns.iter().enumerate() {
            position.entry(column.name.to_ascii_lowercase()).or_insert(place);
        }
        Self { columns, position }
    }

    /// The declaration of a column.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Column> {
        self.position.get(&name.to_ascii_lowercase()).and_then(|&place| self.columns.get(place))
    }

    /// All declarations, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter()
    }

    /// How many columns are declared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether nothing is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// A schema found in a file, with the declared meanings added to its fields.
    #[must_use]
    pub fn describe(&self, schema: &Schema) -> SchemaRef {
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .map(|field| self.get(field.name()).map_or_else(|| field.as_ref().clone(), |column| column.describe(field)))
            .collect();
        Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
    }

    /// The declared schema itself.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()))
    }
}

impl FromIterator<Column> for Columns {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Self {
        Self::new(columns.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_declaration_describes_a_field_and_keeps_its_type() {
        let columns = Columns::new(vec![
            Column::new("DEC", "Declination (ICRS)").with_unit("deg").with_ucd("pos.eq.dec"),
            Column::new("VOID0", "Smallest void").with_nulls(NullRule::Integer(-1)),
        ]);
        let found =
            Schema::new(vec![Field::new("dec", DataType::Float32, false), Field::new("void0", DataType::Int64, false)]);
        let described = columns.describe(&found);
        assert_eq!(described.field(0).data_type(), &DataType::Float32);
        assert_eq!(described.field(0).metadata()["ucd"], "pos.eq.dec");
        assert!(!described.field(0).is_nullable());
        assert!(described.field(1).is_nullable());
        assert!(!described.field(1).metadata().contains_key(UNIT));
    }

    #[test]
    fn what_the_file_says_is_kept_where_the_declaration_is_silent() {
        let from_file = HashMap::from([(UNIT.to_owned(), "mm".to_owned())]);
        let field = Field::new("x", DataType::Float64, true).with_metadata(from_file);
        let described = Column::new("X", "Focal-plane position").describe(&field);
        assert_eq!(described.metadata()[UNIT], "mm");
        assert_eq!(described.metadata()[DESCRIPTION], "Focal-plane position");
    }
}
