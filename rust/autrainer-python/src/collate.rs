//! Batches from samples and from resident tables.

use autrainer_core::{Error as CoreError, collate};
use numpy::{PyArray1, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::views::{ReadView, ReadViews, WriteView, detached, dtype_name};

/// Copy arrays of one shape and dtype one after another into `out`.
#[pyfunction]
pub(crate) fn stack<'py>(
    py: Python<'py>,
    arrays: Vec<Bound<'py, PyUntypedArray>>,
    out: &Bound<'py, PyUntypedArray>,
) -> Result<()> {
    guarded(py, || {
        check_samples(&arrays, out)?;
        let views = ReadViews::bytes(&arrays, "a sample")?;
        let mut target = WriteView::new(out, "out")?;
        let (samples, place) = (views.as_slices(), target.as_mut_slice());
        Ok(detached(py, place.len(), || {
            collate::stack(&samples, place)
        })?)
    })
}

/// Copy the rows of `source` that `indices` name, in this order, into `out`.
#[pyfunction]
pub(crate) fn gather<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyUntypedArray>,
    indices: &Bound<'py, PyArray1<i64>>,
    out: &Bound<'py, PyUntypedArray>,
) -> Result<()> {
    guarded(py, || {
        let num_rows = check_rows(source, indices.len(), out)?;
        let rows = ReadView::bytes(source, "source")?;
        let indices = ReadView::elements(indices, "indices")?;
        let mut target = WriteView::new(out, "out")?;
        let (rows, indices, place) = (rows.as_slice(), indices.as_slice(), target.as_mut_slice());
        Ok(detached(py, place.len(), || {
            collate::gather(rows, num_rows, indices, place)
        })?)
    })
}

/// Every sample looks like the first, and `out` has room for them all.
fn check_samples(
    arrays: &[Bound<'_, PyUntypedArray>],
    out: &Bound<'_, PyUntypedArray>,
) -> Result<()> {
    let Some(first) = arrays.first() else {
        return Err(CoreError::EmptyBatch.into());
    };
    let dtype = first.dtype();
    for (position, array) in arrays.iter().enumerate().skip(1) {
        if array.shape() != first.shape() {
            return Err(Error::SampleShapes {
                expected: first.shape().to_vec(),
                found: (position, array.shape().to_vec()),
            });
        }
        if !array.dtype().is_equiv_to(&dtype) {
            return Err(Error::SampleDtypes {
                expected: dtype_name(&dtype),
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
) -> Result<usize> {
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
) -> Result<()> {
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
