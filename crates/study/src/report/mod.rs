//! `report.html`: one page without any outside resource, to be read on a screen or printed.
//!
//! It holds no time and no duration, so the same run gives the same bytes. Everything that comes from data is escaped.

use std::fmt::Write;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Error;
use crate::figures::escape;
use crate::number;
use crate::run::Manifest;
use crate::validation::Validation;

/// Larger drawings are embedded as PNG.
const SVG_LIMIT_BYTES: usize = 400_000;
/// Columns of this ending hold the uncertainty of the column before it.
const ERROR_SUFFIX: &str = "_error";

/// A report under construction; parts appear in the order of the calls.
#[derive(Debug, Clone)]
pub struct Report {
    title: String,
    subtitle: String,
    keys: String,
    body: String,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(title: &str, subtitle: &str) -> Self {
        Self { title: title.to_owned(), subtitle: subtitle.to_owned(), keys: String::new(), body: String::new() }
    }

    /// Adds a number to the box at the top, with its uncertainty and the run-relative path of the table it is from.
    pub fn key_number(&mut self, label: &str, (value, error): (f64, Option<f64>), unit: &str, table: &str) {
        let shown = error.map_or_else(|| number::plain(value), |error| number::plus_minus(value, error));
        let _ = writeln!(
            self.keys,
            "<div class=\"key\"><b>{} {}</b><span>{} · <a href=\"{}\">table</a></span></div>",
            escape(&shown),
            escape(unit),
            escape(label),
            escape(table)
        );
    }

    /// Begins a section.
    pub fn section(&mut self, title: &str) {
        let _ = writeln!(self.body, "<h2>{}</h2>", escape(title));
    }

    /// Adds a paragraph of plain words.
    pub fn prose(&mut self, words: &str) {
        let _ = writeln!(self.body, "<p>{}</p>", escape(words));
    }

    /// Adds a table that is stored as `tables/<name>.parquet` and `.csv`. A column `x_error` is printed with `x` as
    /// `x ± error`; units come from the fields' metadata; nulls are dashes. At most `rows` rows are shown.
    ///
    /// # Errors
    /// A column has no printed form.
    pub fn table(&mut self, caption: &str, name: &str, table: &RecordBatch, rows: usize) -> Result<(), Error> {
        let shown = rows.min(table.num_rows());
        let schema = table.schema();
        let columns: Vec<usize> =
            (0..table.num_columns()).filter(|&index| owner_of_error(table, index).is_none()).collect();
        let _ = write!(self.body, "<div class=\"scroll\"><table><caption>{}</caption><thead><tr>", escape(caption));
        for &index in &columns {
            let field = schema.field(index);
            let unit = field.metadata().get("unit").map_or(String::new(), |unit| format!(" ({unit})"));
            let meaning = field.metadata().get("description").map_or("", String::as_str);
            let class = if is_number(field.data_type()) { " class=\"n\"" } else { "" };
            let _ = write!(
                self.body,
                "<th{class} title=\"{}\">{}{}</th>",
                escape(meaning),
                escape(field.name()),
                escape(&unit)
            );
        }
        self.body.push_str("</tr></thead><tbody>\n");
        for row in 0..shown {
            self.body.push_str("<tr>");
            for &index in &columns {
                let class = if is_number(schema.field(index).data_type()) { " class=\"n\"" } else { "" };
                let _ = write!(self.body, "<td{class}>{}</td>", escape(&cell(table, index, row)?));
            }
            self.body.push_str("</tr>\n");
        }
        let more = if shown < table.num_rows() {
            format!("First {shown} of {} rows. ", table.num_rows())
        } else {
            String::new()
        };
        let name = escape(name);
        let _ = writeln!(
            self.body,
            "</tbody></table></div><p class=\"files\">{more}<a href=\"tables/{name}.parquet\">Parquet</a> · <a href=\"tables/{name}.csv\">CSV</a></p>"
        );
        Ok(())
    }

    /// Adds the figure stored as `figures/<name>.*` in the run's `folder`.
    ///
    /// # Errors
    /// The figure's files are missing.
    pub fn figure(&mut self, folder: &Path, name: &str, caption: &str) -> Result<(), Error> {
        let path = folder.join("figures").join(format!("{name}.svg"));
        let svg = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let (name, caption) = (escape(name), escape(caption));
        let picture = if svg.len() <= SVG_LIMIT_BYTES {
            svg
        } else {
            let path = path.with_extension("png");
            let png = std::fs::read(&path).map_err(Error::io("read", &path))?;
            format!("<img alt=\"{caption}\" src=\"data:image/png;base64,{}\">", STANDARD.encode(png))
        };
        let links = ["svg", "png", "parquet", "csv"]
            .map(|kind| format!("<a href=\"figures/{name}.{kind}\">{kind}</a>"))
            .join(" · ");
        let _ =
            writeln!(self.body, "<figure id=\"{name}\">{picture}<figcaption>{caption} {links}</figcaption></figure>");
        Ok(())
    }

