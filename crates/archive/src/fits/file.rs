//! Opening a FITS file: where each HDU lies, checked against the bytes that are there.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::FitsError;
use super::header::{BLOCK, Header};
use super::image::Image;
use super::table::Table;

/// Headers longer than this (100,000 cards) are refused: no survey writes them, broken files claim them.
const MAX_HEADER_BYTES: usize = 8_000_000;
/// What a gzipped file may unpack to.
const MAX_UNPACKED_BYTES: u64 = 16 << 30;

/// What an HDU holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HduKind {
    /// An image, possibly without pixels.
    Image,
    /// A binary table.
    Table,
    /// Anything else (ASCII tables, foreign extensions), with its header readable.
    Other,
}

/// One header-data unit and the place of its bytes.
#[derive(Debug, Clone)]
pub struct Hdu {
    /// Place in the file, from 0.
    pub index: usize,
    /// EXTNAME, or `PRIMARY`, or an empty string.
    pub name: String,
    /// What it holds.
    pub kind: HduKind,
    /// Its cards.
    pub header: Header,
    /// First byte of the header, first byte of the data, end of the data (without padding), end with padding.
    pub(crate) bytes: [u64; 4],
}

impl Hdu {
    /// `index (NAME)`, as errors name it.
    #[must_use]
    pub fn label(&self) -> String {
        if self.name.is_empty() { self.index.to_string() } else { format!("{} ({})", self.index, self.name) }
    }

    /// Bytes of data, padding excluded.
    #[must_use]
    pub fn data_len(&self) -> u64 {
        self.bytes[2] - self.bytes[1]
    }
}

#[derive(Debug)]
enum Bytes {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
}

/// An open FITS file. Plain files are memory-mapped, so that only what is read is loaded; gzipped ones are unpacked into
/// memory whole (up to 16 GiB), and take as much of it as the plain file is large. Cheap to clone, usable from many threads.
#[derive(Debug, Clone)]
pub struct FitsFile {
    path: PathBuf,
    bytes: Arc<Bytes>,
    hdus: Arc<[Hdu]>,
}

impl FitsFile {
    /// Opens a file and finds its HDUs.
    ///
    /// # Errors
    /// When the file cannot be read, is not FITS, has a broken header, or ends before the data its headers promise.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FitsError> {
        let path = path.as_ref().to_owned();
        let bytes = load(&path)?;
        let hdus = scan(&path, slice(&bytes))?;
        Ok(Self { path, bytes: Arc::new(bytes), hdus: hdus.into() })
    }

    /// Reads a file that is already in memory; `path` is only its name in errors.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(path: impl AsRef<Path>, bytes: Vec<u8>) -> Result<Self, FitsError> {
        let path = path.as_ref().to_owned();
        let bytes = unpack(&path, bytes)?;
        let hdus = scan(&path, &bytes)?;
        Ok(Self { path, bytes: Arc::new(Bytes::Owned(bytes)), hdus: hdus.into() })
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every HDU, in file order.
    #[must_use]
    pub fn hdus(&self) -> &[Hdu] {
        &self.hdus
    }

    /// The header of the primary HDU.
    #[must_use]
    pub fn primary(&self) -> &Header {
        // `scan` refuses files without a primary HDU.
        &self.hdus[0].header
    }

    /// The first binary table with this EXTNAME, in any case.
    ///
    /// # Errors
    /// When there is none, or its columns cannot be read.
    pub fn table(&self, name: &str) -> Result<Table<'_>, FitsError> {
        Table::new(self, self.find(name, HduKind::Table, "table")?)
    }

    /// The binary table at a place in the file.
    ///
    /// # Errors
    /// When that HDU is no binary table, or its columns cannot be read.
    pub fn table_at(&self, index: usize) -> Result<Table<'_>, FitsError> {
        let hdu = self.hdus.get(index).filter(|hdu| hdu.kind == HduKind::Table);
        Table::new(self, hdu.ok_or_else(|| self.missing(format!("a binary table at HDU {index}")))?)
    }

    /// The first binary table of the file.
    ///
    /// # Errors
    /// When there is none, or its columns cannot be read.
    pub fn first_table(&self) -> Result<Table<'_>, FitsError> {
        let hdu = self.hdus.iter().find(|hdu| hdu.kind == HduKind::Table);
        Table::new(self, hdu.ok_or_else(|| self.missing("a binary table".to_owned()))?)
    }

    /// The first image with this EXTNAME, in any case.
    ///
    /// # Errors
    /// When there is none, or its shape cannot be read.
    pub fn image(&self, name: &str) -> Result<Image<'_>, FitsError> {
        Image::new(self, self.find(name, HduKind::Image, "image")?)
    }

    /// The image at a place in the file.
    ///
    /// # Errors
    /// When that HDU is no image, or its shape cannot be read.
    pub fn image_at(&self, index: usize) -> Result<Image<'_>, FitsError> {
        let hdu = self.hdus.get(index).filter(|hdu| hdu.kind == HduKind::Image);
        Image::new(self, hdu.ok_or_else(|| self.missing(format!("an image at HDU {index}")))?)
    }

    /// Whether there is a binary table with this EXTNAME, in any case.
    #[must_use]
    pub fn has_table(&self, name: &str) -> bool {
        self.hdus.iter().any(|hdu| hdu.kind == HduKind::Table && hdu.name.eq_ignore_ascii_case(name))
    }

    fn find(&self, name: &str, kind: HduKind, word: &str) -> Result<&Hdu, FitsError> {
        let hdu = self.hdus.iter().find(|hdu| hdu.kind == kind && hdu.name.eq_ignore_ascii_case(name));
        hdu.ok_or_else(|| self.missing(format!("{word} `{name}`")))
    }

    fn missing(&self, wanted: String) -> FitsError {
        let present = self.hdus.iter().map(Hdu::label).collect();
        FitsError::NoSuchHdu { path: self.path.clone(), wanted, present }
    }

    /// The data of an HDU of this file.
    pub(crate) fn data(&self, hdu: &Hdu) -> &[u8] {
        &slice(&self.bytes)[hdu.bytes[1] as usize..hdu.bytes[2] as usize]
    }

    /// Header, data and padding of an HDU, as the checksums see them.
    pub(crate) fn raw(&self, hdu: &Hdu) -> (&[u8], &[u8]) {
        let all = slice(&self.bytes);
        let end = (hdu.bytes[3] as usize).min(all.len());
        (&all[hdu.bytes[0] as usize..hdu.bytes[1] as usize], &all[hdu.bytes[1] as usize..end])
    }
}

