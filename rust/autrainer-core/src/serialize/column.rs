//! A column whose labels have been made ready, row by row as cells.

use super::cells::{Number, cell, extend_cell, format_label_set, format_value_list};
use super::table::{Column, Floats};

/// A column with its labels made ready for cells.
pub(super) struct PreparedColumn<'a> {
    column: Column<'a>,
    labels: Vec<Vec<u8>>,
}

impl<'a> PreparedColumn<'a> {
    pub(super) fn new(column: Column<'a>) -> Self {
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
    pub(super) fn width(&self) -> usize {
        match self.column {
            Column::LabelSets { literals, .. } => literals.len(),
            Column::ValueLists { num_targets, .. } => num_targets,
            _ => 1,
        }
    }

    pub(super) fn format(&self, row: usize, out: &mut Vec<u8>) {
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
            Column::CodedTexts { codes, texts } => {
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
pub(super) fn values_of<T>(values: &[T], row: usize, width: usize) -> &[T] {
    values.get(row * width..(row + 1) * width).unwrap_or(&[])
}

fn format_value<F: Number>(values: &[F], row: usize, out: &mut Vec<u8>) {
    if let Some(value) = values.get(row) {
        value.format_cell(out);
    }
}
