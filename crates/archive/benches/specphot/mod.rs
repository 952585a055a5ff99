//! A generated table like SPECPHOT of the FastSpecFit catalogue of DESI: 127 columns, 629 bytes a row, mostly 32-bit
//! floats. Same seed, same bytes; a million rows are 629 MB.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::fits::{FitsError, FitsWriter, Header};
use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Twelve columns that a study asks for, from all over the row.
pub const TWELVE: [&str; 12] =
    ["TARGETID", "SURVEY", "HEALPIX", "F001", "F013", "F014", "F026", "F047", "F060", "F084", "F101", "F121"];
/// Template coefficients a row.
const COEFFICIENTS: i32 = 28;
/// Scalar 32-bit floats a row.
const FLOATS: usize = 121;
/// Rows generated at once.
const BATCH_ROWS: usize = 16_384;

/// The file with this many rows in `folder`, written unless it is there.
///
/// # Errors
/// The file cannot be written.
pub fn file(folder: &Path, rows: usize) -> Result<PathBuf, FitsError> {
    let path = folder.join(format!("specphot-{rows}.fits"));
    if path.exists() {
        return Ok(path);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(20_250_319);
    let schema = schema();
    let mut writer = FitsWriter::create(&path)?;
    let mut table = writer.begin_table("SPECPHOT", &schema, &Header::new())?;
    for start in (0..rows).step_by(BATCH_ROWS) {
        table.append(&batch(&schema, start..rows.min(start + BATCH_ROWS), &mut rng))?;
    }
    table.end()?;
    writer.finish()?;
    Ok(path)
}

fn schema() -> Arc<Schema> {
    let text = |name: &str, width: usize| {
        Field::new(name, DataType::Utf8, false).with_metadata([("width".to_owned(), width.to_string())].into())
    };
    let item = Arc::new(Field::new("item", DataType::Float32, false));
    let mut fields = vec![
        Field::new("TARGETID", DataType::Int64, false),
        text("SURVEY", 7),
        text("PROGRAM", 6),
        Field::new("HEALPIX", DataType::Int32, false),
        Field::new("SEED", DataType::Int64, false),
        Field::new("COEFF", DataType::FixedSizeList(item, COEFFICIENTS), false),
    ];
    fields.extend((1..=FLOATS).map(|number| Field::new(format!("F{number:03}"), DataType::Float32, false)));
    Arc::new(Schema::new(fields))
}

fn batch(schema: &Arc<Schema>, rows: std::ops::Range<usize>, rng: &mut ChaCha8Rng) -> RecordBatch {
    let count = rows.len();
    // Uniform on 0..100 with 24 random bits, exact in any decimal or binary comparison.
    let mut floats = |count: usize| {
        Float32Array::from_iter_values((0..count).map(|_| (rng.next_u32() >> 8) as f32 * (100.0 / 16_777_216.0)))
    };
    let coefficients = floats(count * COEFFICIENTS as usize);
    let item = Arc::new(Field::new("item", DataType::Float32, false));
    let survey = |row: usize| ["main", "sv1", "special"][row % 3];
    let program = |row: usize| ["bright", "dark"][row / 7 % 2];
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| 39_627_000_000_000_000 + 17 * row as i64))),
        Arc::new(StringArray::from_iter_values(rows.clone().map(survey))),
        Arc::new(StringArray::from_iter_values(rows.clone().map(program))),
        Arc::new(Int32Array::from_iter_values(rows.clone().map(|row| (row / 130) as i32))),
        Arc::new(Int64Array::from_iter_values(rows.map(|row| row as i64 * 7919 % 4_294_967_296))),
        Arc::new(FixedSizeListArray::new(item, COEFFICIENTS, Arc::new(coefficients), None)),
    ];
    columns.extend((0..FLOATS).map(|_| Arc::new(floats(count)) as ArrayRef));
    RecordBatch::try_new(schema.clone(), columns).unwrap_or_else(|error| unreachable!("its own schema: {error}"))
}
