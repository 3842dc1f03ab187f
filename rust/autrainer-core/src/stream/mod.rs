//! Files decoded by a pool of threads, in order, ahead of the consumer.
//!
//! A batch is split into units of a few files. Threads take units in the order in which they were
//! submitted and decode each file straight into the memory that came with its unit; a consumer who
//! would have to wait decodes along. What a batch gives, its errors included, depends on nothing
//! but the files: not on the number of threads, nor on who was first.

mod format;
mod inspect;
mod paths;
mod queue;
mod reader;
mod unit;

use std::path::Path;
use std::time::Duration;

pub use format::FormatDecoder;
pub use paths::Paths;
pub use reader::{Reader, rows_per_unit};
pub use unit::Files;

use crate::error::{Error, Result};

/// Reads one format of files. Methods are called by many threads at once.
pub trait Decode: Send + Sync + 'static {
    /// Dtype and shape of a sample.
    type Layout: Send + Sync + 'static;
    /// Memory that a thread keeps from file to file.
    type Scratch: Default + Send + 'static;

    /// Layout of a file, from its header.
    ///
    /// # Errors
    /// Where the file cannot be read, or [`Error::Unsupported`].
    fn layout(&self, path: &Path, scratch: &mut Self::Scratch) -> Result<Self::Layout>;

    /// Look for damage in a file without decoding it.
    ///
    /// # Errors
    /// Where the file is damaged, or [`Error::Unsupported`] where only decoding it can tell.
    fn inspect(&self, path: &Path, scratch: &mut Self::Scratch) -> Result<()> {
        self.layout(path, scratch).map(drop)
    }

    /// Decode a file of the layout `expected` into `out`, which it fills. Where something of it is
    /// drawn, `draw` are the random bits.
    ///
    /// # Errors
    /// Where the file cannot be read or has another layout, or [`Error::Unsupported`].
    fn read_into(
        &self,
        path: &Path,
        draw: u64,
        scratch: &mut Self::Scratch,
        expected: &Self::Layout,
        out: &mut [u8],
    ) -> Result<()>;

    /// Decode a file of any layout.
    ///
    /// # Errors
    /// Where the file cannot be read, or [`Error::Unsupported`].
    fn read(
        &self,
        path: &Path,
        draw: u64,
        scratch: &mut Self::Scratch,
    ) -> Result<(Self::Layout, Vec<u8>)>;

    /// Whether an element of a sample is infinite or not a number, or was in the file, the last one
    /// that was read with this scratch memory.
    fn has_nonfinite(&self, layout: &Self::Layout, sample: &[u8], scratch: &Self::Scratch) -> bool;
}

/// A file to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its position among the files of the reader.
    pub index: usize,
    /// Random bits for what is drawn of it.
    pub draw: u64,
}

impl From<usize> for Row {
    /// A file of which nothing is drawn.
    fn from(index: usize) -> Self {
        Self { index, draw: 0 }
    }
}

/// A sample with its layout; none where the format is not supported.
pub type Sample<L> = Option<(L, Vec<u8>)>;

/// What is to be said about the files of a batch.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Positions in the batch of files that the decoder does not support, in ascending order. Their
    /// memory holds nothing in particular.
    pub unsupported: Vec<usize>,
    /// Positions in the batch of samples with an infinite element or one that is not a number.
    pub nonfinite: Vec<usize>,
    /// Time spent on the files, summed over threads.
    pub busy: Duration,
}

/// A batch of files of one layout that has been read, or has failed.
#[derive(Debug)]
pub struct Batch<M> {
    /// The memory that came with it, in order.
    pub memory: Vec<M>,
    /// What is to be said about it, or the error of the first file that could not be read.
    pub result: Result<Outcome>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.unsupported.extend(other.unsupported);
        self.nonfinite.extend(other.nonfinite);
        self.busy += other.busy;
    }

    fn sorted(mut self) -> Self {
        self.unsupported.sort_unstable();
        self.nonfinite.sort_unstable();
        self
    }
}

/// Rows as positions in a table of `num_rows`.
///
/// # Errors
/// [`Error::RowIndex`] for one that is negative or too large.
pub fn checked_rows(rows: &[i64], num_rows: usize) -> Result<Vec<usize>> {
    let checked = |(position, &index): (usize, &i64)| {
        usize::try_from(index)
            .ok()
            .filter(|&row| row < num_rows)
            .ok_or(Error::RowIndex {
                position,
                index,
                num_rows,
            })
    };
    rows.iter().enumerate().map(checked).collect()
}
