//! Files as arrays.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use autrainer_core::Error;
use autrainer_core::decode::{self, DType, Format, Layout, Scratch, WavOptions};
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use crate::arrays::{Source, Target, detached, dtype_name};
use crate::error::to_py_err;
use crate::guard::guarded;

thread_local! {
    /// Memory that calls of one thread pass on. Taken out while in use: an allocation may run
    /// Python code that decodes as well.
    static SCRATCH: Cell<Option<Scratch>> = const { Cell::new(None) };
}

/// Content of a file; None if it is written in a way that is not known here.
#[pyfunction]
#[pyo3(signature = (path, kind, sample_rate_hz=None, offset_s=0.0, duration_s=None))]
pub(crate) fn decode_file<'py>(
    py: Python<'py>,
    path: PathBuf,
    kind: &str,
    sample_rate_hz: Option<u32>,
    offset_s: f64,
    duration_s: Option<f64>,
) -> PyResult<Option<Bound<'py, PyUntypedArray>>> {
    guarded(py, || {
        let format = format(py, kind, sample_rate_hz, offset_s, duration_s)?;
        let mut scratch = SCRATCH.take().unwrap_or_default();
        let array = decoded(py, &format, &path, &mut scratch);
        SCRATCH.set(Some(scratch));
        array
    })
}

fn decoded<'py>(
    py: Python<'py>,
    format: &Format,
    path: &Path,
    scratch: &mut Scratch,
) -> PyResult<Option<Bound<'py, PyUntypedArray>>> {
    let opened = match py.detach(|| format.open(path, scratch)) {
        Ok(opened) => opened,
        Err(Error::Unsupported { .. }) => return Ok(None),
        Err(error) => return Err(to_py_err(py, error)),
    };
    let array = empty(py, opened.layout())?;
    let mut target = Target::new(&array)?;
    let out = target.bytes_mut();
    match py.detach(|| opened.read_into(out)) {
        Ok(()) => Ok(Some(array)),
        Err(Error::Unsupported { .. }) => Ok(None),
        Err(error) => Err(to_py_err(py, error)),
    }
}

/// Shape and dtype of what `decode_file` would return, from the header of the file.
#[pyfunction]
#[pyo3(signature = (path, kind, sample_rate_hz=None, offset_s=0.0, duration_s=None))]
pub(crate) fn file_layout<'py>(
    py: Python<'py>,
    path: PathBuf,
    kind: &str,
    sample_rate_hz: Option<u32>,
    offset_s: f64,
    duration_s: Option<f64>,
) -> PyResult<Option<(Bound<'py, PyTuple>, &'static str)>> {
    guarded(py, || {
        let format = format(py, kind, sample_rate_hz, offset_s, duration_s)?;
        let mut scratch = SCRATCH.take().unwrap_or_default();
        let layout = py.detach(|| format.layout(&path, &mut scratch));
        SCRATCH.set(Some(scratch));
        match layout {
            Ok(layout) => Ok(Some((PyTuple::new(py, layout.shape)?, layout.dtype.name()))),
            Err(Error::Unsupported { .. }) => Ok(None),
            Err(error) => Err(to_py_err(py, error)),
        }
    })
}

/// Position in the flattened array of the first element that is infinite or not a number.
#[pyfunction]
pub(crate) fn first_nonfinite(
    py: Python<'_>,
    array: &Bound<'_, PyUntypedArray>,
) -> PyResult<Option<usize>> {
    guarded(py, || {
        let Some(dtype) = dtype(array) else {
            let error = Error::Argument {
                argument: "array",
                found: format!("an array of {}", dtype_name(&array.dtype())),
                expected: "an array of numbers in the order of bytes of this machine",
            };
            return Err(to_py_err(py, error));
        };
        if !dtype.is_float() {
            return Ok(None);
        }
        let source = Source::new(array, "array")?;
        let bytes = source.bytes();
        Ok(detached(py, bytes.len(), || {
            decode::first_nonfinite(dtype, bytes)
        }))
    })
}

/// The format of a kind with its options.
pub(crate) fn format(
    py: Python<'_>,
    kind: &str,
    sample_rate_hz: Option<u32>,
    offset_s: f64,
    duration_s: Option<f64>,
) -> PyResult<Format> {
    let refused = |argument, found: String, expected| {
        let error = Error::Argument {
            argument,
            found,
            expected,
        };
        Err(to_py_err(py, error))
    };
    let is_time = |seconds: f64| seconds.is_finite() && seconds >= 0.0;
    const SECONDS: &str = "a finite number of seconds from 0 on";
    if !is_time(offset_s) {
        return refused("offset_s", offset_s.to_string(), SECONDS);
    }
    if let Some(duration_s) = duration_s.filter(|seconds| !is_time(*seconds)) {
        return refused("duration_s", duration_s.to_string(), SECONDS);
    }
    match kind {
        "npy" => Ok(Format::Npy),
        "image" => Ok(Format::Image),
        "wav" => Ok(Format::Wav(WavOptions {
            sample_rate_hz,
            offset_s,
            duration_s,
        })),
        _ => refused("kind", format!("'{kind}'"), "one of 'npy', 'wav', 'image'"),
    }
}

/// The type of the elements of an array; none if the core does not know it.
pub(crate) fn dtype(array: &Bound<'_, PyUntypedArray>) -> Option<DType> {
    // Not by its name, which Python code makes: an interrupt may come in the middle of it.
    let found = array.dtype();
    let is_native = matches!(found.byteorder(), b'=' | b'|');
    DType::ALL.into_iter().find(|dtype| {
        is_native
            && dtype.size() == found.itemsize()
            && dtype.name().as_bytes().first() == Some(&found.kind())
    })
}

/// A new array, as `numpy.empty` makes it.
pub(crate) fn empty<'py>(py: Python<'py>, layout: &Layout) -> PyResult<Bound<'py, PyUntypedArray>> {
    static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    // First: all else in the crate for NumPy panics where NumPy cannot be imported.
    let empty = EMPTY.get_or_try_init(py, || {
        let function = numpy::get_array_module(py)?.getattr("empty")?;
        PyResult::Ok(function.unbind())
    })?;
    let shape = PyTuple::new(py, &layout.shape)?;
    let dtype = PyArrayDescr::new(py, layout.dtype.name())?;
    Ok(empty.bind(py).call1((shape, dtype))?.cast_into()?)
}
