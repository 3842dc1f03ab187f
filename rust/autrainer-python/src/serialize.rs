//! Output files.

use std::path::PathBuf;

use autrainer_core::serialize::{self, Array, Column, Floats, Named, Table, TextTable};
use autrainer_core::{Error, io};
use numpy::{
    Element, PyArray, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use crate::arrays::{Source, bytes, dtype_name};
use crate::error::to_py_err;
use crate::guard::guarded;

/// Write `data` to `path`, whole or not at all.
#[pyfunction]
pub(crate) fn write_bytes<'py>(
    py: Python<'py>,
    path: PathBuf,
    data: &Bound<'py, PyAny>,
) -> PyResult<()> {
    guarded(py, || {
        if let Ok(data) = data.cast::<PyBytes>() {
            let data = data.as_bytes();
            return py
                .detach(|| io::write_bytes(&path, data))
                .map_err(|error| to_py_err(py, error));
        }
        let data = Source::new(data.cast()?, "data")?;
        let data = data.bytes();
        py.detach(|| io::write_bytes(&path, data))
            .map_err(|error| to_py_err(py, error))
    })
}

/// Have `fill` write the file whose path it is given, then put it in the place of `path`.
#[pyfunction]
pub(crate) fn write_by_name<'py>(
    py: Python<'py>,
    path: PathBuf,
    fill: &Bound<'py, PyAny>,
) -> PyResult<()> {
    guarded(py, || {
        let fill = fill.clone().unbind();
        let written = py.detach(|| {
            io::write_whole_by_name(&path, |sibling| {
                Python::attach(|py| fill.call1(py, (sibling.as_os_str(),)))
                    .map(|_| ())
                    .map_err(Failure::Python)
            })
        });
        written.map_err(|failure| match failure {
            Failure::Core(error) => to_py_err(py, error),
            Failure::Python(error) => error,
        })
    })
}

