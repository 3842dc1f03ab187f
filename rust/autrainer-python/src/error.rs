//! What can go wrong in a call from Python, and the class of `autrainer.errors` that says so.

use std::fmt;
use std::io;
use std::path::Path;

use autrainer_core::{Error as CoreError, Shape};
use pyo3::PyErrArguments;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// Result of the functions of this crate.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A cause of failure with its facts: of the core, of Python code, or one that only this crate sees.
#[derive(Debug)]
pub(crate) enum Error {
    /// What the core found.
    Core(CoreError),
    /// What Python code raised.
    Python(PyErr),
    /// Two samples of a batch differ in shape.
    SampleShapes {
        /// Shape of the first sample.
        expected: Vec<usize>,
        /// Position in the batch, and shape, of the sample that differs.
        found: (usize, Vec<usize>),
    },
    /// Two samples of a batch differ in dtype.
    SampleDtypes {
        /// Dtype of the first sample.
        expected: String,
        /// Position in the batch, and dtype, of the sample that differs.
        found: (usize, String),
    },
    /// The array that receives a result has another shape than the result.
    OutputShape {
        expected: Vec<usize>,
        found: Vec<usize>,
    },
    /// The array that receives a result has another dtype than the result.
    OutputDtype { expected: String, found: String },
    /// An argument has memory in common with one that is in use.
    MemoryInUse {
        /// Name of the argument.
        argument: &'static str,
        /// Name of the argument, of this call or another one, that the memory is in use for.
        other: &'static str,
        /// Whether the other one is written, or only read.
        is_written: bool,
    },
    /// An argument is not what the function takes.
    Argument {
        argument: &'static str,
        /// What was passed.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A call panicked outside of any decoder.
    Panic { message: String },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(error @ CoreError::SampleLayout { .. }) => write!(
                f,
                "{error}; pad or crop with the transforms Expand or RandomCrop, or with the loader \
                 option pad"
            ),
            Self::Core(error) => error.fmt(f),
            Self::Python(error) => error.fmt(f),
            Self::SampleShapes { expected, found } => write!(
                f,
                "samples of a batch differ in shape: sample 0 has {}, sample {} has {}; \
                 pad or crop them to one shape",
                Shape(expected),
                found.0,
                Shape(&found.1),
            ),
            Self::SampleDtypes { expected, found } => write!(
                f,
                "samples of a batch differ in dtype: sample 0 has {expected}, sample {} has {}; \
                 convert them to one dtype",
                found.0, found.1,
            ),
            Self::OutputShape { expected, found } => write!(
                f,
                "out has shape {}, the result has {}",
                Shape(found),
                Shape(expected)
            ),
            Self::OutputDtype { expected, found } => {
                write!(f, "out has dtype {found}, the result has {expected}")
            }
            Self::MemoryInUse {
                argument,
                other,
                is_written: true,
            } => write!(
                f,
                "{argument} shares memory with {other}, which is still being written; wait for \
                 that, or pass an array of its own"
            ),
            Self::MemoryInUse {
                argument,
                other,
                is_written: false,
            } => write!(
                f,
                "{argument} shares memory with {other}, which is being read; pass an array of its \
                 own"
            ),
            Self::Argument {
                argument,
                found,
                expected,
            } => write!(f, "{argument} is {found}; it has to be {expected}"),
            Self::Panic { message } => write!(
                f,
                "autrainer._core panicked ({message}); this is a bug of autrainer, please report it"
            ),
        }
    }
}

impl From<CoreError> for Error {
    fn from(error: CoreError) -> Self {
        Self::Core(error)
    }
}

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        Python::attach(|py| raised(py, error))
    }
}

/// The exception that Python sees.
fn raised(py: Python<'_>, error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Core(
            CoreError::EmptyBatch
            | CoreError::Length { .. }
            | CoreError::RowIndex { .. }
            | CoreError::LabelCode { .. }
            | CoreError::NumSamples { .. }
            | CoreError::Positions { .. }
            | CoreError::NpyHeader { .. }
            | CoreError::SampleLayout { .. }
            | CoreError::NothingSubmitted
            | CoreError::SignalTooShort { .. }
            | CoreError::StepShape { .. }
            | CoreError::Picture { .. }
            | CoreError::Memory { .. },
        )
        | Error::SampleShapes { .. }
        | Error::SampleDtypes { .. }
        | Error::OutputShape { .. }
        | Error::OutputDtype { .. }
        | Error::MemoryInUse { .. }
        | Error::Argument { .. } => {
            static DATA: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            of_class(py, &DATA, "DataError", message)
        }
        Error::Core(
            CoreError::ResampleRates { .. }
            | CoreError::ResampleKernel { .. }
            | CoreError::FeatureSetting { .. },
        ) => {
            static CONFIG: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            of_class(py, &CONFIG, "ConfigError", message)
        }
        Error::Core(CoreError::Corrupt { .. }) => {
            static CORRUPT_FILE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            of_class(py, &CORRUPT_FILE, "CorruptFileError", message)
        }
        Error::Core(CoreError::Unsupported { .. }) => {
            static UNSUPPORTED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            of_class(py, &UNSUPPORTED, "UnsupportedFileError", message)
        }
        Error::Core(CoreError::DecoderPanic { .. }) | Error::Panic { .. } => {
            static INTERNAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            of_class(py, &INTERNAL, "InternalError", message)
        }
        Error::Core(CoreError::Read { path, source }) => {
            PyOSError::new_err((errno(&source), reason(&source), path.into_os_string()))
        }
        Error::Core(CoreError::Write { path, source }) => output_error(py, &path, &source),
        Error::Core(CoreError::NotAFile { path }) => {
            output_error(py, &path, &io::Error::other("is no regular file"))
        }
        Error::Python(error) => error,
    }
}

fn output_error(py: Python<'_>, path: &Path, source: &io::Error) -> PyErr {
    static OUTPUT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let message = format!("{}; {}", reason(source), advice(source));
    let arguments = (errno(source), message, path.as_os_str().to_owned());
    of_class(py, &OUTPUT, "OutputError", arguments)
}

/// An exception of `autrainer.errors`, or the one that importing it raises.
fn of_class(
    py: Python<'_>,
    class: &PyOnceLock<Py<PyType>>,
    name: &str,
    arguments: impl PyErrArguments + 'static,
) -> PyErr {
    match class.import(py, "autrainer.errors", name) {
        Ok(class) => PyErr::from_type(class.clone(), arguments),
        Err(error) => error,
    }
}

/// The number of the cause; kinds that Rust found out by itself have none.
fn errno(source: &io::Error) -> i32 {
    const ENOMEM: i32 = 12;
    const EISDIR: i32 = 21;
    const EINVAL: i32 = 22;
    match source.kind() {
        io::ErrorKind::IsADirectory => EISDIR,
        io::ErrorKind::OutOfMemory => ENOMEM,
        _ => source.raw_os_error().unwrap_or(EINVAL),
    }
}

/// What the operating system said, without the number that Python prints by itself.
fn reason(source: &io::Error) -> String {
    let text = source.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "nothing was written: free some space"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "nothing was written: check the permissions of the folder"
        }
        _ => "nothing was written",
    }
}
