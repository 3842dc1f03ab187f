//! Batches from samples and from resident tables.

use autrainer_core::{Error, collate};
use numpy::{PyArrayDescrMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::arrays::{Source, Target, detached, dtype_name};
use crate::error::to_py_err;
use crate::guard::guarded;

/// Copy arrays of one shape and dtype one after another into `out`.
#[pyfunction]
pub(crate) fn stack<'py>(
    py: Python<'py>,
    arrays: Vec<Bound<'py, PyUntypedArray>>,
    out: &Bound<'py, PyUntypedArray>,
) -> PyResult<()> {
    guarded(py, || {
        check_samples(&arrays, out).map_err(|error| to_py_err(py, error))?;
        let mut target = Target::new(out)?;
        let sources = arrays
            .iter()
            .map(|array| Source::new(array, "sample"))
            .collect::<PyResult<Vec<_>>>()?;
        let samples: Vec<&[u8]> = sources.iter().map(Source::bytes).collect();
        if samples.iter().any(|sample| target.overlaps(sample)) {
            return Err(to_py_err(
                py,
                Error::Overlap {
                    argument: "a sample",
                },
            ));
        }
        let place = target.bytes_mut();
        detached(py, place.len(), || collate::stack(&samples, place))
            .map_err(|error| to_py_err(py, error))
    })
}

/// Copy the rows of `source` that `indices` name, in this order, into `out`.
#[pyfunction]
pub(crate) fn gather<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyUntypedArray>,
    indices: PyReadonlyArray1<'py, i64>,
    out: &Bound<'py, PyUntypedArray>,
) -> PyResult<()> {
    guarded(py, || {
        let num_indices = indices.len();
        let num_rows =
            check_rows(source, num_indices, out).map_err(|error| to_py_err(py, error))?;
        let source = Source::new(source, "source")?;
        let mut target = Target::new(out)?;
        let rows = source.bytes();
        if target.overlaps(rows) {
            return Err(to_py_err(py, Error::Overlap { argument: "source" }));
        }
        let copied;
        let indices = match indices.as_slice() {
            Ok(indices) => indices,
            Err(_) => {
                copied = indices.as_array().to_vec();
                &copied
            }
        };
        let place = target.bytes_mut();
        detached(py, place.len(), || {
            collate::gather(rows, num_rows, indices, place)
        })
        .map_err(|error| to_py_err(py, error))
    })
}

/// Every sample looks like the first, and `out` has room for them all.
fn check_samples(
    arrays: &[Bound<'_, PyUntypedArray>],
    out: &Bound<'_, PyUntypedArray>,
) -> Result<(), Error> {
    let Some(first) = arrays.first() else {
        return Err(Error::EmptyBatch);
    };
    let dtype = first.dtype();
    for (position, array) in arrays.iter().enumerate().skip(1) {
        if array.shape() != first.shape() {
            return Err(Error::SampleShapes {
                expected: (0, first.shape().to_vec()),
                found: (position, array.shape().to_vec()),
            });
        }
        if !array.dtype().is_equiv_to(&dtype) {
            return Err(Error::SampleDtypes {
                expected: (0, dtype_name(&dtype)),
                found: (position, dtype_name(&array.dtype())),
            });
        }
    }
    check_out(first, first.shape(), arrays.len(), out)
}

/// `out` has room for as many rows of `source` as there are indices; the number of rows.
fn check_rows(
    source: &Bound<'_, PyUntypedArray>,
    num_indices: usize,
    out: &Bound<'_, PyUntypedArray>,
) -> Result<usize, Error> {
    let Some((&num_rows, row_shape)) = source.shape().split_first() else {
        return Err(Error::Argument {
            argument: "source",
            found: "an array without axes".to_owned(),
            expected: "an array of rows",
        });
    };
    check_out(source, row_shape, num_indices, out)?;
    Ok(num_rows)
}

/// `out` has the shape `(num_items, *item_shape)` and the dtype of `like`.
fn check_out(
    like: &Bound<'_, PyUntypedArray>,
    item_shape: &[usize],
    num_items: usize,
    out: &Bound<'_, PyUntypedArray>,
) -> Result<(), Error> {
    if out.shape().split_first() != Some((&num_items, item_shape)) {
        return Err(Error::OutputShape {
            expected: [&[num_items], item_shape].concat(),
            found: out.shape().to_vec(),
        });
    }
    if !out.dtype().is_equiv_to(&like.dtype()) {
        return Err(Error::OutputDtype {
            expected: dtype_name(&like.dtype()),
            found: dtype_name(&out.dtype()),
        });
    }
    Ok(())
}
