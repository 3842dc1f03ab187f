//! Finding NumPy, before anything is done with arrays.

use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;

use crate::error::Result;
use crate::guard::guarded;

/// Find the functions of NumPy that this module calls; costs nothing once they are found.
///
/// The crate for NumPy would do so when it sees the first array, and panics if a signal handler
/// raises meanwhile. A process that is forked meanwhile by another thread would wait for it forever.
#[pyfunction]
pub(crate) fn find_numpy(py: Python<'_>) -> PyResult<()> {
    // The only step that runs code in Python, whose error is an error here.
    numpy::get_array_module(py)?;
    let find = || -> Result<()> {
        let array = PyArray1::<u8>::zeros(py, 0, false);
        // Borrowed arrays are kept in a table of their own. There are no bytes to be refused.
        drop(array.try_readwrite());
        Ok(())
    };
    Ok(guarded(py, find)?)
}
