//! The table of results: index, prediction, target, name and probabilities of every sample.
//!
//! Floats are the shortest text that reads back to the same number, NaN is an empty cell, and text
//! is quoted only where it has to be. Rows are formatted in chunks by several threads and written
//! in order, so memory does not grow with the table and the bytes do not depend on the threads.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use super::cells::{Number, extend_cell};
use super::chunks::write_chunks;
use super::column::{PreparedColumn, values_of};
use super::table::{Floats, Table};
use crate::collate::available_threads;
use crate::error::{Error, Result};
use crate::io::write_whole;

/// About as many bytes are formatted at once.
const CHUNK_BYTES: usize = 1 << 20;

/// As many cores format about as fast as one thread can hand bytes to the system.
const MAX_THREADS: usize = 8;

/// Write a table to `path`, whole or not at all.
///
/// # Errors
/// [`Error::Length`] where columns differ in length; [`Error::LabelCode`] for a code without a
/// label; otherwise as [`write_whole`].
pub fn write_results(path: &Path, table: &Table<'_>) -> Result<()> {
    let prepared = PreparedTable::new(table)?;
    write_whole(path, |file| {
        let format = |chunk: usize, out: &mut Vec<u8>| prepared.format_chunk(chunk, out);
        file.write_all(&header(table))
            .and_then(|()| {
                write_chunks(file, prepared.num_chunks(), num_threads(&prepared), &format)
            })
            .map_err(|source| Error::Write {
                path: path.to_path_buf(),
                source,
            })
    })
}

/// A checked table with its labels made ready for cells.
struct PreparedTable<'a> {
    table: &'a Table<'a>,
    columns: Vec<PreparedColumn<'a>>,
    rows_per_chunk: usize,
}

impl<'a> PreparedTable<'a> {
    fn new(table: &'a Table<'a>) -> Result<Self> {
        table.check()?;
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|(_, c)| PreparedColumn::new(*c))
            .collect();
        let listed: usize = columns.iter().map(PreparedColumn::width).sum();
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

fn num_threads(table: &PreparedTable<'_>) -> usize {
    available_threads().min(MAX_THREADS).min(table.num_chunks())
}
