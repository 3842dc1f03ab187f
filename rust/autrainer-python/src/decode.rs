//! Files as arrays.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use autrainer_core::Error as CoreError;
use autrainer_core::audio::{AudioOptions, Crop, Fill, Span};
use autrainer_core::decode::{self, DType, Format, Input, Layout, Opened, Scratch};
use autrainer_core::panics::catch_decoder_panic;
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use crate::error::{Error, Result};
use crate::features::{PyStep, steps};
use crate::guard::guarded;
use crate::views::{ReadView, WriteView, detached, dtype_name};

thread_local! {
    /// Memory that calls of one thread pass on. Taken out while in use: an allocation may run
    /// Python code that decodes as well.
    static SCRATCH: Cell<Option<Scratch>> = const { Cell::new(None) };
}

/// The attributes of `autrainer.data.native.decode.NativeFormat`.
#[derive(FromPyObject)]
pub(crate) struct NativeFormat {
    kind: String,
    sample_rate_hz: Option<u32>,
    offset_s: f64,
    duration_s: Option<f64>,
    crop: Option<AudioCrop>,
    steps: Vec<PyStep>,
}

/// The attributes of `autrainer.features.settings.Crop`.
#[derive(FromPyObject)]
pub(crate) struct AudioCrop {
    size: usize,
    value: Option<f64>,
    by_share: bool,
}

impl From<AudioCrop> for Crop {
    fn from(crop: AudioCrop) -> Self {
        Self {
            len: crop.size,
            draw: 0,
            by_share: crop.by_share,
            fill: crop
                .value
                .map_or(Fill::Repeat, |value| Fill::Value(value as f32)),
        }
    }
}

impl NativeFormat {
    /// The format of the core.
    pub(crate) fn check(self) -> Result<Format> {
        check_seconds("offset_s", self.offset_s)?;
        if let Some(duration_s) = self.duration_s {
            check_seconds("duration_s", duration_s)?;
        }
        match self.kind.as_str() {
            "npy" => Ok(Format::Npy),
            "image" => Ok(Format::Image),
            "audio" => Ok(Format::Audio(AudioOptions {
                sample_rate_hz: self.sample_rate_hz,
                span: Span::Seconds {
                    offset: self.offset_s,
                    duration: self.duration_s,
                },
                crop: self.crop.map(Crop::from),
                steps: steps(self.steps)?,
            })),
            _ => Err(Error::Argument {
                argument: "kind",
                found: format!("'{}'", self.kind),
                expected: "one of 'npy', 'audio', 'image'",
            }),
        }
    }
}

pub(crate) fn check_seconds(argument: &'static str, seconds: f64) -> Result<()> {
    if seconds.is_finite() && seconds >= 0.0 {
        return Ok(());
    }
    Err(Error::Argument {
        argument,
        found: seconds.to_string(),
        expected: "a finite number of seconds from 0 on",
    })
}

/// Content of a file; None if it is written in a way that is not known here.
#[pyfunction]
pub(crate) fn decode_file<'py>(
    py: Python<'py>,
    path: PathBuf,
    format: NativeFormat,
) -> Result<Option<Bound<'py, PyUntypedArray>>> {
    guarded(py, || {
        let format = py.detach(|| format.check())?;
        with_scratch(|scratch| supported(decoded(py, &format, &path, scratch)))
    })
}

/// Whether `decode_file` would return something, from the header of the file.
#[pyfunction]
pub(crate) fn can_decode(py: Python<'_>, path: PathBuf, format: NativeFormat) -> Result<bool> {
    guarded(py, || {
        let format = py.detach(|| format.check())?;
        let layout = with_scratch(|scratch| {
            let layout =
                || catch_decoder_panic(&path, scratch, |scratch| format.layout(&path, scratch));
            supported(py.detach(layout).map_err(Error::from))
        });
        Ok(layout?.is_some())
    })
}

fn decoded<'py>(
    py: Python<'py>,
    format: &Format,
    path: &Path,
    scratch: &mut Scratch,
) -> Result<Bound<'py, PyUntypedArray>> {
    // After a panic `scratch` is not used again: see `with_scratch`.
    let opened =
        py.detach(|| catch_decoder_panic(path, &mut (), |()| format.open(path, scratch)))?;
    let array = empty(py, opened.layout())?;
    read_into(py, path, opened, &array)?;
    Ok(array)
}

/// Read a file whose headers are read into an array of its layout.
pub(crate) fn read_into<I: Input + Send>(
    py: Python<'_>,
    path: &Path,
    opened: Opened<'_, I>,
    array: &Bound<'_, PyUntypedArray>,
) -> Result<()> {
    let mut target = WriteView::new(array, "out")?;
    let out = target.as_mut_slice();
    Ok(py.detach(|| catch_decoder_panic(path, &mut (), |()| opened.read_into(out)))?)
}

/// Do something with the scratch memory of this thread, which is thrown away after an error.
pub(crate) fn with_scratch<T>(work: impl FnOnce(&mut Scratch) -> Result<T>) -> Result<T> {
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let result = work(&mut scratch);
    if result.is_ok() {
        SCRATCH.set(Some(scratch));
    }
    result
}

/// None where the error is that a format is not supported.
fn supported<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Error::Core(CoreError::Unsupported { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Position in the flattened array of the first element that is infinite or not a number.
#[pyfunction]
pub(crate) fn first_nonfinite(
    py: Python<'_>,
    array: &Bound<'_, PyUntypedArray>,
) -> Result<Option<usize>> {
    guarded(py, || {
        let Some(dtype) = dtype(array) else {
            return Err(Error::Argument {
                argument: "array",
                found: format!("an array of {}", dtype_name(&array.dtype())),
                expected: "an array of numbers in the order of bytes of this machine",
            });
        };
        if !dtype.is_float() {
            return Ok(None);
        }
        let view = ReadView::bytes(array, "array")?;
        let bytes = view.as_slice();
        Ok(detached(py, bytes.len(), || {
            decode::first_nonfinite(dtype, bytes)
        }))
    })
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
pub(crate) fn empty<'py>(py: Python<'py>, layout: &Layout) -> Result<Bound<'py, PyUntypedArray>> {
    static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    // First: all else in the crate for NumPy panics where NumPy cannot be imported.
    let empty = EMPTY.get_or_try_init(py, || {
        let function = numpy::get_array_module(py)?.getattr("empty")?;
        PyResult::Ok(function.unbind())
    })?;
    let shape = PyTuple::new(py, &layout.shape)?;
    let dtype = PyArrayDescr::new(py, layout.dtype.name())?;
    let array = empty.bind(py).call1((shape, dtype))?;
    Ok(array.cast_into().map_err(PyErr::from)?)
}