/// What can fail while Python writes a file.
enum Failure {
    Core(Error),
    Python(PyErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

/// Copy the content of `source` to `target`, whole or not at all.
#[pyfunction]
pub(crate) fn copy_file(py: Python<'_>, source: PathBuf, target: PathBuf) -> PyResult<()> {
    guarded(py, || {
        py.detach(|| io::copy_file(&source, &target))
            .map_err(|error| to_py_err(py, error))
    })
}

/// Make a folder and those above it, unless they are there.
#[pyfunction]
pub(crate) fn make_folder(py: Python<'_>, path: PathBuf) -> PyResult<()> {
    guarded(py, || {
        py.detach(|| io::make_folder(&path))
            .map_err(|error| to_py_err(py, error))
    })
}

/// Give a folder or file another name in the same folder.
#[pyfunction]
pub(crate) fn rename(py: Python<'_>, source: PathBuf, target: PathBuf) -> PyResult<()> {
    guarded(py, || {
        py.detach(|| io::rename(&source, &target))
            .map_err(|error| to_py_err(py, error))
    })
}

/// Write `array` to `path` as `numpy.save` would, whole or not at all.
#[pyfunction]
pub(crate) fn write_npy<'py>(
    py: Python<'py>,
    path: PathBuf,
    array: &Bound<'py, PyUntypedArray>,
) -> PyResult<()> {
    guarded(py, || {
        let dtype = array.dtype();
        if dtype.has_object() || dtype.has_fields() {
            let error = Error::Argument {
                argument: "array",
                found: format!("an array of {}", dtype_name(&dtype)),
                expected: "an array of numbers or texts",
            };
            return Err(to_py_err(py, error));
        }
        let dtype: String = dtype.getattr("str")?.extract()?;
        let is_fortran_order = array.is_fortran_contiguous() && !array.is_c_contiguous();
        let source;
        let array = if is_fortran_order {
            array
        } else {
            source = Source::new(array, "array")?;
            source.array()
        };
        let content = Array {
            dtype: &dtype,
            shape: array.shape(),
            is_fortran_order,
            data: bytes(array),
        };
        py.detach(|| serialize::write_npy(&path, &content))
            .map_err(|error| to_py_err(py, error))
    })
}

/// Write a table of results to `path` as CSV, whole or not at all.
#[pyfunction]
pub(crate) fn write_results<'py>(
    py: Python<'py>,
    path: PathBuf,
    indices: PyReadonlyArray<'py, i64, numpy::Ix1>,
    columns: Vec<(String, Bound<'py, PyTuple>)>,
    names: Vec<String>,
    probabilities: &Bound<'py, PyUntypedArray>,
) -> PyResult<()> {
    guarded(py, || {
        let held = columns
            .into_iter()
            .map(|(name, column)| Ok((name, Cells::read(&column)?)))
            .collect::<PyResult<Vec<_>>>()?;
        let columns = held
            .iter()
            .map(|(name, cells)| Ok((name.clone(), cells.column()?)))
            .collect::<PyResult<Vec<Named<'_>>>>()?;
        let cells = Numbers::read(probabilities, "probabilities")?;
        let table = Table {
            indices: slice(&indices, "indices")?,
            columns: &columns,
            names: &names,
            probabilities: cells.floats("probabilities")?,
        };
        py.detach(|| serialize::write_results(&path, &table))
            .map_err(|error| to_py_err(py, error))
    })
}

type Readonly<'py, T> = PyReadonlyArray<'py, T, numpy::IxDyn>;

/// A borrowed array of one of the dtypes that numbers come in.
enum Numbers<'py> {
    F32(Readonly<'py, f32>),
    F64(Readonly<'py, f64>),
    I64(Readonly<'py, i64>),
}

impl<'py> Numbers<'py> {
    fn read(array: &Bound<'py, PyAny>, argument: &'static str) -> PyResult<Self> {
        if let Some(array) = readonly(array) {
            return Ok(Self::F32(array));
        }
        if let Some(array) = readonly(array) {
            return Ok(Self::F64(array));
        }
        if let Some(array) = readonly(array) {
            return Ok(Self::I64(array));
        }
        Err(refused(array, argument, "an array of float32 or float64"))
    }

    fn floats(&self, argument: &'static str) -> PyResult<Floats<'_>> {
        match self {
            Self::F32(values) => Ok(Floats::F32(slice(values, argument)?)),
            Self::F64(values) => Ok(Floats::F64(slice(values, argument)?)),
            Self::I64(values) => Err(refused(values, argument, "an array of float32 or float64")),
        }
    }
}

type Vector<'py, T> = PyReadonlyArray<'py, T, numpy::Ix1>;

/// A column as it came, kept alive while Rust reads it.
enum Cells<'py> {
    Labels(Vector<'py, i64>, Vec<String>),
    LabelSets(PyReadonlyArray<'py, u8, numpy::Ix2>, Vec<String>),
    Values(Numbers<'py>),
    ValueLists(Numbers<'py>, usize),
    Texts(Vec<String>),
    Picked(Vector<'py, i64>, Vector<'py, u8>, Vector<'py, i64>),
}

impl<'py> Cells<'py> {
    fn read(column: &Bound<'py, PyTuple>) -> PyResult<Self> {
        let kind: String = column.get_item(0)?.extract()?;
        let first = column.get_item(1)?;
        match kind.as_str() {
            "labels" => Ok(Self::Labels(
                first.extract()?,
                column.get_item(2)?.extract()?,
            )),
            "label_sets" => Ok(Self::LabelSets(
                first.extract()?,
                literals(&column.get_item(2)?)?,
            )),
            "values" => Ok(Self::Values(Numbers::read(&first, "values")?)),
            "value_lists" => {
                let shape: (usize, usize) = first.getattr("shape")?.extract()?;
                Ok(Self::ValueLists(Numbers::read(&first, "values")?, shape.1))
            }
            "texts" => Ok(Self::Texts(first.extract()?)),
            "picked" => Ok(Self::Picked(
                first.extract()?,
                column.get_item(2)?.extract()?,
                column.get_item(3)?.extract()?,
            )),
            _ => Err(refused(
                column,
                "columns",
                "a tuple of a kind ('labels', 'label_sets', 'values', 'value_lists', 'texts', \
                 'picked') and what it consists of",
            )),
        }
    }

    fn column(&self) -> PyResult<Column<'_>> {
        Ok(match self {
            Self::Labels(codes, labels) => Column::Labels {
                codes: slice(codes, "codes")?,
                labels,
            },
            Self::LabelSets(mask, literals) => Column::LabelSets {
                mask: slice(mask, "mask")?,
                literals,
            },
            Self::Values(Numbers::I64(values)) => Column::Integers(slice(values, "values")?),
            Self::Values(values) => Column::Values(values.floats("values")?),
            Self::ValueLists(values, num_targets) => Column::ValueLists {
                values: values.floats("values")?,
                num_targets: *num_targets,
            },
            Self::Texts(texts) => Column::Texts(texts),
            Self::Picked(codes, data, offsets) => Column::Picked {
                codes: slice(codes, "codes")?,
                texts: TextTable {
                    data: slice(data, "data")?,
                    offsets: slice(offsets, "offsets")?,
                },
            },
        })
    }
}

/// Each label as Python's `repr` prints it inside a list.
fn literals(labels: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    labels
        .try_iter()?
        .map(|label| label?.cast::<PyString>()?.repr()?.extract())
        .collect()
}

fn readonly<'py, T: Element>(array: &Bound<'py, PyAny>) -> Option<Readonly<'py, T>> {
    let array = array.cast::<PyArray<T, numpy::IxDyn>>().ok()?;
    array.try_readonly().ok()
}

fn slice<'a, T: Element, D: numpy::ndarray::Dimension>(
    array: &'a PyReadonlyArray<'_, T, D>,
    argument: &'static str,
) -> PyResult<&'a [T]> {
    if array.is_c_contiguous() {
        if let Ok(values) = array.as_slice() {
            return Ok(values);
        }
    }
    Err(refused(array, argument, "contiguous in the order of C"))
}

fn refused(found: &Bound<'_, PyAny>, argument: &'static str, expected: &'static str) -> PyErr {
    let found = match found.getattr("dtype") {
        Ok(dtype) => format!("an array of {dtype} that may have gaps"),
        Err(_) => found.to_string(),
    };
    let error = Error::Argument {
        argument,
        found,
        expected,
    };
    to_py_err_of(error)
}

fn to_py_err_of(error: Error) -> PyErr {
    Python::attach(|py| to_py_err(py, error))
}
