//! The memory of NumPy arrays as slices: the only way to them in this crate.
//!
//! A view claims its memory when it is made, and for as long as it lives: what is read here is not
//! written here, and what is written is neither read nor written by anybody else. As with every
//! function of NumPy, nothing keeps Python code in other threads from writing to an array.

use std::marker::PhantomData;
use std::slice;

use numpy::ndarray::Dimension;
use numpy::{
    Element, PyArray, PyArrayDescr, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::claims::{Bytes, ReadClaim, WriteClaim};
use crate::error::{Error, Result};

/// Copies of fewer bytes are over before another thread could have taken the GIL.
const DETACH_BYTES: usize = 256 << 10;

/// `NPY_ARRAY_WRITEABLE` of NumPy's C API.
const WRITEABLE: std::ffi::c_int = 0x0400;

/// Run `work` without the GIL if it moves enough bytes for another thread to notice.
pub(crate) fn detached<T: Send>(
    py: Python<'_>,
    bytes: usize,
    work: impl FnOnce() -> T + Send,
) -> T {
    if bytes < DETACH_BYTES {
        work()
    } else {
        py.detach(work)
    }
}

/// The elements of an array in the order of C, to be read.
pub(crate) struct ReadView<'py, T> {
    memory: Memory<'py>,
    _claim: ReadClaim,
    _elements: PhantomData<T>,
}

impl<'py> ReadView<'py, u8> {
    /// The bytes of an array of any dtype; of a copy, where it has gaps or another order.
    pub(crate) fn bytes(
        array: &Bound<'py, PyUntypedArray>,
        argument: &'static str,
    ) -> Result<Self> {
        // SAFETY: any bytes are valid and aligned `u8`.
        unsafe { Self::of(Memory::in_c_order(array, argument)?, argument) }
    }

    /// The same, but an array in the order of Fortran stays as it is.
    pub(crate) fn bytes_in_own_order(
        array: &Bound<'py, PyUntypedArray>,
        argument: &'static str,
    ) -> Result<Self> {
        if !array.is_fortran_contiguous() {
            return Self::bytes(array, argument);
        }
        check_no_objects(array, argument)?;
        // SAFETY: as above.
        unsafe { Self::of(Memory(array.clone()), argument) }
    }
}

impl<'py, T: Element> ReadView<'py, T> {
    /// The elements of an array; of a copy, where it has gaps, or elements that are not aligned.
    pub(crate) fn elements<D: Dimension>(
        array: &Bound<'py, PyArray<T, D>>,
        argument: &'static str,
    ) -> Result<Self> {
        let array = array.as_untyped();
        let mut memory = Memory::in_c_order(array, argument)?;
        if memory.bytes().start % align_of::<T>() != 0 {
            memory = Memory::copied(array)?;
        }
        // SAFETY: the dtype of the array is that of `T`, and NumPy aligns arrays that it allocates.
        unsafe { Self::of(memory, argument) }
    }
}

impl<'py, T> ReadView<'py, T> {
    /// # Safety
    /// The elements have to be valid and aligned as `T`.
    unsafe fn of(memory: Memory<'py>, argument: &'static str) -> Result<Self> {
        let _claim = ReadClaim::of(memory.bytes(), argument)?;
        Ok(Self {
            memory,
            _claim,
            _elements: PhantomData,
        })
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: `of` was promised elements of `T`, and `_claim` keeps writers away.
        unsafe { self.memory.slice() }
    }
}

/// The bytes of several arrays, to be read.
pub(crate) struct ReadViews<'py> {
    memory: Vec<Memory<'py>>,
    _claim: ReadClaim,
}

impl<'py> ReadViews<'py> {
    /// As [`ReadView::bytes`] for each of the arrays.
    pub(crate) fn bytes(
        arrays: &[Bound<'py, PyUntypedArray>],
        argument: &'static str,
    ) -> Result<Self> {
        let memory = arrays
            .iter()
            .map(|array| Memory::in_c_order(array, argument));
        let memory = memory.collect::<Result<Vec<_>>>()?;
        let _claim = ReadClaim::of_all(memory.iter().map(Memory::bytes).collect(), argument)?;
        Ok(Self { memory, _claim })
    }

    pub(crate) fn as_slices(&self) -> Vec<&[u8]> {
        // SAFETY: as for `ReadView`, of bytes.
        let slice = |memory| unsafe { Memory::slice(memory) };
        self.memory.iter().map(slice).collect()
    }
}

/// The bytes of an array in the order of C, to be written; nobody else has them meanwhile.
pub(crate) struct WriteView<'py> {
    memory: Memory<'py>,
    claim: WriteClaim,
}

