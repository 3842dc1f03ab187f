//! The table of results: index, prediction, target, name and probabilities of every sample.
//!
//! Floats are the shortest text that reads back to the same number, NaN is an empty cell, and text
//! is quoted only where it has to be. Rows are formatted in chunks by several threads and written
//! in order, so memory does not grow with the table and the bytes do not depend on the threads.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use crate::collate::available_threads;
use crate::error::{Error, Result};
use crate::io::write_whole;
use crate::serialize::chunks::write_chunks;

/// About as many bytes are formatted at once.
const CHUNK_BYTES: usize = 1 << 20;

/// As many cores format about as fast as one thread can hand bytes to the system.
const MAX_THREADS: usize = 8;

/// Floats of either width.
#[derive(Debug, Clone, Copy)]
pub enum Floats<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

/// Texts that lie one after the other in one piece of memory.
#[derive(Debug, Clone, Copy)]
pub struct TextTable<'a> {
    /// All texts, UTF-8.
    pub data: &'a [u8],
    /// Where each text begins in `data`, and where the last one ends.
    pub offsets: &'a [i64],
}

impl<'a> TextTable<'a> {
    /// Number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A text; `None` where there is none, or offsets do not fit the data.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&'a [u8]> {
        let start = usize::try_from(*self.offsets.get(position)?).ok()?;
        let stop = usize::try_from(*self.offsets.get(position + 1)?).ok()?;
        self.data.get(start..stop)
    }
}

/// A column whose cells depend on what they hold: predictions, targets, names.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// A label per row, by its position in `labels`.
    Labels {
        /// Positions in `labels`.
        codes: &'a [i64],
        /// What the cells say.
        labels: &'a [String],
    },
    /// A list of labels per row, written as a Python list.
    LabelSets {
        /// One byte per row and label, not zero where the label belongs to the row.
        mask: &'a [u8],
        /// The labels as Python literals, quotes included.
        literals: &'a [String],
    },
    /// A number per row.
    Values(Floats<'a>),
    /// A whole number per row.
    Integers(&'a [i64]),
    /// As many numbers per row as there are targets, written as a Python list.
    ValueLists {
        /// All numbers, row after row.
        values: Floats<'a>,
        /// Numbers per row.
        num_targets: usize,
    },
    /// A text per row.
    Texts(&'a [String]),
    /// A text per row, by its position among many.
    Picked {
        /// Positions in `texts`.
        codes: &'a [i64],
        /// All texts.
        texts: TextTable<'a>,
    },
}

/// A column and what its heading says.
pub type NamedColumn<'a> = (String, Column<'a>);

/// The columns of a table of results.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// Row of each sample in its split.
    pub indices: &'a [i64],
    /// The columns between `index` and the probabilities.
    pub columns: &'a [NamedColumn<'a>],
    /// Names of the columns of `probabilities`.
    pub names: &'a [String],
    /// One number per row and name, row after row.
    pub probabilities: Floats<'a>,
}

/// Write a table to `path`, whole or not at all.
///
/// # Errors
/// [`Error::Length`] where columns differ in length; [`Error::LabelCode`] for a code without a
/// label; otherwise as [`write_whole`].
pub fn write_results(path: &Path, table: &Table<'_>) -> Result<()> {
    let rows = Rows::new(table)?;
    write_whole(path, |file| {
        let format = |chunk: usize, out: &mut Vec<u8>| rows.format_chunk(chunk, out);
        file.write_all(&header(table))
            .and_then(|()| write_chunks(file, rows.num_chunks(), num_threads(&rows), &format))
            .map_err(|source| Error::Write {
                path: path.to_path_buf(),
                source,
            })
    })
}

/// A checked table with its labels made ready for cells.
struct Rows<'a> {
    table: &'a Table<'a>,
    columns: Vec<Ready<'a>>,
    rows_per_chunk: usize,
}

impl<'a> Rows<'a> {
    fn new(table: &'a Table<'a>) -> Result<Self> {
        check(table)?;
        let columns: Vec<_> = table.columns.iter().map(|(_, c)| Ready::new(*c)).collect();
        let listed: usize = columns.iter().map(Ready::width).sum();
        let row_bytes = 12 * (1 + table.names.len() + listed);
        Ok(Self {
            table,
            columns,
            rows_per_chunk: (CHUNK_BYTES / row_bytes).max(1),
        })
    }

