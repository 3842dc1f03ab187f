//! Files decoded by threads into NumPy arrays.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use autrainer_core::decode::{Layout, Pad};
use autrainer_core::stream::{
    Batch, Files, FormatDecoder, Reader, Row, checked_rows, rows_per_unit,
};
use numpy::{PyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;

use crate::conversions::{
    AxisPad, Outcome, ShapeAndDtype, array_of, damage, paths_of, shape_and_dtype,
};
use crate::decode::{NativeFormat, dtype};
use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::pieces::{Piece, pieces_of};
use crate::views::{ReadView, WriteView, dtype_name};

/// Ctrl-C is noticed this often.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// In line, Ctrl-C is noticed after so many bytes or files.
const BYTES_PER_CHUNK: usize = 32 << 20;
const FILES_PER_CHUNK: usize = 256;

/// Files that are looked at between two looks at signals.
const INSPECTED_FILES: usize = 4096;

type Rows<'py> = Bound<'py, PyArray1<i64>>;
/// Random bits for each row; zeros where none are given.
type Draws<'py> = Option<Bound<'py, PyArray1<u64>>>;
type Arrays = Vec<Option<Py<PyAny>>>;

/// Files decoded by a pool of threads, in order, ahead of the consumer.
#[pyclass(frozen)]
pub(crate) struct FileReader {
    files: Arc<Files<FormatDecoder>>,
    num_threads: usize,
    /// Locked for a moment only, and by whoever has the GIL: whoever forks finds it free.
    reader: Mutex<Arc<Reader<FormatDecoder, Piece>>>,
}

#[pymethods]
impl FileReader {
    #[new]
    #[pyo3(signature = (paths, format, *, num_threads, check_finite, pad=None))]
    fn new(
        paths: &Bound<'_, PyAny>,
        format: NativeFormat,
        num_threads: usize,
        check_finite: bool,
        pad: Option<AxisPad>,
    ) -> Result<Self> {
        let py = paths.py();
        guarded(py, || {
            let files = Arc::new(Files {
                paths: paths_of(paths)?,
                decoder: FormatDecoder {
                    format: py.detach(|| format.check())?,
                    pad: pad.map(Pad::from),
                },
                check_finite,
            });
            Ok(Self {
                reader: Mutex::new(Arc::new(Reader::new(Arc::clone(&files), num_threads))),
                files,
                num_threads,
            })
        })
    }

    /// Path of a row.
    fn path(&self, row: usize) -> Result<OsString> {
        Ok(self.files.path(row)?.as_os_str().to_owned())
    }

    /// Number of files.
    fn __len__(&self) -> usize {
        self.files.paths.len()
    }

    /// Shapes and dtypes of the files of `rows`, none where the format is not supported.
    fn layouts<'py>(
        &self,
        py: Python<'py>,
        rows: &Rows<'py>,
    ) -> Result<Vec<Option<ShapeAndDtype<'py>>>> {
        guarded(py, || {
            let rows = self.checked_rows(rows)?;
            let layouts = py.detach(|| self.files.layouts(&rows))?;
            let described =
                |layout: Option<Layout>| layout.map(|l| shape_and_dtype(py, l)).transpose();
            layouts.into_iter().map(described).collect()
        })
    }

    /// Positions in `rows` of files that are damaged, and how; none where only decoding can tell.
    fn inspect(
        &self,
        py: Python<'_>,
        rows: &Rows<'_>,
        num_threads: usize,
    ) -> Result<Vec<(usize, Option<String>)>> {
        guarded(py, || {
            let rows = self.checked_rows(rows)?;
            let mut damaged = Vec::new();
            for (number, rows) in rows.chunks(INSPECTED_FILES).enumerate() {
                py.check_signals()?;
                let first = number * INSPECTED_FILES;
                for (position, error) in py.detach(|| self.files.inspect(rows, num_threads)) {
                    damaged.push((first + position, damage(py, error)?));
                }
            }
            Ok(damaged)
        })
    }

    /// Decode the files of `rows` into `out`.
    #[pyo3(signature = (rows, out, draws=None))]
    fn read(
        &self,
        py: Python<'_>,
        rows: &Rows<'_>,
        out: &Bound<'_, PyUntypedArray>,
        draws: Draws<'_>,
    ) -> Result<Outcome> {
        guarded(py, || {
            let (rows, layout, sample_bytes) = self.checked(rows, out, draws)?;
            let chunk = BYTES_PER_CHUNK
                .checked_div(sample_bytes)
                .unwrap_or(FILES_PER_CHUNK)
                .clamp(1, FILES_PER_CHUNK);
            let pieces = in_chunks(out, rows.len(), chunk, sample_bytes)?;
            let reader = self.reader();
            let mut outcome = Outcome::default();
            for ((number, rows), piece) in rows.chunks(chunk).enumerate().zip(pieces) {
                py.check_signals()?;
                let batch = py.detach(|| reader.read_into(rows, layout.clone(), piece));
                outcome.add(batch.result?, number * chunk);
            }
            Ok(outcome)
        })
    }

    /// Decode the files of `rows` into arrays of their own.
    #[pyo3(signature = (rows, draws=None))]
    fn read_each(
        &self,
        py: Python<'_>,
        rows: &Rows<'_>,
        draws: Draws<'_>,
    ) -> Result<(Arrays, Outcome)> {
        guarded(py, || {
            let rows = drawn(self.checked_rows(rows)?, draws)?;
            let reader = self.reader();
            let mut outcome = Outcome::default();
            let mut arrays = Arrays::with_capacity(rows.len());
            for (number, rows) in rows.chunks(FILES_PER_CHUNK).enumerate() {
                py.check_signals()?;
                let (samples, found) = py.detach(|| reader.read_each(rows))?;
                outcome.add(found, number * FILES_PER_CHUNK);
                for sample in samples {
                    arrays.push(array_of(py, sample)?);
                }
            }
            Ok((arrays, outcome))
        })
    }

    /// Queue a batch of files of one layout, to be decoded into `out`, which nobody else may read
    /// or write until then.
    #[pyo3(signature = (rows, out, draws=None))]
    fn submit(
        &self,
        py: Python<'_>,
        rows: &Rows<'_>,
        out: &Bound<'_, PyUntypedArray>,
        draws: Draws<'_>,
    ) -> Result<()> {
        guarded(py, || {
            let (rows, layout, sample_bytes) = self.checked(rows, out, draws)?;
            let chunk = rows_per_unit(rows.len(), sample_bytes, self.num_threads);
            let pieces = in_chunks(out, rows.len(), chunk, sample_bytes)?;
            Ok(self.reader().submit(&rows, layout, chunk, pieces)?)
        })
    }

    /// What is to be said about the oldest batch that was submitted, once it is complete.
    fn wait(&self, py: Python<'_>, timeout_s: f64) -> Result<Outcome> {
        guarded(py, || {
            let reader = self.reader();
            let batch = match reader.wait(Some(Duration::ZERO), false)? {
                Some(batch) => batch,
                None => wait_in_slices(py, &reader, timeout_s)?,
            };
            // Before anybody looks at the error: the array is whose it was.
            drop(batch.memory);
            let mut outcome = Outcome::default();
            outcome.add(batch.result?, 0);
            Ok(outcome)
        })
    }

    /// Forget all batches; returns when no thread writes any more.
    fn cancel(&self, py: Python<'_>) {
        let reader = self.reader();
        drop(py.detach(|| reader.cancel()));
    }

    /// Forget all batches and end the threads; a later `submit` starts new ones.
    fn close(&self, py: Python<'_>) {
        let old = self.reader();
        drop(py.detach(|| old.cancel()));
        self.replace();
        // Ends the threads here, unless somebody else still waits for the reader.
        py.detach(|| drop(old));
    }
}