fn slice(bytes: &Bytes) -> &[u8] {
    match bytes {
        Bytes::Mapped(map) => map,
        Bytes::Owned(owned) => owned,
    }
}

#[allow(unsafe_code)]
fn load(path: &Path) -> Result<Bytes, FitsError> {
    let io = |attempt| move |source| FitsError::Io { attempt, path: path.to_owned(), source };
    let file = File::open(path).map_err(io("open"))?;
    let metadata = file.metadata().map_err(io("open"))?;
    if metadata.is_dir() {
        return Err(io("read")(std::io::Error::other("it is a folder, expected a file")));
    }
    if metadata.len() == 0 {
        return Err(FitsError::NotFits { path: path.to_owned(), found: "an empty file".to_owned() });
    }
    // SAFETY: the map is read-only, and survey files are written once. Were one cut short while it is read, the
    // process would stop with a bus error; it could not return wrong values.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(io("map"))?;
    if is_gzip(&map) { gunzip(path, &map).map(Bytes::Owned) } else { Ok(Bytes::Mapped(map)) }
}

fn unpack(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, FitsError> {
    if is_gzip(&bytes) { gunzip(path, &bytes) } else { Ok(bytes) }
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Unpacks every member; memory grows with what is really there, never with what a header claims.
fn gunzip(path: &Path, packed: &[u8]) -> Result<Vec<u8>, FitsError> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(packed)
        .take(MAX_UNPACKED_BYTES)
        .read_to_end(&mut plain)
        .map_err(|source| FitsError::Io { attempt: "unpack", path: path.to_owned(), source })?;
    Ok(plain)
}

fn scan(path: &Path, bytes: &[u8]) -> Result<Vec<Hdu>, FitsError> {
    if !bytes.starts_with(b"SIMPLE  =") {
        return Err(FitsError::NotFits { path: path.to_owned(), found: beginning(bytes) });
    }
    let mut hdus = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        // After the last HDU some writers leave zeros or blanks: not an HDU, and not an error.
        if !hdus.is_empty() && !bytes[start..].starts_with(b"XTENSION") {
            break;
        }
        let hdu = scan_hdu(path, bytes, start, hdus.len())?;
        start = usize::try_from(hdu.bytes[3]).unwrap_or(usize::MAX);
        hdus.push(hdu);
    }
    Ok(hdus)
}

