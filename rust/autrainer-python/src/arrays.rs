//! NumPy arrays of any dtype as bytes.

use std::sync::Arc;

use autrainer_core::Error;
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::to_py_err;

/// Copies of fewer bytes are over before another thread could have taken the GIL.
pub(crate) const DETACH_BYTES: usize = 256 << 10;

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

/// An array to read from, contiguous in memory in the order of C: itself, or a copy.
pub(crate) struct Source<'py> {
    array: Bound<'py, PyUntypedArray>,
}

impl<'py> Source<'py> {
    /// Copies `array` if it has gaps or another order.
    pub(crate) fn new(
        array: &Bound<'py, PyUntypedArray>,
        argument: &'static str,
    ) -> PyResult<Self> {
        refuse_objects(array, argument)?;
        if array.is_c_contiguous() {
            return Ok(Self {
                array: array.clone(),
            });
        }
        let order = PyDict::new(array.py());
        order.set_item("order", "C")?;
        let copy = array.call_method("copy", (), Some(&order))?;
        Ok(Self {
            array: copy.cast_into()?,
        })
    }

    pub(crate) fn array(&self) -> &Bound<'py, PyUntypedArray> {
        &self.array
    }

    /// The elements. Nobody may write to them meanwhile, as with every NumPy function.
    pub(crate) fn bytes(&self) -> &[u8] {
        bytes(&self.array)
    }
}

/// The memory of a contiguous array, in whichever order it is contiguous.
pub(crate) fn bytes<'a>(array: &'a Bound<'_, PyUntypedArray>) -> &'a [u8] {
    let len = num_bytes(array);
    if len == 0 || !array.is_contiguous() {
        return &[];
    }
    // SAFETY: NumPy keeps `len` bytes behind the data pointer of a contiguous array alive as long
    // as the array, which the borrow of `array` keeps alive; any bytes are valid `u8`. That no
    // other thread writes to them or resizes them is up to the caller, as for NumPy's functions.
    unsafe {
        let data = (*array.as_array_ptr()).fields.data;
        std::slice::from_raw_parts(data.cast::<u8>().cast_const(), len)
    }
}

/// An array to write to: contiguous in the order of C, writeable, without Python objects.
pub(crate) struct Target<'py> {
    array: Bound<'py, PyUntypedArray>,
}

impl<'py> Target<'py> {
    pub(crate) fn new(array: &Bound<'py, PyUntypedArray>) -> PyResult<Self> {
        refuse_objects(array, "out")?;
        // SAFETY: the pointer of a bound array is valid; `flags` is a plain integer.
        let flags = unsafe { (*array.as_array_ptr()).fields.flags };
        if !array.is_c_contiguous() || flags & WRITEABLE == 0 {
            let error = Error::Argument {
                argument: "out",
                found: "read-only or has gaps".to_owned(),
                expected: "writeable and contiguous in the order of C",
            };
            return Err(to_py_err(array.py(), error));
        }
        Ok(Self {
            array: array.clone(),
        })
    }

    /// Whether `source` and this array have bytes in common.
    pub(crate) fn overlaps(&self, source: &[u8]) -> bool {
        let own = bytes(&self.array).as_ptr_range();
        let other = source.as_ptr_range();
        !source.is_empty() && own.start < other.end && other.start < own.end
    }

    /// The elements; the caller has checked that nothing it reads meanwhile overlaps them.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let len = num_bytes(&self.array);
        if len == 0 {
            return &mut [];
        }
        // SAFETY: as in `bytes`; `new` has checked that the array is contiguous, writeable and
        // holds no Python objects, so any bytes are valid elements. `&mut self` makes this the
        // only slice made through this target, and callers refuse sources that overlap it.
        unsafe {
            let data = (*self.array.as_array_ptr()).fields.data;
            std::slice::from_raw_parts_mut(data.cast::<u8>(), len)
        }
    }
}

/// A part of an array, which it keeps alive; threads write to it without the GIL.
pub(crate) struct Piece {
    data: *mut u8,
    len: usize,
    /// Dropped where the GIL is held, or else left to whoever holds it next.
    _array: Arc<Py<PyUntypedArray>>,
}

// SAFETY: the memory belongs to the array, which `_array` keeps alive from any thread. No two
// pieces of a target overlap, and whoever hands out the array leaves it alone until it is filled.
unsafe impl Send for Piece {}

impl AsMut<[u8]> for Piece {
    fn as_mut(&mut self) -> &mut [u8] {
        // SAFETY: `into_pieces` made `data` and `len` from the slice of a contiguous, writeable
        // array without objects, in which `len` bytes from `data` on belong to this piece alone.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }
}

impl Target<'_> {
    /// The array in `num` pieces of `piece_bytes` each, the last of which may be shorter.
    pub(crate) fn into_pieces(mut self, piece_bytes: usize, num: usize) -> Vec<Piece> {
        let array = Arc::new(self.array.clone().unbind());
        let mut rest = self.bytes_mut();
        let mut pieces = Vec::with_capacity(num);
        for _ in 0..num {
            let (piece, others) = rest.split_at_mut(piece_bytes.min(rest.len()));
            rest = others;
            pieces.push(Piece {
                data: piece.as_mut_ptr(),
                len: piece.len(),
                _array: Arc::clone(&array),
            });
        }
        pieces
    }
}

fn num_bytes(array: &Bound<'_, PyUntypedArray>) -> usize {
    array.len().saturating_mul(array.dtype().itemsize())
}

fn refuse_objects(array: &Bound<'_, PyUntypedArray>, argument: &'static str) -> PyResult<()> {
    if !array.dtype().has_object() {
        return Ok(());
    }
    let error = Error::Argument {
        argument,
        found: format!("an array of {}", dtype_name(&array.dtype())),
        expected: "an array of numbers",
    };
    Err(to_py_err(array.py(), error))
}

/// The dtype as NumPy prints it.
pub(crate) fn dtype_name(dtype: &Bound<'_, PyArrayDescr>) -> String {
    dtype.to_string()
}
