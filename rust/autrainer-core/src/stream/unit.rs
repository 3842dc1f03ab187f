//! A few files of a batch, decoded in one go.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::{Decode, Outcome, Paths, Place, Sample};
use crate::error::{Error, Result};

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

/// A few files of one batch and the memory that they go to.
pub(super) struct Unit<D: Decode, B> {
    /// Number of the batch.
    pub(super) batch: u64,
    /// Number of the unit in its batch.
    pub(super) number: usize,
    /// Position in the batch of the first file.
    pub(super) first: usize,
    pub(super) rows: Vec<usize>,
    pub(super) place: Place<Arc<D::Layout>, B>,
}

/// What became of a unit. Its memory goes back to whoever gave it, in one piece and not dropped.
pub(super) struct Report<L, B> {
    pub(super) place: Option<B>,
    pub(super) samples: Vec<Sample<L>>,
    pub(super) outcome: Outcome,
    /// The first file that could not be read, by its position in the batch.
    pub(super) error: Option<(usize, Error)>,
}

impl<D: Decode> Files<D> {
    /// Decode the files of a unit in order, until one fails or `stopped` says so.
    pub(super) fn run<B: AsMut<[u8]>>(
        &self,
        unit: Unit<D, B>,
        scratch: &mut D::Scratch,
        stopped: impl Fn() -> bool,
    ) -> Report<D::Layout, B> {
        let started = Instant::now();
        let mut report = Report {
            place: None,
            samples: Vec::new(),
            outcome: Outcome::default(),
            error: None,
        };
        match unit.place {
            Place::Into(layout, mut memory) => {
                let out = memory.as_mut();
                let sample_bytes = out.len().checked_div(unit.rows.len()).unwrap_or(0);
                let mut places = out.chunks_exact_mut(sample_bytes.max(1));
                report.over(&unit.rows, unit.first, stopped, |row, report, position| {
                    let place = places.next().unwrap_or_default();
                    let path = self.path(row)?;
                    guarded(path, scratch, |scratch| {
                        self.decoder.read_into(path, scratch, &layout, place)
                    })?;
                    self.check(&layout, place, position, report);
                    Ok(())
                });
                report.place = Some(memory);
            }
            Place::Each => {
                report.over(&unit.rows, unit.first, stopped, |row, report, position| {
                    let path = self.path(row)?;
                    let (layout, sample) =
                        guarded(path, scratch, |scratch| self.decoder.read(path, scratch))?;
                    self.check(&layout, &sample, position, report);
                    report.samples.push(Some((layout, sample)));
                    Ok(())
                });
            }
        }
        report.outcome.busy = started.elapsed();
        report
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
            match guarded(path, &mut scratch, |scratch| {
                self.decoder.layout(path, scratch)
            }) {
                Ok(layout) => Ok(Some(layout)),
                Err(Error::Unsupported { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        rows.iter().map(layout).collect()
    }

    fn check<B>(
        &self,
        layout: &D::Layout,
        sample: &[u8],
        position: usize,
        report: &mut Report<D::Layout, B>,
    ) {
        if self.check_finite && self.decoder.has_nonfinite(layout, sample) {
            report.outcome.nonfinite.push(position);
        }
    }
}

impl<L, B> Report<L, B> {
    fn over(
        &mut self,
        rows: &[usize],
        first: usize,
        stopped: impl Fn() -> bool,
        mut read: impl FnMut(usize, &mut Self, usize) -> Result<()>,
    ) {
        for (position, &row) in (first..).zip(rows) {
            if stopped() {
                return;
            }
            match read(row, self, position) {
                Ok(()) => {}
                Err(Error::Unsupported { .. }) => {
                    self.outcome.unsupported.push(position);
                    self.samples.push(None);
                }
                Err(error) => {
                    self.error = Some((position, error));
                    return;
                }
            }
        }
    }
}

/// A panic of a decoder costs the file it was reading, not the thread that batches wait for.
pub(super) fn guarded<S: Default, T>(
    path: &Path,
    scratch: &mut S,
    read: impl FnOnce(&mut S) -> Result<T>,
) -> Result<T> {
    // Scratch memory is the only thing that could be seen half changed; it is thrown away.
    catch_unwind(AssertUnwindSafe(|| read(scratch))).unwrap_or_else(|_| {
        *scratch = S::default();
        Err(Error::DecoderPanic {
            path: path.to_path_buf(),
        })
    })
}
