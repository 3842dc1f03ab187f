//! Output files.

use std::path::PathBuf;

use autrainer_core::io;
use autrainer_core::serialize::{self, Array, Column, Floats, NamedColumn, Table, TextTable};
use numpy::ndarray::{Ix3, IxDyn};
use numpy::{
    Element, PyArray, PyArray1, PyArray2, PyArrayDescrMethods, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::views::{ReadView, dtype_name};

/// Write `data` to `path`, whole or not at all.
#[pyfunction]
pub(crate) fn write_bytes<'py>(
    py: Python<'py>,
    path: PathBuf,
    data: &Bound<'py, PyAny>,
) -> Result<()> {
    guarded(py, || {
        if let Ok(data) = data.cast::<PyBytes>() {
            let data = data.as_bytes();
            return Ok(py.detach(|| io::write_bytes(&path, data))?);
        }
        let view = ReadView::bytes(data.cast().map_err(PyErr::from)?, "data")?;
        let data = view.as_slice();
        Ok(py.detach(|| io::write_bytes(&path, data))?)
    })
}

/// Have `fill` write the file whose path it is given, then put it in the place of `path`.
#[pyfunction]
pub(crate) fn write_by_name<'py>(
    py: Python<'py>,
    path: PathBuf,
    fill: &Bound<'py, PyAny>,
) -> Result<()> {
    guarded(py, || {
        let fill = fill.clone().unbind();
        py.detach(|| {
            io::write_whole_by_name(&path, |sibling| {
                Python::attach(|py| fill.call1(py, (sibling.as_os_str(),)))
                    .map(|_| ())
                    .map_err(Error::Python)
            })
        })
    })
}

/// Copy the content of `source` to `target`, whole or not at all.
#[pyfunction]
pub(crate) fn copy_file(py: Python<'_>, source: PathBuf, target: PathBuf) -> Result<()> {
    guarded(py, || Ok(py.detach(|| io::copy_file(&source, &target))?))
}

/// Make a folder and those above it, unless they are there.
#[pyfunction]
pub(crate) fn make_folder(py: Python<'_>, path: PathBuf) -> Result<()> {
    guarded(py, || Ok(py.detach(|| io::make_folder(&path))?))
}

/// Give a folder or file another name in the same folder.
#[pyfunction]
pub(crate) fn rename(py: Python<'_>, source: PathBuf, target: PathBuf) -> Result<()> {
    guarded(py, || Ok(py.detach(|| io::rename(&source, &target))?))
}

/// Pixels of shape (height, width, 3 or more) as an RGB file of PNG.
#[pyfunction]
pub(crate) fn encode_png<'py>(
    py: Python<'py>,
    pixels: &Bound<'py, PyArray<u8, Ix3>>,
    dots_per_metre: u32,
) -> Result<Bound<'py, PyBytes>> {
    guarded(py, || {
        let &[height, width, _] = pixels.shape() else {
            return Err(picture_of(pixels));
        };
        let (Ok(height), Ok(width)) = (u32::try_from(height), u32::try_from(width)) else {
            return Err(picture_of(pixels));
        };
        let view = ReadView::elements(pixels, "pixels")?;
        let bytes = view.as_slice();
        let file = py.detach(|| serialize::encode_png(bytes, width, height, dots_per_metre))?;
        Ok(PyBytes::new(py, &file))
    })
}

fn picture_of(pixels: &Bound<'_, PyArray<u8, Ix3>>) -> Error {
    Error::Argument {
        argument: "pixels",
        found: format!("an array of {} elements", pixels.len()),
        expected: "an array of shape (height, width, channels)",
    }
}

/// Write `array` to `path` as `numpy.save` would, whole or not at all; `synced` waits for the disk.
#[pyfunction]
#[pyo3(signature = (path, array, synced = true))]
pub(crate) fn write_npy<'py>(
    py: Python<'py>,
    path: PathBuf,
    array: &Bound<'py, PyUntypedArray>,
    synced: bool,
) -> Result<()> {
    guarded(py, || {
        let dtype = array.dtype();
        if dtype.has_object() || dtype.has_fields() {
            return Err(Error::Argument {
                argument: "array",
                found: format!("an array of {}", dtype_name(&dtype)),
                expected: "an array of numbers or texts",
            });
        }
        let dtype: String = dtype.getattr("str")?.extract()?;
        let view = ReadView::bytes_in_own_order(array, "array")?;
        let content = Array {
            dtype: &dtype,
            shape: array.shape(),
            is_fortran_order: array.is_fortran_contiguous() && !array.is_c_contiguous(),
            data: view.as_slice(),
        };
        Ok(py.detach(|| serialize::write_npy(&path, &content, synced))?)
    })
}

/// Write a table of results to `path` as CSV, whole or not at all.
#[pyfunction]
pub(crate) fn write_results<'py>(
    py: Python<'py>,
    path: PathBuf,
    indices: &Bound<'py, PyArray1<i64>>,
    columns: Vec<(String, Bound<'py, PyTuple>)>,
    names: Vec<String>,
    probabilities: &Bound<'py, PyUntypedArray>,
) -> Result<()> {
    guarded(py, || {
        let indices = ReadView::elements(indices, "indices")?;
        let cells = columns
            .into_iter()
            .map(|(name, column)| Ok((name, Cells::read(&column)?)))
            .collect::<Result<Vec<_>>>()?;
        let columns = cells
            .iter()
            .map(|(name, cells)| Ok((name.clone(), cells.column()?)))
            .collect::<Result<Vec<NamedColumn<'_>>>>()?;
        let numbers = Numbers::read(probabilities, "probabilities")?;
        let table = Table {
            indices: indices.as_slice(),
            columns: &columns,
            names: &names,
            probabilities: numbers.floats("probabilities")?,
        };
        Ok(py.detach(|| serialize::write_results(&path, &table))?)
    })
}