fn scan_hdu(path: &Path, bytes: &[u8], start: usize, index: usize) -> Result<Hdu, FitsError> {
    let rest = &bytes[start..];
    let window = &rest[..rest.len().min(MAX_HEADER_BYTES)];
    let Some((header, used)) = Header::parse(window) else {
        return Err(if window.len() == MAX_HEADER_BYTES {
            FitsError::Header {
                path: path.to_owned(),
                hdu: index.to_string(),
                reason: "no END card in 100,000 cards".to_owned(),
            }
        } else {
            let expected = (start + rest.len()).next_multiple_of(BLOCK) as u64;
            FitsError::Truncated {
                path: path.to_owned(),
                hdu: format!("{index} (inside its header)"),
                expected,
                found: bytes.len() as u64,
            }
        });
    };
    let name = hdu_name(&header, index);
    let mut hdu = Hdu { index, name, kind: kind(&header, index), header, bytes: [0; 4] };
    let invalid =
        |reason: &str| FitsError::Header { path: path.to_owned(), hdu: hdu.label(), reason: reason.to_owned() };
    let length = data_length(&hdu.header).map_err(|reason| invalid(&reason))?;
    let data = (start + used.next_multiple_of(BLOCK)) as u64;
    let end = data.checked_add(length).ok_or_else(|| invalid("its data size overflows 64 bits"))?;
    if end > bytes.len() as u64 {
        return Err(FitsError::Truncated {
            path: path.to_owned(),
            hdu: hdu.label(),
            expected: end,
            found: bytes.len() as u64,
        });
    }
    hdu.bytes = [start as u64, data, end, end.next_multiple_of(BLOCK as u64)];
    Ok(hdu)
}

fn hdu_name(header: &Header, index: usize) -> String {
    match header.get_text("EXTNAME").map(str::trim) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ if index == 0 => "PRIMARY".to_owned(),
        _ => String::new(),
    }
}

fn kind(header: &Header, index: usize) -> HduKind {
    match header.get_text("XTENSION") {
        None if index == 0 => HduKind::Image,
        Some("IMAGE") => HduKind::Image,
        Some("BINTABLE" | "A3DTABLE") => HduKind::Table,
        _ => HduKind::Other,
    }
}

/// |BITPIX| / 8 * GCOUNT * (PCOUNT + NAXIS1 * ... * NAXISn), checked.
fn data_length(header: &Header) -> Result<u64, String> {
    let need = |keyword: &str| header.get_i64(keyword).ok_or_else(|| format!("expected an integer `{keyword}`"));
    let bits = need("BITPIX")?;
    if ![8, 16, 32, 64, -32, -64].contains(&bits) {
        return Err(format!("expected BITPIX of 8, 16, 32, 64, -32 or -64, found {bits}"));
    }
    let axes = need("NAXIS")?;
    if !(0..=999).contains(&axes) {
        return Err(format!("expected NAXIS between 0 and 999, found {axes}"));
    }
    if axes == 0 {
        return Ok(0);
    }
    let mut elements = 1_u64;
    for axis in 1..=axes {
        let keyword = format!("NAXIS{axis}");
        let length = u64::try_from(need(&keyword)?).map_err(|_| format!("expected `{keyword}` of 0 or more"))?;
        elements = elements.checked_mul(length).ok_or_else(|| "its data size overflows 64 bits".to_owned())?;
    }
    let optional = |keyword: &str, default: i64| {
        u64::try_from(header.get_i64(keyword).unwrap_or(default))
            .map_err(|_| format!("expected `{keyword}` of 0 or more"))
    };
    let (parameters, groups) = (optional("PCOUNT", 0)?, optional("GCOUNT", 1)?);
    elements
        .checked_add(parameters)
        .and_then(|count| count.checked_mul(groups))
        .and_then(|count| count.checked_mul(bits.unsigned_abs() / 8))
        .ok_or_else(|| "its data size overflows 64 bits".to_owned())
}

fn beginning(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]);
    let line: Cow<'_, str> = text.lines().next().unwrap_or_default().to_owned().into();
    format!("`{}`", line.escape_default())
}
