//! Worker processes.

use autrainer_core::worker;
use pyo3::prelude::*;

/// Let requests to stop end this process only if its parent wants it, or is no more.
#[pyfunction]
pub(crate) fn leave_signals_to_parent() -> PyResult<()> {
    Ok(worker::leave_signals_to_parent()?)
}
