//! What a reader of files takes from Python, and what it gives back.

use std::path::{Path, PathBuf};

use autrainer_core::Error as CoreError;
use autrainer_core::decode::{Layout, Pad};
use autrainer_core::stream::{self, Paths, Sample};
use numpy::{PyArray1, PyArrayDescr};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::error::{Error, Result};

/// The attributes of `autrainer.data.native.file_reader.AxisPad`.
#[derive(FromPyObject)]
pub(crate) struct AxisPad {
    axis: isize,
    crop: bool,
    keeps_rest: bool,
}

/// What is to be said about the files of a batch.
#[pyclass(frozen, get_all, module = "autrainer._core")]
#[derive(Default)]
pub(crate) struct Outcome {
    /// Positions in the batch of files that are not supported, in ascending order.
    unsupported: Vec<usize>,
    /// Positions in the batch of samples that are not finite, in ascending order.
    nonfinite: Vec<usize>,
    /// Time that threads spent on the files, in seconds.
    busy_s: f64,
}

impl From<AxisPad> for Pad {
    fn from(pad: AxisPad) -> Self {
        Self {
            axis: pad.axis,
            crop: pad.crop,
            keeps_rest: pad.keeps_rest,
        }
    }
}

impl Outcome {
    /// Add what is to be said about files from position `first` on.
    pub(crate) fn add(&mut self, outcome: stream::Outcome, first: usize) {
        let moved = |position: usize| first + position;
        self.unsupported
            .extend(outcome.unsupported.into_iter().map(moved));
        self.nonfinite
            .extend(outcome.nonfinite.into_iter().map(moved));
        self.busy_s += outcome.busy.as_secs_f64();
    }
}

/// Shape, and the name of the dtype.
pub(crate) type ShapeAndDtype<'py> = (Bound<'py, PyTuple>, &'static str);

/// A layout as Python has it.
pub(crate) fn shape_and_dtype(py: Python<'_>, layout: Layout) -> Result<ShapeAndDtype<'_>> {
    Ok((PyTuple::new(py, &layout.shape)?, layout.dtype.name()))
}

/// How a file is damaged; none where only decoding it can tell. What is no damage is an error.
pub(crate) fn damage(py: Python<'_>, error: CoreError) -> Result<Option<String>> {
    match error {
        CoreError::Unsupported { .. } => Ok(None),
        CoreError::DecoderPanic { .. } => Err(error.into()),
        error => {
            let error = PyErr::from(Error::from(error));
            Ok(Some(error.value(py).to_string()))
        }
    }
}

/// A sample as an array, which takes its memory over.
pub(crate) fn array_of(py: Python<'_>, sample: Sample<Layout>) -> Result<Option<Py<PyAny>>> {
    let Some((layout, bytes)) = sample else {
        return Ok(None);
    };
    let dtype = PyArrayDescr::new(py, layout.dtype.name())?;
    let array = PyArray1::from_vec(py, bytes).call_method1("view", (dtype,))?;
    let shape = PyTuple::new(py, &layout.shape)?;
    Ok(Some(array.call_method1("reshape", (shape,))?.unbind()))
}

/// Paths in the memory of the core.
pub(crate) fn paths_of(paths: &Bound<'_, PyAny>) -> Result<Paths> {
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