impl<'py> WriteView<'py> {
    /// The array has to be writeable, without gaps, and to hold no Python objects.
    pub(crate) fn new(array: &Bound<'py, PyUntypedArray>, argument: &'static str) -> Result<Self> {
        check_no_objects(array, argument)?;
        // SAFETY: the pointer of a bound array is valid; `flags` is a plain integer.
        let flags = unsafe { (*array.as_array_ptr()).fields.flags };
        if !array.is_c_contiguous() || flags & WRITEABLE == 0 {
            return Err(Error::Argument {
                argument,
                found: "read-only or has gaps".to_owned(),
                expected: "writeable and contiguous in the order of C",
            });
        }
        let memory = Memory(array.clone());
        let claim = WriteClaim::of(memory.bytes(), argument)?;
        Ok(Self { memory, claim })
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        let (data, len) = self.as_mut_ptr();
        if len == 0 {
            return &mut [];
        }
        // SAFETY: `new` has checked that the array is contiguous, writeable and holds no objects, so
        // that any bytes are valid elements. `claim` makes this view the only one of these bytes
        // in this crate, and `&mut self` makes this its only slice.
        unsafe { slice::from_raw_parts_mut(data, len) }
    }

    /// The elements of an array of float32.
    pub(crate) fn as_mut_floats(&mut self) -> Result<&mut [f32]> {
        let py = self.memory.0.py();
        let dtype = self.memory.0.dtype();
        if !dtype.is_equiv_to(&numpy::dtype::<f32>(py)) {
            return Err(Error::OutputDtype {
                expected: "float32".to_owned(),
                found: dtype_name(&dtype),
            });
        }
        // SAFETY: any bytes are valid `f32`.
        let (before, floats, _) = unsafe { self.as_mut_slice().align_to_mut::<f32>() };
        if before.is_empty() {
            return Ok(floats);
        }
        Err(Error::Argument {
            argument: "out",
            found: "not aligned".to_owned(),
            expected: "aligned to its elements",
        })
    }

    /// Where the bytes begin, and how many there are.
    pub(crate) fn as_mut_ptr(&self) -> (*mut u8, usize) {
        (self.memory.data().cast(), self.memory.bytes().len())
    }

    /// The array and the right to write to it.
    pub(crate) fn into_parts(self) -> (Bound<'py, PyUntypedArray>, WriteClaim) {
        (self.memory.0, self.claim)
    }
}

/// An array without gaps, in whichever order, whose elements are no Python objects.
struct Memory<'py>(Bound<'py, PyUntypedArray>);

impl<'py> Memory<'py> {
    /// An array, or a copy of it where it is not contiguous in the order of C.
    fn in_c_order(array: &Bound<'py, PyUntypedArray>, argument: &'static str) -> Result<Self> {
        check_no_objects(array, argument)?;
        if array.is_c_contiguous() {
            Ok(Self(array.clone()))
        } else {
            Self::copied(array)
        }
    }

    fn copied(array: &Bound<'py, PyUntypedArray>) -> Result<Self> {
        let order = PyDict::new(array.py());
        order.set_item("order", "C")?;
        let copy = array.call_method("copy", (), Some(&order))?;
        let copy = copy.cast_into::<PyUntypedArray>().map_err(PyErr::from)?;
        if copy.is_c_contiguous() {
            Ok(Self(copy))
        } else {
            // A subclass may have a `copy` of its own.
            Err(Error::Argument {
                argument: "an array",
                found: "not contiguous, and its copies are not either".to_owned(),
                expected: "an array of numpy.ndarray",
            })
        }
    }

    fn data(&self) -> *mut std::ffi::c_char {
        // SAFETY: the pointer of a bound array is valid, and so is that of its fields.
        unsafe { (*self.0.as_array_ptr()).fields.data }
    }

    fn bytes(&self) -> Bytes {
        let len = self.0.len().saturating_mul(self.0.dtype().itemsize());
        let start = self.data().addr();
        start..start.saturating_add(len)
    }

    /// # Safety
    /// The elements have to be valid and aligned as `T`, and nobody may write to them while the
    /// slice lives.
    unsafe fn slice<T>(&self) -> &[T] {
        let Bytes { start, end } = self.bytes();
        if start == end {
            return &[];
        }
        // SAFETY: NumPy keeps this many bytes behind the data pointer of a contiguous array alive
        // as long as the array, which `self` keeps alive; the rest is up to the caller.
        unsafe { slice::from_raw_parts(self.data().cast(), (end - start) / size_of::<T>()) }
    }
}

fn check_no_objects(array: &Bound<'_, PyUntypedArray>, argument: &'static str) -> Result<()> {
    if !array.dtype().has_object() {
        return Ok(());
    }
    Err(Error::Argument {
        argument,
        found: format!("an array of {}", dtype_name(&array.dtype())),
        expected: "an array of numbers",
    })
}

/// The dtype as NumPy prints it.
pub(crate) fn dtype_name(dtype: &Bound<'_, PyArrayDescr>) -> String {
    dtype.to_string()
}
