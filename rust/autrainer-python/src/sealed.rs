//! Files with a checksum over their content.

use std::path::PathBuf;

use autrainer_core::serialize;
use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::Result;
use crate::guard::guarded;
use crate::views::{ReadView, ReadViews};

/// Write `parts` to `path`, aligned and with their checksum behind them, whole or not at all.
#[pyfunction]
pub(crate) fn write_sealed<'py>(
    py: Python<'py>,
    path: PathBuf,
    parts: Vec<Bound<'py, PyUntypedArray>>,
) -> Result<()> {
    guarded(py, || {
        let views = ReadViews::bytes(&parts, "part")?;
        let parts = views.as_slices();
        Ok(py.detach(|| serialize::write_sealed(&path, &parts))?)
    })
}

/// The checksum that `write_sealed` puts behind this content.
#[pyfunction]
pub(crate) fn seal<'py>(
    py: Python<'py>,
    content: &Bound<'py, PyUntypedArray>,
) -> Result<Bound<'py, PyBytes>> {
    guarded(py, || {
        let view = ReadView::bytes(content, "content")?;
        let bytes = view.as_slice();
        let seal = py.detach(|| serialize::seal(bytes));
        Ok(PyBytes::new(py, &seal))
    })
}
