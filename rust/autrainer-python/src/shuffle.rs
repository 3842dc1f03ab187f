//! The order of an epoch.

use autrainer_core::decode::{DType, Layout};
use autrainer_core::shuffle::Order;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;

use crate::decode::empty;
use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::views::detached;

/// Samples at the positions from `start` to `stop` of the order of one epoch.
#[pyfunction]
#[pyo3(
    signature = (num_samples, seed, epoch, start=None, stop=None),
    text_signature = "(num_samples, seed, epoch, start=0, stop=None)"
)]
pub(crate) fn permutation<'py>(
    py: Python<'py>,
    num_samples: &Bound<'py, PyAny>,
    seed: &Bound<'py, PyAny>,
    epoch: &Bound<'py, PyAny>,
    start: Option<&Bound<'py, PyAny>>,
    stop: Option<&Bound<'py, PyAny>>,
) -> Result<Bound<'py, PyArray1<i64>>> {
    guarded(py, || {
        let num_samples = number("num_samples", num_samples)?;
        let order = Order::new(num_samples, number("seed", seed)?, number("epoch", epoch)?)?;
        let start = start.map_or(Ok(0), |start| number("start", start))?;
        let stop = stop.map_or(Ok(num_samples), |stop| number("stop", stop))?;
        let layout = Layout {
            dtype: DType::I64,
            shape: vec![order.num_positions(start, stop)?],
        };
        let samples: Bound<'_, PyArray1<i64>> =
            empty(py, &layout)?.cast_into().map_err(PyErr::from)?;
        let mut places = samples.readwrite();
        let places = places.as_slice_mut().map_err(PyErr::from)?;
        detached(py, size_of_val(places), || order.fill(start, places))?;
        Ok(samples)
    })
}

/// Position at which the order of one epoch has a sample.
#[pyfunction]
pub(crate) fn position_of(
    py: Python<'_>,
    num_samples: &Bound<'_, PyAny>,
    seed: &Bound<'_, PyAny>,
    epoch: &Bound<'_, PyAny>,
    sample: &Bound<'_, PyAny>,
) -> Result<u64> {
    guarded(py, || {
        let num_samples = number("num_samples", num_samples)?;
        let sample = number("sample", sample)?;
        let order = Order::new(num_samples, number("seed", seed)?, number("epoch", epoch)?)?;
        Ok(order.position_of(sample)?)
    })
}

fn number(argument: &'static str, value: &Bound<'_, PyAny>) -> Result<u64> {
    value.extract().map_err(|_| Error::Argument {
        argument,
        found: value.to_string(),
        expected: "a whole number from 0 to 2**64 - 1",
    })
}
