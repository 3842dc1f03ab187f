//! A few files of a batch, decoded in one go.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::{Decode, Outcome, Paths, Row, Sample};
use crate::error::{Error, Result};
use crate::panics::catch_decoder_panic;

/// The files that a reader reads, and how.
#[derive(Debug)]
pub struct Files<D> {
    /// Their paths.
    pub paths: Paths,
    /// Their format.
    pub decoder: D,
    /// Whether to look for elements that are infinite or not a number.
    pub check_finite: bool,
}

/// A few files of one batch, all of one layout, and the memory that they go to.
pub(super) struct Unit<D: Decode, M> {
    /// Number of the batch.
    pub(super) batch: u64,
    /// Number of the unit in its batch.
    pub(super) number: usize,
    /// Position in the batch of the first file.
    pub(super) first: usize,
    pub(super) rows: Vec<Row>,
    pub(super) layout: Arc<D::Layout>,
    /// Room for the samples of `rows`, one after another.
    pub(super) memory: M,
}

/// What became of a unit. Its memory goes back to whoever gave it, in one piece and not dropped.
pub(super) struct Report<M> {
    pub(super) memory: M,
    pub(super) outcome: Outcome,
    /// The first file that could not be read, by its position in the batch.
    pub(super) error: Option<(usize, Error)>,
}

impl<D: Decode> Files<D> {
    /// Decode the files of a unit in order, until one fails or `is_stopped` says so.
    pub(super) fn read_unit<M: AsMut<[u8]>>(
        &self,
        unit: Unit<D, M>,
        scratch: &mut D::Scratch,
        is_stopped: impl Fn() -> bool,
    ) -> Report<M> {
        let started = Instant::now();
        let mut memory = unit.memory;
        let mut outcome = Outcome::default();
        let out = memory.as_mut();
        let sample_bytes = out.len().checked_div(unit.rows.len()).unwrap_or(0);
        let mut places = out.chunks_exact_mut(sample_bytes.max(1));
        let mut error = None;
        for (position, &row) in (unit.first..).zip(&unit.rows) {
            if is_stopped() {
                break;
            }
            let place = places.next().unwrap_or_default();
            let read = self.read_row_into(row, scratch, &unit.layout, place);
            let is_finite = read.map(|()| self.is_finite(&unit.layout, place, scratch));
            if let Err(fatal) = outcome.record(position, is_finite) {
                error = Some((position, fatal));
                break;
            }
        }
        outcome.busy = started.elapsed();
        Report {
            memory,
            outcome,
            error,
        }
    }

    /// Decode files of any layouts, in order, until one fails.
    pub(super) fn read_each(
        &self,
        rows: &[Row],
        scratch: &mut D::Scratch,
    ) -> Result<(Vec<Sample<D::Layout>>, Outcome)> {
        let started = Instant::now();
        let mut outcome = Outcome::default();
        let mut samples = Vec::with_capacity(rows.len());
        for (position, &row) in rows.iter().enumerate() {
            let read = self.read_row(row, scratch);
            let is_finite = read.map(|(layout, sample)| {
                let is_finite = self.is_finite(&layout, &sample, scratch);
                samples.push(Some((layout, sample)));
                is_finite
            });
            outcome.record(position, is_finite)?;
            // What is not supported has its place in the batch too.
            samples.resize_with(position + 1, || None);
        }
        outcome.busy = started.elapsed();
        Ok((samples, outcome))
    }

    /// The path of a row.
    ///
    /// # Errors
    /// [`Error::RowIndex`] where there is no such row.
    pub fn path(&self, row: usize) -> Result<&Path> {
        self.paths.at(row).ok_or(Error::RowIndex {
            position: 0,
            index: i64::try_from(row).unwrap_or(i64::MAX),
            num_rows: self.paths.len(),
        })
    }

    /// Layouts of the files of some rows; none where the format is not supported.
    ///
    /// # Errors
    /// As [`Decode::layout`] for the first file that has one, and [`Error::RowIndex`].
    pub fn layouts(&self, rows: &[usize]) -> Result<Vec<Option<D::Layout>>> {
        let mut scratch = D::Scratch::default();
        let layout = |&row: &usize| {
            let path = self.path(row)?;
            match catch_decoder_panic(path, &mut scratch, |scratch| {
                self.decoder.layout(path, scratch)
            }) {
                Ok(layout) => Ok(Some(layout)),
                Err(Error::Unsupported { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        rows.iter().map(layout).collect()
    }

    fn read_row_into(
        &self,
        row: Row,
        scratch: &mut D::Scratch,
        layout: &D::Layout,
        place: &mut [u8],
    ) -> Result<()> {
        let path = self.path(row.index)?;
        catch_decoder_panic(path, scratch, |scratch| {
            self.decoder
                .read_into(path, row.draw, scratch, layout, place)
        })
    }

    fn read_row(&self, row: Row, scratch: &mut D::Scratch) -> Result<(D::Layout, Vec<u8>)> {
        let path = self.path(row.index)?;
        catch_decoder_panic(path, scratch, |scratch| {
            self.decoder.read(path, row.draw, scratch)
        })
    }

    /// Whether a sample is finite, as far as anybody asked.
    fn is_finite(&self, layout: &D::Layout, sample: &[u8], scratch: &D::Scratch) -> bool {
        !(self.check_finite && self.decoder.has_nonfinite(layout, sample, scratch))
    }
}

impl Outcome {
    /// Note what became of a file; gives back an error that ends the batch.
    fn record(&mut self, position: usize, is_finite: Result<bool>) -> Result<()> {
        match is_finite {
            Ok(true) => {}
            Ok(false) => self.nonfinite.push(position),
            Err(Error::Unsupported { .. }) => self.unsupported.push(position),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
