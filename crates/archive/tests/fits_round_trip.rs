//! What is written comes back, by our own reader and by cfitsio.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use archive::fits::{ChecksumStatus, FitsError, FitsFile, FitsWriter, Header, ImageData};
use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int8Array, Int32Array, Int64Array,
    RecordBatch, StringArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema};

fn sample() -> RecordBatch {
    let flux = FixedSizeListArray::new(
        Arc::new(Field::new("item", DataType::Float32, false)),
        2,
        Arc::new(Float32Array::from(vec![1.5, 2.5, -3.5, f32::INFINITY, 0.0, 1e-30])),
        None,
    );
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("TARGETID", Arc::new(Int64Array::from(vec![39_633_461_863_940_097, -1, 0])), false),
        ("Z", Arc::new(Float64Array::from(vec![0.1, 2.5, 1e-9])), false),
        ("SURVEY", Arc::new(StringArray::from(vec!["main", "sv3", ""])), false),
        ("GOOD", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])), true),
        ("MASK", Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1 << 63])), false),
        ("BITS", Arc::new(UInt32Array::from(vec![u32::MAX, 0, 5])), false),
        ("SHORT", Arc::new(UInt16Array::from(vec![65_535, 0, 7])), false),
        ("SIGNED", Arc::new(Int8Array::from(vec![-128, 127, 0])), false),
        ("BYTE", Arc::new(UInt8Array::from(vec![255, 0, 1])), false),
        ("COUNT", Arc::new(Int32Array::from(vec![Some(4), None, Some(-4)])), true),
        ("FLUX", Arc::new(flux), false),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, array, null)| Field::new(*name, array.data_type().clone(), *null)).collect();
    let arrays = columns.into_iter().map(|(_, array, _)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn written(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("sample.fits");
    let mut header = Header::new();
    header.set("OMEGAM", 0.315, "matter density");
    let batch = sample();
    let mut writer = FitsWriter::create(&path).unwrap();
    writer.primary(&header).unwrap();
    writer.table("SPECPHOT", &batch.schema(), &[batch.clone(), batch]).unwrap();
    let pixels = ImageData::U16((0..6).map(|i| i * 13_000).collect());
    writer.image("SKY", &[2, 3], &pixels, &Header::new()).unwrap();
    writer.finish().unwrap();
    path
}

#[test]
fn tables_and_images_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = FitsFile::open(written(folder.path())).unwrap();
    assert_eq!(file.primary().get_f64("OMEGAM"), Some(0.315));
    let table = file.table("specphot").unwrap();
    assert_eq!(table.n_rows(), 6);
    let (read, wrote) = (table.read(&[], 3..6).unwrap(), sample());
    for (index, field) in wrote.schema().fields().iter().enumerate() {
        // A reader's list elements are nullable, whatever the writer's were.
        let expected = arrow::compute::cast(wrote.column(index), read.column(index).data_type()).unwrap();
        assert_eq!(read.column(index).as_ref(), expected.as_ref(), "{}", field.name());
    }
    assert_eq!(table.f64_column("z").unwrap()[..3], [0.1, 2.5, 1e-9]);
    let image = file.image("SKY").unwrap();
    assert_eq!(image.shape(), [2, 3]);
    let pixels: Vec<Option<i64>> = (0..6).map(|i| Some(i * 13_000)).collect();
    assert_eq!(image.read_i64(0..6).unwrap(), pixels);
    for hdu in file.hdus() {
        assert_eq!(file.verify(hdu).unwrap(), ChecksumStatus::Valid, "HDU {}", hdu.index);
    }
}

#[test]
fn cfitsio_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = fitsio::FitsFile::open(written(folder.path())).unwrap();
    let hdu = file.hdu("SPECPHOT").unwrap();
    let targets: Vec<i64> = hdu.read_col(&mut file, "TARGETID").unwrap();
    assert_eq!(targets[..3], [39_633_461_863_940_097, -1, 0]);
    let redshifts: Vec<f64> = hdu.read_col(&mut file, "Z").unwrap();
    assert_eq!(redshifts[3..], [0.1, 2.5, 1e-9]);
    let surveys: Vec<String> = hdu.read_col(&mut file, "SURVEY").unwrap();
    assert_eq!(surveys[..2], ["main", "sv3"]);
    let bits: Vec<u32> = hdu.read_col(&mut file, "BITS").unwrap();
    assert_eq!(bits[..3], [u32::MAX, 0, 5]);
}

#[test]
fn damage_is_told_by_kind() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(written(folder.path())).unwrap();
    let open = |bytes: &[u8]| FitsFile::from_bytes("t.fits", bytes.to_vec());
    assert!(matches!(open(&bytes[..bytes.len() - 2880]), Err(FitsError::Truncated { .. })));
    assert!(matches!(open(b"<html>not found</html>"), Err(FitsError::NotFits { .. })));
    assert!(matches!(open(b""), Err(FitsError::NotFits { .. })));
    let replace = |from: &str, to: &str| {
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut changed = bytes.clone();
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        open(&changed)
    };
    let lying = replace("NAXIS2  =                    6", "NAXIS2  =  9999999999999999999");
    assert!(lying.is_err());
    let lying = replace("NAXIS2  =                    6", "NAXIS2  =   999999999999999999");
    assert!(lying.is_err());
    let unknown = replace("TFORM2  = 'D ", "TFORM2  = 'W ").unwrap();
    assert!(matches!(unknown.table("SPECPHOT"), Err(FitsError::Column { .. })));
    let file = open(&bytes).unwrap();
    let table = file.table("SPECPHOT").unwrap();
    let missing = table.read(&["TARGETD"], 0..1).unwrap_err();
    assert!(missing.to_string().contains("`TARGETID`"), "{missing}");
    let mut damaged = bytes.clone();
    let last = damaged.len() - 2880;
    damaged[last] ^= 1;
    let damaged = open(&damaged).unwrap();
    assert!(matches!(damaged.verify(damaged.hdus().last().unwrap()), Err(FitsError::Checksum { .. })));
}

#[test]
fn an_unfinished_file_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FitsWriter::create(folder.path().join("never.fits")).unwrap();
    writer.table("T", &sample().schema(), &[sample()]).unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
#[cfg(unix)]
fn a_written_file_is_as_readable_as_any_new_one() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, b"").unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&written(folder.path())), mode(&plain));
}

#[test]
fn batches_of_any_size_give_the_same_rows_also_when_some_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = FitsFile::open(written(folder.path())).unwrap();
    let table = file.table("SPECPHOT").unwrap();
    let whole = table.read(&[], 0..6).unwrap();
    for batch_rows in [1, 2, 4, 100] {
        // All kept: none may be overwritten by the next. None kept: the memory is used again.
        let kept: Vec<RecordBatch> =
            table.batches(&[], 0..usize::MAX, batch_rows).unwrap().collect::<Result<_, _>>().unwrap();
        let dropped = table.batches(&[], 0..usize::MAX, batch_rows).unwrap();
        for (place, batch) in dropped.enumerate() {
            let batch = batch.unwrap();
            assert_eq!(batch, whole.slice(place * batch_rows, batch.num_rows()));
            assert_eq!(batch, kept[place]);
        }
        assert_eq!(table.read_all(&[], batch_rows).unwrap(), kept);
    }
}
