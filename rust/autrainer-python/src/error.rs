//! The errors of the core as the classes of `autrainer.errors`.

use std::io;
use std::path::Path;

use autrainer_core::Error;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// The exception that Python sees.
pub(crate) fn to_py_err(py: Python<'_>, error: Error) -> PyErr {
    match &error {
        Error::EmptyBatch
        | Error::SampleShapes { .. }
        | Error::SampleDtypes { .. }
        | Error::OutputShape { .. }
        | Error::OutputDtype { .. }
        | Error::Overlap { .. }
        | Error::Argument { .. }
        | Error::Length { .. }
        | Error::RowIndex { .. }
        | Error::LabelCode { .. }
        | Error::NumSamples { .. }
        | Error::Positions { .. }
        | Error::NpyHeader { .. }
        | Error::Unsupported { .. }
        | Error::SampleLayout { .. }
        | Error::NothingSubmitted => data_error(py, error.to_string()),
        Error::Corrupt { .. } | Error::DecoderPanic { .. } => {
            corrupt_file_error(py, error.to_string())
        }
        Error::Read { path, source } => {
            PyOSError::new_err((errno(source), reason(source), path.as_os_str().to_owned()))
        }
        Error::Write { path, source } => output_error(py, path, source),
        Error::NotAFile { path } => output_error(py, path, &io::Error::other("is no regular file")),
    }
}

fn data_error(py: Python<'_>, message: String) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match CLASS.import(py, "autrainer.errors", "DataError") {
        Ok(class) => PyErr::from_type(class.clone(), message),
        Err(error) => error,
    }
}

fn corrupt_file_error(py: Python<'_>, message: String) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match CLASS.import(py, "autrainer.errors", "CorruptFileError") {
        Ok(class) => PyErr::from_type(class.clone(), message),
        Err(error) => error,
    }
}

fn output_error(py: Python<'_>, path: &Path, source: &io::Error) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let message = format!("{}; {}", reason(source), advice(source));
    match CLASS.import(py, "autrainer.errors", "OutputError") {
        Ok(class) => PyErr::from_type(
            class.clone(),
            (errno(source), message, path.as_os_str().to_owned()),
        ),
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