    fn num_chunks(&self) -> usize {
        self.table.indices.len().div_ceil(self.rows_per_chunk)
    }

    fn format_chunk(&self, chunk: usize, out: &mut Vec<u8>) {
        let start = chunk * self.rows_per_chunk;
        let stop = self.table.indices.len().min(start + self.rows_per_chunk);
        match self.table.probabilities {
            Floats::F32(values) => self.format_rows(start..stop, values, out),
            Floats::F64(values) => self.format_rows(start..stop, values, out),
        }
    }

    fn format_rows<F: Number>(&self, rows: Range<usize>, values: &[F], out: &mut Vec<u8>) {
        let num_names = self.table.names.len();
        let mut digits = itoa::Buffer::new();
        for row in rows {
            let index = self.table.indices.get(row).copied().unwrap_or_default();
            out.extend_from_slice(digits.format(index).as_bytes());
            for column in &self.columns {
                out.push(b',');
                column.format(row, out);
            }
            for value in values_of(values, row, num_names) {
                out.push(b',');
                value.format_cell(out);
            }
            out.push(b'\n');
        }
    }
}

/// A column with its labels made ready for cells.
struct Ready<'a> {
    column: Column<'a>,
    labels: Vec<Vec<u8>>,
}

impl<'a> Ready<'a> {
    fn new(column: Column<'a>) -> Self {
        let labels = match column {
            Column::Labels { labels, .. } => labels.iter().map(|text| cell(text)).collect(),
            Column::LabelSets { literals, .. } => literals
                .iter()
                .map(|literal| literal.replace('"', "\"\"").into_bytes())
                .collect(),
            _ => Vec::new(),
        };
        Self { column, labels }
    }

    /// About as many values as a cell has.
    fn width(&self) -> usize {
        match self.column {
            Column::LabelSets { literals, .. } => literals.len(),
            Column::ValueLists { num_targets, .. } => num_targets,
            _ => 1,
        }
    }

    fn format(&self, row: usize, out: &mut Vec<u8>) {
        match self.column {
            Column::Labels { codes, .. } => {
                if let Some(label) = code_of(codes, row).and_then(|code| self.labels.get(code)) {
                    out.extend_from_slice(label);
                }
            }
            Column::LabelSets { mask, .. } => {
                let chosen = values_of(mask, row, self.labels.len()).iter();
                format_label_set(chosen.zip(&self.labels), out);
            }
            Column::Values(Floats::F32(values)) => format_value(values, row, out),
            Column::Values(Floats::F64(values)) => format_value(values, row, out),
            Column::Integers(values) => {
                let value = values.get(row).copied().unwrap_or_default();
                out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            Column::ValueLists {
                values: Floats::F32(values),
                num_targets,
            } => format_value_list(values_of(values, row, num_targets), out),
            Column::ValueLists {
                values: Floats::F64(values),
                num_targets,
            } => format_value_list(values_of(values, row, num_targets), out),
            Column::Texts(texts) => {
                if let Some(text) = texts.get(row) {
                    extend_cell(text.as_bytes(), out);
                }
            }
            Column::Picked { codes, texts } => {
                if let Some(text) = code_of(codes, row).and_then(|code| texts.get(code)) {
                    extend_cell(text, out);
                }
            }
        }
    }
}

fn code_of(codes: &[i64], row: usize) -> Option<usize> {
    usize::try_from(*codes.get(row)?).ok()
}

/// The `width` values of a row.
fn values_of<T>(values: &[T], row: usize, width: usize) -> &[T] {
    values.get(row * width..(row + 1) * width).unwrap_or(&[])
}

fn format_value<F: Number>(values: &[F], row: usize, out: &mut Vec<u8>) {
    if let Some(value) = values.get(row) {
        value.format_cell(out);
    }
}

/// A Python list in one cell; more than one element means a comma, which means quotes.
fn format_value_list<F: Number>(values: &[F], out: &mut Vec<u8>) {
    let quote: &[u8] = if values.len() > 1 { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    out.push(b'[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.extend_from_slice(b", ");
        }
        value.format_literal(out);
    }
    out.push(b']');
    out.extend_from_slice(quote);
}

/// As `format_value_list` for labels whose quotes have been doubled; some only then need quoting.
fn format_label_set<'a>(labels: impl Iterator<Item = (&'a u8, &'a Vec<u8>)>, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(b'[');
    let mut needs_quotes = false;
    for (position, (_, label)) in labels.filter(|(chosen, _)| **chosen != 0).enumerate() {
        if position > 0 {
            out.extend_from_slice(b", ");
            needs_quotes = true;
        }
        needs_quotes |= label.iter().any(|&byte| is_special(byte));
        out.extend_from_slice(label);
    }
    out.push(b']');
    if needs_quotes {
        out.insert(start, b'"');
        out.push(b'"');
    }
}

/// A float and its texts.
trait Number: Copy {
    /// The shortest text that reads back to the number, for one that is finite.
    fn format_finite(self, out: &mut Vec<u8>);
    fn is_nan(self) -> bool;
    fn is_infinite(self) -> bool;
    fn is_negative(self) -> bool;

