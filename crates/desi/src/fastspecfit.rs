//! The FastSpecFit value-added catalogue: what its columns mean, which version a file is, how many rows it should have.
//!
//! Columns are those of v3.0 (June 2025; DESI DR1, 12 files of main/bright), whose three tables follow each other row by
//! row. Versions up to 2.1 keep the columns of SPECPHOT inside FASTSPEC; they are described by the same names. This module
//! reads headers only; the archive ingests the rows.
//! Reference: the data model of FastSpecFit, <https://fastspecfit.readthedocs.io>.

mod lines;
mod release;
mod view;

use archive::columns::{Column, Columns, parse_declarations};

use crate::DesiError;

pub use lines::{DEFAULT_LINES, EmissionLine, LINES, MOMENT_LINES};
pub use release::{FileRows, PUBLISHED_ROWS, Release, Version, file_name};
pub use view::{GALAXIES_VIEW, galaxies_view};

/// A table of a FastSpecFit file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Target, redshift and imaging photometry: 54 columns.
    Metadata,
    /// Stellar mass, star formation rate, magnitudes, indices: 127 columns.
    Specphot,
    /// Emission lines: 35 columns, 18 for each of 46 lines, 24 moments.
    Fastspec,
}

impl Table {
    /// All three, the one with the positions first.
    pub const ALL: [Self; 3] = [Self::Metadata, Self::Specphot, Self::Fastspec];

    /// EXTNAME in the files; in lower case the name in the archive.
    #[must_use]
    pub fn hdu(self) -> &'static str {
        match self {
            Self::Metadata => "METADATA",
            Self::Specphot => "SPECPHOT",
            Self::Fastspec => "FASTSPEC",
        }
    }
}

const METADATA: &str = include_str!("fastspecfit/columns/metadata.txt");
const SPECPHOT: &str = include_str!("fastspecfit/columns/specphot.txt");
const FASTSPEC: &str = include_str!("fastspecfit/columns/fastspec.txt");
const LINE: &str = include_str!("fastspecfit/columns/line.txt");
const MOMENT: &str = include_str!("fastspecfit/columns/moment.txt");

/// The columns of a table in v3.0, in the order of its files. FASTSPEC has all lines.
///
/// What stays unsure without the real files: the order of the doublet ratios of \[S II\] and \[N II\], and whether ZWARN is
/// a signed byte; both are as the upstream data model says. FLUX columns are taken as not corrected for Galactic dust:
/// the data model says they are, the code divides them by MW_TRANSMISSION when it fits and writes them as they came.
/// Logarithms have the unit of their argument, where the data model gives LOGMSTAR in solar masses and LOGLNU in 10^-28.
///
/// # Errors
/// [`DesiError::Archive`] where a committed declaration cannot be read: a fault of this crate.
pub fn columns(table: Table) -> Result<Columns, DesiError> {
    match table {
        Table::Metadata => Ok(Columns::new(parse_declarations(METADATA)?)),
        Table::Specphot => Ok(Columns::new(parse_declarations(SPECPHOT)?)),
        Table::Fastspec => fastspec_columns(&LINES.map(|line| line.name)),
    }
}

/// The columns of FASTSPEC with these lines only. Moments are there where all lines are.
///
/// # Errors
/// [`DesiError::Archive`] as [`columns`].
pub fn fastspec_columns(lines: &[&str]) -> Result<Columns, DesiError> {
    let mut columns = parse_declarations(FASTSPEC)?;
    let each = parse_declarations(LINE)?;
    for line in lines {
        columns.extend(each.iter().map(|column| of_line(column, line)));
    }
    if lines.len() == LINES.len() {
        let each = parse_declarations(MOMENT)?;
        for line in MOMENT_LINES {
            columns.extend(each.iter().map(|column| of_line(column, line)));
        }
    }
    Ok(Columns::new(columns))
}

fn of_line(column: &Column, line: &str) -> Column {
    Column {
        name: format!("{line}_{}", column.name),
        description: format!("{line}: {}", column.description),
        ..column.clone()
    }
}

/// Lines from their names in any case, in the order of their columns; `all` means all.
///
/// # Errors
/// [`DesiError::UnknownLine`] with the nearest name.
pub fn lines_named(names: &[String]) -> Result<Vec<&'static str>, DesiError> {
    if names.iter().any(|name| name.eq_ignore_ascii_case("all")) {
        return Ok(LINES.map(|line| line.name).to_vec());
    }
    for name in names {
        if !LINES.iter().any(|line| line.name.eq_ignore_ascii_case(name)) {
            let nearest = archive::nearest_name(name, LINES.iter().map(|line| line.name));
            return Err(DesiError::UnknownLine { name: name.clone(), nearest });
        }
    }
    let wanted = |line: &EmissionLine| names.iter().any(|name| name.eq_ignore_ascii_case(line.name));
    Ok(LINES.iter().filter(|line| wanted(line)).map(|line| line.name).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn tables_have_the_columns_of_the_release() {
        let counts = Table::ALL.map(|table| columns(table).unwrap().len());
        assert_eq!(counts, [54, 127, 887]);
        for table in Table::ALL {
            let columns = columns(table).unwrap();
            let mut names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            assert!(columns.iter().all(|column| !column.description.is_empty() && column.data_type.is_some()));
            names.sort();
            names.dedup();
            assert_eq!(names.len(), columns.len(), "a name occurs twice in {}", table.hdu());
        }
    }

    #[test]
    fn columns_have_type_and_unit_of_the_data_model() {
        let metadata = columns(Table::Metadata).unwrap();
        assert_eq!(metadata.get("RA").unwrap().unit, "deg");
        assert_eq!(metadata.get("ZWARN").unwrap().data_type, Some(DataType::Int8));
        let specphot = columns(Table::Specphot).unwrap();
        let coefficients = specphot.get("COEFF").unwrap();
        assert_eq!(coefficients.data_type, Some(DataType::new_fixed_size_list(DataType::Float32, 5, true)));
        assert_eq!(specphot.get("SFR").unwrap().unit, "solMass/yr");
        let fastspec = columns(Table::Fastspec).unwrap();
        assert_eq!(fastspec.get("HALPHA_NPIX").unwrap().data_type, Some(DataType::Int32));
        assert_eq!(fastspec.get("MGII_2800_MOMENT2").unwrap().unit, "Angstrom2");
    }

    #[test]
    fn lines_are_found_by_name_and_faults_name_the_nearest() {
        let named = |names: &[&str]| lines_named(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(named(&["halpha", "OII_3729"]).unwrap(), ["OII_3729", "HALPHA"]);
        assert_eq!(named(&["all"]).unwrap().len(), 46);
        let fault = named(&["HALPA"]).unwrap_err().to_string();
        assert!(fault.contains("`HALPHA`"), "{fault}");
        assert_eq!(named(&DEFAULT_LINES).unwrap(), DEFAULT_LINES);
        // Vacuum wavelengths grow along the list but for the close pairs of broad and narrow lines.
        assert!(LINES.windows(2).all(|pair| pair[0].wavelength_angstrom <= pair[1].wavelength_angstrom));
    }
}