/// An array of one of the dtypes that numbers come in.
enum Numbers<'py> {
    F32(ReadView<'py, f32>),
    F64(ReadView<'py, f64>),
    I64(ReadView<'py, i64>),
}

impl<'py> Numbers<'py> {
    fn read(array: &Bound<'py, PyAny>, argument: &'static str) -> Result<Self> {
        if let Some(view) = elements(array, argument)? {
            return Ok(Self::F32(view));
        }
        if let Some(view) = elements(array, argument)? {
            return Ok(Self::F64(view));
        }
        if let Some(view) = elements(array, argument)? {
            return Ok(Self::I64(view));
        }
        Err(refused(array, argument, "an array of float32 or float64"))
    }

    fn floats(&self, argument: &'static str) -> Result<Floats<'_>> {
        match self {
            Self::F32(values) => Ok(Floats::F32(values.as_slice())),
            Self::F64(values) => Ok(Floats::F64(values.as_slice())),
            Self::I64(_) => Err(Error::Argument {
                argument,
                found: "an array of int64".to_owned(),
                expected: "an array of float32 or float64",
            }),
        }
    }
}

/// A column as it came, kept alive while Rust reads it.
enum Cells<'py> {
    Labels(ReadView<'py, i64>, Vec<String>),
    LabelSets(ReadView<'py, u8>, Vec<String>),
    Values(Numbers<'py>),
    ValueLists(Numbers<'py>, usize),
    Texts(Vec<String>),
    CodedTexts(ReadView<'py, i64>, ReadView<'py, u8>, ReadView<'py, i64>),
}

impl<'py> Cells<'py> {
    fn read(column: &Bound<'py, PyTuple>) -> Result<Self> {
        let kind: String = column.get_item(0)?.extract()?;
        let first = column.get_item(1)?;
        match kind.as_str() {
            "labels" => Ok(Self::Labels(
                vector(&first, "codes")?,
                column.get_item(2)?.extract()?,
            )),
            "label_sets" => Ok(Self::LabelSets(
                table(&first, "mask")?,
                literals(&column.get_item(2)?)?,
            )),
            "values" => Ok(Self::Values(Numbers::read(&first, "values")?)),
            "value_lists" => {
                let shape: (usize, usize) = first.getattr("shape")?.extract()?;
                Ok(Self::ValueLists(Numbers::read(&first, "values")?, shape.1))
            }
            "texts" => Ok(Self::Texts(first.extract()?)),
            "coded_texts" => Ok(Self::CodedTexts(
                vector(&first, "codes")?,
                vector(&column.get_item(2)?, "data")?,
                vector(&column.get_item(3)?, "offsets")?,
            )),
            _ => Err(refused(
                column,
                "columns",
                "a tuple of a kind ('labels', 'label_sets', 'values', 'value_lists', 'texts', \
                 'coded_texts') and what it consists of",
            )),
        }
    }

    fn column(&self) -> Result<Column<'_>> {
        Ok(match self {
            Self::Labels(codes, labels) => Column::Labels {
                codes: codes.as_slice(),
                labels,
            },
            Self::LabelSets(mask, literals) => Column::LabelSets {
                mask: mask.as_slice(),
                literals,
            },
            Self::Values(Numbers::I64(values)) => Column::Integers(values.as_slice()),
            Self::Values(values) => Column::Values(values.floats("values")?),
            Self::ValueLists(values, num_targets) => Column::ValueLists {
                values: values.floats("values")?,
                num_targets: *num_targets,
            },
            Self::Texts(texts) => Column::Texts(texts),
            Self::CodedTexts(codes, data, offsets) => Column::CodedTexts {
                codes: codes.as_slice(),
                texts: TextTable {
                    data: data.as_slice(),
                    offsets: offsets.as_slice(),
                },
            },
        })
    }
}

/// Each label as Python's `repr` prints it inside a list.
fn literals(labels: &Bound<'_, PyAny>) -> Result<Vec<String>> {
    let literal = |label: PyResult<Bound<'_, PyAny>>| -> PyResult<String> {
        label?.cast::<PyString>()?.repr()?.extract()
    };
    Ok(labels.try_iter()?.map(literal).collect::<PyResult<_>>()?)
}

/// The elements of an array, if it has this dtype.
fn elements<'py, T: Element>(
    array: &Bound<'py, PyAny>,
    argument: &'static str,
) -> Result<Option<ReadView<'py, T>>> {
    match array.cast::<PyArray<T, IxDyn>>() {
        Ok(array) => ReadView::elements(array, argument).map(Some),
        Err(_) => Ok(None),
    }
}

fn vector<'py, T: Element>(
    array: &Bound<'py, PyAny>,
    argument: &'static str,
) -> Result<ReadView<'py, T>> {
    let array = array.cast::<PyArray1<T>>().map_err(PyErr::from)?;
    ReadView::elements(array, argument)
}

fn table<'py, T: Element>(
    array: &Bound<'py, PyAny>,
    argument: &'static str,
) -> Result<ReadView<'py, T>> {
    let array = array.cast::<PyArray2<T>>().map_err(PyErr::from)?;
    ReadView::elements(array, argument)
}

fn refused(found: &Bound<'_, PyAny>, argument: &'static str, expected: &'static str) -> Error {
    let found = match found.getattr("dtype") {
        Ok(dtype) => format!("an array of {dtype}"),
        Err(_) => found.to_string(),
    };
    Error::Argument {
        argument,
        found,
        expected,
    }
}