impl FileReader {
    /// The reader of this process: one that was made before a fork lacks its threads.
    fn reader(&self) -> Arc<Reader<FormatDecoder, Piece>> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.is_own_process() {
            return Arc::clone(&reader);
        }
        drop(reader);
        self.replace()
    }

    fn replace(&self) -> Arc<Reader<FormatDecoder, Piece>> {
        let new = Arc::new(Reader::new(Arc::clone(&self.files), self.num_threads));
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        new
    }

    fn checked_rows(&self, rows: &Rows<'_>) -> Result<Vec<usize>> {
        let rows = ReadView::elements(rows, "rows")?;
        Ok(checked_rows(rows.as_slice(), self.files.paths.len())?)
    }

    /// Rows, layout of their samples, and bytes of each, where `out` has room for exactly them.
    fn checked(
        &self,
        rows: &Rows<'_>,
        out: &Bound<'_, PyUntypedArray>,
        draws: Draws<'_>,
    ) -> Result<(Vec<Row>, Layout, usize)> {
        let rows = drawn(self.checked_rows(rows)?, draws)?;
        let Some((&num, shape)) = out
            .shape()
            .split_first()
            .filter(|(num, _)| **num == rows.len())
        else {
            return Err(Error::Argument {
                argument: "out",
                found: format!("an array of shape {:?}", out.shape()),
                expected: "an array with one row for each file of the batch",
            });
        };
        let Some(dtype) = dtype(out) else {
            return Err(Error::Argument {
                argument: "out",
                found: format!("an array of {}", dtype_name(&out.dtype())),
                expected: "an array of numbers in the byte order of this machine",
            });
        };
        let layout = Layout {
            dtype,
            shape: shape.to_vec(),
        };
        let sample_bytes = layout.num_bytes().filter(|_| num > 0).unwrap_or(0);
        Ok((rows, layout, sample_bytes))
    }
}