    /// Adds the validation table with its overall verdict.
    pub fn validation(&mut self, validation: &Validation) {
        let overall = validation.overall().word();
        let _ = writeln!(
            self.body,
            "<p>Overall: <span class=\"badge {overall}\">{overall}</span></p><div class=\"scroll\"><table><thead><tr>\
             <th>Stage</th><th>Check</th><th>Measured</th><th>Criterion</th><th>Verdict</th><th>Note</th></tr></thead><tbody>"
        );
        for check in &validation.checks {
            let verdict = check.verdict.word();
            let _ = writeln!(
                self.body,
                "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td>{}</td><td><span class=\"badge {verdict}\">{verdict}</span></td><td>{}</td></tr>",
                check.stage,
                escape(&check.name),
                escape(&check.measured),
                escape(&check.criterion),
                escape(&check.note)
            );
        }
        self.body.push_str("</tbody></table></div>\n");
    }

    /// The page, with the provenance of `manifest` at its foot.
    #[must_use]
    pub fn html(&self, manifest: &Manifest) -> String {
        let title = escape(&self.title);
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><style>\n{}</style></head><body>\n<h1>{title}</h1><p class=\"subtitle\">{}</p>\n\
             <div class=\"keys\">{}</div>\n{}{}{}</body></html>\n",
            include_str!("style.css"),
            escape(&self.subtitle),
            self.keys,
            warnings(manifest),
            self.body,
            provenance(manifest)
        )
    }
}

fn warnings(manifest: &Manifest) -> String {
    let mut html = String::new();
    for (step, warning) in manifest.warnings() {
        let _ = writeln!(html, "<p class=\"note\"><b>{}</b>: {}</p>", escape(step), escape(warning));
    }
    html
}

fn provenance(manifest: &Manifest) -> String {
    let mut html = format!(
        "<footer><h2>Provenance</h2><p>Study {} · run <code>{}</code> · Astrolab {} · seed {} · licence {} · \
         <a href=\"manifest.json\">manifest</a></p><div class=\"scroll\"><table><thead><tr><th>Input</th><th class=\"n\">Bytes</th><th>SHA-256</th></tr></thead><tbody>\n",
        escape(&manifest.study),
        escape(&manifest.id),
        escape(&manifest.code_version),
        manifest.seed,
        escape(&manifest.licence)
    );
    for input in &manifest.inputs {
        let bytes = i64::try_from(input.bytes).map_or_else(|_| input.bytes.to_string(), number::grouped);
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td class=\"n\">{bytes}</td><td><code>{}</code></td></tr>",
            escape(&input.name),
            escape(&input.sha256)
        );
    }
    html.push_str("</tbody></table></div>");
    for citation in &manifest.citations {
        let _ = writeln!(html, "<p>{}</p>", escape(citation));
    }
    let _ = writeln!(
        html,
        "<details><summary>Study file</summary><pre><code>{}</code></pre></details></footer>",
        escape(&manifest.study_file)
    );
    html
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// For a column `x_error` the column `x`, if both are floats.
fn owner_of_error(table: &RecordBatch, index: usize) -> Option<usize> {
    let schema = table.schema();
    let owner = schema.index_of(schema.field(index).name().strip_suffix(ERROR_SUFFIX)?).ok()?;
    let float = |index: usize| *schema.field(index).data_type() == DataType::Float64;
    (float(index) && float(owner)).then_some(owner)
}

fn cell(table: &RecordBatch, index: usize, row: usize) -> Result<String, Error> {
    let column = table.column(index);
    if column.is_null(row) {
        return Ok("—".to_owned());
    }
    if *column.data_type() != DataType::Float64 {
        return Ok(ArrayFormatter::try_new(column, &FormatOptions::default())?.value(row).to_string());
    }
    let value = column.as_primitive::<Float64Type>().value(row);
    let error = (0..table.num_columns()).find(|&other| owner_of_error(table, other) == Some(index)).and_then(|other| {
        let errors = table.column(other).as_primitive::<Float64Type>();
        errors.is_valid(row).then(|| errors.value(row))
    });
    Ok(error.map_or_else(|| number::plain(value), |error| number::plus_minus(value, error)))
}
