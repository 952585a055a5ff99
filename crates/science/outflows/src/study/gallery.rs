//! The strongest winds with their fits and troughs.

use study::run::StepFolder;
use study::tables::Columns;

use super::StudyError;
use super::measure::Instruments;
use super::source::{Candidate, Reader};
use super::winds::Winds;
use crate::fit_figure::fit_figure;
use crate::troughs::trough_figure;

/// Numbers of the spectra of the strongest winds: by power of the [O III] wing and by balnicity in turn.
pub(super) fn strongest(winds: &[Winds], wanted: usize) -> Vec<usize> {
    let sorted = |value: &dyn Fn(&Winds) -> Option<f64>| {
        let mut rows: Vec<(f64, usize)> =
            winds.iter().filter_map(|row| Some((value(row)?, usize::try_from(row.spectrum).ok()?))).collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rows.into_iter().map(|(_, spectrum)| spectrum)
    };
    let mut wings = sorted(&|row| Some(row.wing?.power?[1]));
    let mut troughs = sorted(&|row| row.civ.filter(|civ| civ.bal).map(|civ| civ.bi));
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < wanted {
        let next = [troughs.next(), wings.next()];
        if next == [None, None] {
            break;
        }
        for spectrum in next.into_iter().flatten() {
            if !chosen.contains(&spectrum) && chosen.len() < wanted {
                chosen.push(spectrum);
            }
        }
    }
    chosen
}

/// Fits the chosen spectra again, without errors, and draws them; a table names what there is.
pub(super) fn draw(
    folder: &StepFolder,
    chosen: &[usize],
    (sample, reader): (&[Candidate], &Reader<'_>),
    instruments: &Instruments,
    advance: &dyn Fn(),
) -> Result<(), StudyError> {
    let mut drawn: Vec<(String, &str, &str)> = Vec::new();
    for (place, at) in chosen.iter().enumerate() {
        let Some(row) = sample.get(*at) else { continue };
        for spectrum in reader.read(std::slice::from_ref(row))?.into_iter().flatten() {
            if let Ok(fit) = instruments.fit(&spectrum, row, 0) {
                let (figure, data) = fit_figure(&spectrum, &fit, &instruments.templates, &instruments.lines)?;
                let name = format!("gallery_{place:02}_fit");
                folder.figure(&name, &figure, &data)?;
                drawn.push((name, &row.name, "fit"));
            }
            if let Ok(search) = instruments.search(&spectrum)
                && !search.indices.is_empty()
            {
                let (figure, data) = trough_figure(&spectrum, &search, &instruments.troughs)?;
                let name = format!("gallery_{place:02}_troughs");
                folder.figure(&name, &figure, &data)?;
                drawn.push((name, &row.name, "troughs"));
            }
        }
        advance();
    }
    let table = Columns::new()
        .text("figure", "", "name of the figure", drawn.iter().map(|one| &one.0))
        .text("name", "", "name of the spectrum", drawn.iter().map(|one| one.1))
        .text("what", "", "what it shows", drawn.iter().map(|one| one.2))
        .table()?;
    Ok(folder.table("gallery", &table)?)
}