/// Rows with the random bits of each.
fn drawn(rows: Vec<usize>, draws: Draws<'_>) -> Result<Vec<Row>> {
    let Some(draws) = draws else {
        return Ok(rows.into_iter().map(Row::from).collect());
    };
    let draws = ReadView::elements(&draws, "draws")?;
    if draws.as_slice().len() != rows.len() {
        return Err(Error::Argument {
            argument: "draws",
            found: format!("{} of them", draws.as_slice().len()),
            expected: "as many numbers as there are rows",
        });
    }
    let pairs = rows.into_iter().zip(draws.as_slice());
    Ok(pairs.map(|(index, &draw)| Row { index, draw }).collect())
}

/// The memory of `out` in pieces for `chunk` files each.
fn in_chunks(
    out: &Bound<'_, PyUntypedArray>,
    num_files: usize,
    chunk: usize,
    sample_bytes: usize,
) -> Result<Vec<Piece>> {
    let view = WriteView::new(out, "out")?;
    let piece_bytes = chunk.saturating_mul(sample_bytes);
    pieces_of(view, piece_bytes, num_files.div_ceil(chunk))
}

/// The batch that `reader` is at, with a look at signals every now and then.
fn wait_in_slices(
    py: Python<'_>,
    reader: &Reader<FormatDecoder, Piece>,
    timeout_s: f64,
) -> Result<Batch<Piece>> {
    // No timeout, or one beyond what a clock can tell, means for ever.
    let timeout = Duration::try_from_secs_f64(timeout_s).unwrap_or(Duration::ZERO);
    let deadline = Instant::now()
        .checked_add(timeout)
        .filter(|_| !timeout.is_zero());
    loop {
        let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
        let slice = left.map_or(SIGNAL_INTERVAL, |left| left.min(SIGNAL_INTERVAL));
        if let Some(batch) = py.detach(|| reader.wait(Some(slice), deadline.is_none()))? {
            return Ok(batch);
        }
        py.check_signals()?;
        if left.is_some_and(|left| left.is_zero()) {
            let message = format!("no batch within {timeout_s} s; files take longer to be read");
            return Err(PyTimeoutError::new_err(message).into());
        }
    }
}
