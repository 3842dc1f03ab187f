//! Panics as errors: what is no `Exception` would pass by everything that handles errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use autrainer_core::panics::panic_message;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

use crate::error::{Error, Result};

/// What `work` returns, or the error for its panic.
///
/// The crates for Python and NumPy panic where Python has an error: when memory is short, or when
/// a signal handler raises while they look for NumPy.
pub(crate) fn guarded<T>(py: Python<'_>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // Nothing that is changed under way is looked at afterwards, but by the caller from whom the
    // arrays are: they are what an error leaves.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic_message(panic.as_ref());
        // The error that the crates found stays set, or was printed.
        match PyErr::take(py) {
            Some(error) => Err(error.into()),
            None if message.contains("MemoryError") => Err(PyMemoryError::new_err(message).into()),
            None => Err(Error::Panic { message }),
        }
    })
}