    /// The cell: nothing for NaN.
    fn format_cell(self, out: &mut Vec<u8>) {
        if !self.is_nan() {
            self.format_literal(out);
        }
    }

    /// The number as an element of a Python list prints.
    fn format_literal(self, out: &mut Vec<u8>) {
        if self.is_nan() {
            out.extend_from_slice(b"nan");
        } else if self.is_infinite() {
            let text: &[u8] = if self.is_negative() { b"-inf" } else { b"inf" };
            out.extend_from_slice(text);
        } else {
            self.format_finite(out);
        }
    }
}

macro_rules! number {
    ($float:ty) => {
        impl Number for $float {
            fn format_finite(self, out: &mut Vec<u8>) {
                out.extend_from_slice(zmij::Buffer::new().format_finite(self).as_bytes());
            }

            fn is_nan(self) -> bool {
                <$float>::is_nan(self)
            }

            fn is_infinite(self) -> bool {
                <$float>::is_infinite(self)
            }

            fn is_negative(self) -> bool {
                self.is_sign_negative()
            }
        }
    };
}

number!(f32);
number!(f64);

fn header(table: &Table<'_>) -> Vec<u8> {
    let mut header = b"index".to_vec();
    let columns = table.columns.iter().map(|(name, _)| name);
    for name in columns.chain(table.names) {
        header.push(b',');
        extend_cell(name.as_bytes(), &mut header);
    }
    header.push(b'\n');
    header
}

fn cell(text: &str) -> Vec<u8> {
    let mut cell = Vec::new();
    extend_cell(text.as_bytes(), &mut cell);
    cell
}

/// A text as a cell, quoted where it holds a separator, a quote or a line end.
fn extend_cell(text: &[u8], out: &mut Vec<u8>) {
    if !text.iter().any(|&byte| is_special(byte)) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for &byte in text {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b',' | b'"' | b'\n' | b'\r')
}

fn check(table: &Table<'_>) -> Result<()> {
    let rows = table.indices.len();
    let cells = rows.saturating_mul(table.names.len());
    check_length("probabilities", cells, length(table.probabilities))?;
    table
        .columns
        .iter()
        .try_for_each(|(_, column)| check_column(column, rows))
}

fn check_column(column: &Column<'_>, rows: usize) -> Result<()> {
    match *column {
        Column::Labels { codes, labels } => {
            check_length("codes", rows, codes.len())?;
            check_codes(codes, labels.len())
        }
        Column::Picked { codes, texts } => {
            check_length("codes", rows, codes.len())?;
            check_codes(codes, texts.len())
        }
        Column::LabelSets { mask, literals } => {
            check_length("mask", rows.saturating_mul(literals.len()), mask.len())
        }
        Column::Values(values) => check_length("values", rows, length(values)),
        Column::Integers(values) => check_length("values", rows, values.len()),
        Column::ValueLists {
            values,
            num_targets,
        } => check_length("values", rows.saturating_mul(num_targets), length(values)),
        Column::Texts(texts) => check_length("texts", rows, texts.len()),
    }
}

fn check_codes(codes: &[i64], num_labels: usize) -> Result<()> {
    for (row, &code) in codes.iter().enumerate() {
        if usize::try_from(code).map_or(true, |code| code >= num_labels) {
            return Err(Error::LabelCode {
                row,
                code,
                num_labels,
            });
        }
    }
    Ok(())
}

fn check_length(argument: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Length {
        argument,
        expected,
        found,
    })
}

fn length(values: Floats<'_>) -> usize {
    match values {
        Floats::F32(values) => values.len(),
        Floats::F64(values) => values.len(),
    }
}

fn num_threads(rows: &Rows<'_>) -> usize {
    available_threads().min(MAX_THREADS).min(rows.num_chunks())
}
