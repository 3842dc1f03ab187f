//! Files with a checksum over their content.

use std::path::PathBuf;

use autrainer_core::serialize;
use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays::Source;
use crate::error::to_py_err;
use crate::guard::guarded;

/// Write `parts` to `path`, aligned and with their checksum behind them, whole or not at all.
#[pyfunction]
pub(crate) fn write_sealed<'py>(
    py: Python<'py>,
    path: PathBuf,
    parts: Vec<Bound<'py, PyUntypedArray>>,
) -> PyResult<()> {
    guarded(py, || {
        let sources = parts
            .iter()
            .map(|part| Source::new(part, "part"))
            .collect::<PyResult<Vec<_>>>()?;
        let parts: Vec<&[u8]> = sources.iter().map(Source::bytes).collect();
        py.detach(|| serialize::write_sealed(&path, &parts))
            .map_err(|error| to_py_err(py, error))
    })
}

/// The checksum that `write_sealed` puts behind this content.
#[pyfunction]
pub(crate) fn seal<'py>(
    py: Python<'py>,
    content: &Bound<'py, PyUntypedArray>,
) -> PyResult<Bound<'py, PyBytes>> {
    guarded(py, || {
        let source = Source::new(content, "content")?;
        let bytes = source.bytes();
        let seal = py.detach(|| serialize::seal(bytes));
        Ok(PyBytes::new(py, &seal))
    })
}
