//! Files decoded by threads into NumPy arrays.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use autrainer_core::decode::{Layout, Pad};
use autrainer_core::stream::{
    Batch, Files, Outcome, Paths, Reader, Sample, Samples, checked_rows, rows_per_unit,
};
use autrainer_core::{Error, Result};
use numpy::{PyArray1, PyArrayDescr, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::arrays::{Piece, Target, dtype_name};
use crate::decode::{dtype, format as format_of};
use crate::error::to_py_err;
use crate::guard::guarded;

/// Ctrl-C is noticed this often.
const SLICE: Duration = Duration::from_millis(50);

/// In line, Ctrl-C is noticed after so many bytes or files.
const SLICE_BYTES: usize = 32 << 20;
const SLICE_FILES: usize = 256;

/// Files that are looked at between two looks at signals.
const INSPECTED_FILES: usize = 4096;

type Rows<'py> = PyReadonlyArray1<'py, i64>;
type Read = Batch<Layout, Piece>;
/// Kind, sample rate, offset and duration, as `decode_file` takes them.
type FormatFields = (String, Option<u32>, f64, Option<f64>);
/// Positions of unsupported files, positions of samples that are not finite, seconds of work.
type Told = (Vec<usize>, Vec<usize>, f64);
type Arrays = Vec<Option<Py<PyAny>>>;
/// Shape, and the name of the dtype.
type ShapeAndDtype<'py> = (Bound<'py, PyTuple>, &'static str);

/// Files decoded by a pool of threads, in order, ahead of the consumer.
#[pyclass(frozen)]
pub(crate) struct FileReader {
    files: Arc<Files<Samples>>,
    num_threads: usize,
    /// Locked for a moment only, and by whoever has the GIL: whoever forks finds it free.
    reader: Mutex<Arc<Reader<Samples, Piece>>>,
}

#[pymethods]
impl FileReader {
    #[new]
    #[pyo3(signature = (paths, format, *, num_threads, check_finite, pad=None))]
    fn new(
        py: Python<'_>,
        paths: &Bound<'_, PyAny>,
        format: FormatFields,
        num_threads: usize,
        check_finite: bool,
        pad: Option<(isize, bool, bool)>,
    ) -> PyResult<Self> {
        let (kind, sample_rate_hz, offset_s, duration_s) = format;
        let files = Arc::new(Files {
            paths: packed(paths)?,
            decoder: Samples {
                format: format_of(py, &kind, sample_rate_hz, offset_s, duration_s)?,
                pad: pad.map(|(axis, crop, keeps_rest)| Pad {
                    axis,
                    crop,
                    keeps_rest,
                }),
            },
            check_finite,
        });
        Ok(Self {
            reader: Mutex::new(Arc::new(Reader::new(Arc::clone(&files), num_threads))),
            files,
            num_threads,
        })
    }

    /// Path of a row.
    fn path(&self, py: Python<'_>, row: usize) -> PyResult<OsString> {
        let path = self.files.path(row).map_err(raised(py))?;
        Ok(path.as_os_str().to_owned())
    }

    /// Number of files.
    fn __len__(&self) -> usize {
        self.files.paths.len()
    }

    /// Shapes and dtypes of the files of `rows`, none where the format is not supported.
    fn layouts<'py>(
        &self,
        py: Python<'py>,
        rows: Rows<'py>,
    ) -> PyResult<Vec<Option<ShapeAndDtype<'py>>>> {
        guarded(py, || {
            let rows = self.checked_rows(&rows).map_err(raised(py))?;
            let layouts = py.detach(|| self.files.layouts(&rows));
            let told = |layout: Layout| Ok((PyTuple::new(py, &layout.shape)?, layout.dtype.name()));
            let layouts = layouts.map_err(raised(py))?.into_iter();
            layouts.map(|layout| layout.map(told).transpose()).collect()
        })
    }

    /// Positions in `rows` of files that are damaged, and how; none where only decoding can tell.
    fn inspect(
        &self,
        py: Python<'_>,
        rows: Rows<'_>,
        num_threads: usize,
    ) -> PyResult<Vec<(usize, Option<String>)>> {
        let rows = self.checked_rows(&rows).map_err(raised(py))?;
        let mut told = Vec::new();
        for (number, rows) in rows.chunks(INSPECTED_FILES).enumerate() {
            py.check_signals()?;
            let first = number * INSPECTED_FILES;
            for (position, error) in py.detach(|| self.files.inspect(rows, num_threads)) {
                let message = match error {
                    Error::Unsupported { .. } => None,
                    error => Some(to_py_err(py, error).value(py).to_string()),
                };
                told.push((first + position, message));
            }
        }
        Ok(told)
    }

    /// Decode the files of `rows` into `out`.
    fn read(
        &self,
        py: Python<'_>,
        rows: Rows<'_>,
        out: &Bound<'_, PyUntypedArray>,
    ) -> PyResult<Told> {
        guarded(py, || {
            let (rows, layout, sample_bytes) = self.checked(&rows, out).map_err(raised(py))?;
            let chunk = SLICE_BYTES
                .checked_div(sample_bytes)
                .unwrap_or(SLICE_FILES)
                .clamp(1, SLICE_FILES);
            let num = rows.len().div_ceil(chunk);
            let pieces = Target::new(out)?.into_pieces(chunk.saturating_mul(sample_bytes), num);
            let reader = self.reader();
            let mut told = Told::default();
            for ((number, rows), piece) in rows.chunks(chunk).enumerate().zip(pieces) {
                py.check_signals()?;
                let batch = py.detach(|| reader.read_into(rows, layout.clone(), piece));
                add(&mut told, batch.result.map_err(raised(py))?, number * chunk);
            }
            Ok(told)
        })
    }

    /// Decode the files of `rows` into arrays of their own.
    fn read_each(&self, py: Python<'_>, rows: Rows<'_>) -> PyResult<(Arrays, Told)> {
        guarded(py, || {
            let rows = self.checked_rows(&rows).map_err(raised(py))?;
            let reader = self.reader();
            let mut told = Told::default();
            let mut samples = Arrays::with_capacity(rows.len());
            for (number, rows) in rows.chunks(SLICE_FILES).enumerate() {
                py.check_signals()?;
                let batch = py.detach(|| reader.read_each(rows));
                add(
                    &mut told,
                    batch.result.map_err(raised(py))?,
                    number * SLICE_FILES,
                );
                extend(py, &mut samples, batch.samples)?;
            }
            Ok((samples, told))
        })
    }

    /// Queue a batch of files of one layout, to be decoded into `out`.
    fn submit(
        &self,
        py: Python<'_>,
        rows: Rows<'_>,
        out: &Bound<'_, PyUntypedArray>,
    ) -> PyResult<()> {
        guarded(py, || {
            let (rows, layout, sample_bytes) = self.checked(&rows, out).map_err(raised(py))?;
            let chunk = rows_per_unit(rows.len(), sample_bytes, self.num_threads);
            let num = rows.len().div_ceil(chunk);
            let pieces = Target::new(out)?.into_pieces(chunk.saturating_mul(sample_bytes), num);
            let submitted = self.reader().submit_into(&rows, layout, chunk, pieces);
            submitted.map_err(raised(py))
        })
    }

    /// Queue a batch of files of any layouts.
    fn submit_each(&self, py: Python<'_>, rows: Rows<'_>) -> PyResult<()> {
        guarded(py, || {
            let rows = self.checked_rows(&rows).map_err(raised(py))?;
            self.reader().submit_each(&rows);
            Ok(())
        })
    }

    /// The oldest batch that was submitted: its samples that have arrays of their own, and what is
    /// to be said about it.
    fn wait(&self, py: Python<'_>, timeout_s: f64) -> PyResult<(Arrays, Told)> {
        guarded(py, || {
            let reader = self.reader();
            let ready = reader
                .wait(Some(Duration::ZERO), false)
                .map_err(raised(py))?;
            let batch = match ready {
                Some(batch) => batch,
                None => wait_in_slices(py, &reader, timeout_s)?,
            };
            let mut told = Told::default();
            add(&mut told, batch.result.map_err(raised(py))?, 0);
            let mut samples = Arrays::with_capacity(batch.samples.len());
            extend(py, &mut samples, batch.samples)?;
            Ok((samples, told))
        })
    }

    /// Number of batches that were submitted and not yet waited for.
    #[getter]
    fn num_pending(&self) -> usize {
        self.reader().num_pending()
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
    fn reader(&self) -> Arc<Reader<Samples, Piece>> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.is_at_home() {
            return Arc::clone(&reader);
        }
        drop(reader);
        self.replace()
    }

    fn replace(&self) -> Arc<Reader<Samples, Piece>> {
        let new = Arc::new(Reader::new(Arc::clone(&self.files), self.num_threads));
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        new
    }

    fn checked_rows(&self, rows: &Rows<'_>) -> Result<Vec<usize>> {
        match rows.as_slice() {
            Ok(rows) => checked_rows(rows, self.files.paths.len()),
            Err(_) => checked_rows(&rows.as_array().to_vec(), self.files.paths.len()),
        }
    }

    /// Rows, layout of their samples, and bytes of each, where `out` has room for exactly them.
    fn checked(
        &self,
        rows: &Rows<'_>,
        out: &Bound<'_, PyUntypedArray>,
    ) -> Result<(Vec<usize>, Layout, usize)> {
        let rows = self.checked_rows(rows)?;
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

/// The batch that `reader` is at, with a look at signals every now and then.
fn wait_in_slices(
    py: Python<'_>,
    reader: &Reader<Samples, Piece>,
    timeout_s: f64,
) -> PyResult<Read> {
    // No timeout, or one beyond what a clock can tell, means for ever.
    let timeout = Duration::try_from_secs_f64(timeout_s).unwrap_or(Duration::ZERO);
    let deadline = Instant::now()
        .checked_add(timeout)
        .filter(|_| !timeout.is_zero());
    loop {
        let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
        let slice = left.map_or(SLICE, |left| left.min(SLICE));
        if let Some(batch) = py
            .detach(|| reader.wait(Some(slice), deadline.is_none()))
            .map_err(raised(py))?
        {
            return Ok(batch);
        }
        py.check_signals()?;
        if left.is_some_and(|left| left.is_zero()) {
            let message = format!("no batch within {timeout_s} s; files take longer to be read");
            return Err(PyTimeoutError::new_err(message));
        }
    }
}

fn raised(py: Python<'_>) -> impl Fn(Error) -> PyErr {
    move |error| to_py_err(py, error)
}

fn add(told: &mut Told, outcome: Outcome, first: usize) {
    told.0
        .extend(outcome.unsupported.iter().map(|position| first + position));
    told.1
        .extend(outcome.nonfinite.iter().map(|position| first + position));
    told.2 += outcome.busy.as_secs_f64();
}

/// Append samples as arrays, which take their memory over.
fn extend(py: Python<'_>, arrays: &mut Arrays, samples: Vec<Sample<Layout>>) -> PyResult<()> {
    for sample in samples {
        arrays.push(match sample {
            None => None,
            Some((layout, bytes)) => {
                let dtype = PyArrayDescr::new(py, layout.dtype.name())?;
                let array = PyArray1::from_vec(py, bytes).call_method1("view", (dtype,))?;
                let shape = PyTuple::new(py, &layout.shape)?;
                Some(array.call_method1("reshape", (shape,))?.unbind())
            }
        });
    }
    Ok(())
}

fn packed(paths: &Bound<'_, PyAny>) -> PyResult<Paths> {
    let mut table = Paths::default();
    for path in paths.try_iter()? {
        let path = path?;
        match path
            .cast::<PyString>()
            .ok()
            .and_then(|text| text.to_str().ok())
        {
            Some(text) => table.push(Path::new(text)),
            // A name that is no Unicode, or an object that stands for a path.
            None => table.push(&path.extract::<PathBuf>()?),
        }
    }
    Ok(table)
}
