//! Panics as errors: what is no `Exception` would pass by everything that handles errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::{PyMemoryError, PyRuntimeError};
use pyo3::prelude::*;

/// What `work` returns, or the error for its panic.
///
/// The crates for Python and NumPy panic where Python has an error: when memory is short, or when
/// a signal handler raises while they look for NumPy.
pub(crate) fn guarded<T>(py: Python<'_>, work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    // Nothing that is changed under way is looked at afterwards, but by the caller from whom the
    // arrays are: they are what an error leaves.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = text(panic.as_ref());
        // The error that the crates found stays set, or was printed.
        match PyErr::take(py) {
            Some(error) => Err(error),
            None if text.contains("MemoryError") => Err(PyMemoryError::new_err(text)),
            None => Err(PyRuntimeError::new_err(format!(
                "autrainer._core has failed: {text}; please report it"
            ))),
        }
    })
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
