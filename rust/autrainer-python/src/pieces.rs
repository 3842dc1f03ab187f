//! Arrays that threads write to after the call that brought them has returned.

use std::mem::{self, ManuallyDrop};
use std::slice;
use std::sync::Arc;

use numpy::ndarray::ArrayView1;
use numpy::{PyArray1, PyArrayMethods, PyReadwriteArray1};
use pyo3::prelude::*;

use crate::claims::WriteClaim;
use crate::error::{Error, Result};
use crate::views::WriteView;

/// A part of an array that belongs to whoever has the piece, from any thread, without the GIL.
pub(crate) struct Piece {
    data: *mut u8,
    len: usize,
    /// None where there are no bytes.
    _loan: Option<Arc<Loan>>,
}

// SAFETY: no two pieces have bytes in common, and `_loan` keeps everybody else away from them as
// long as there is a piece. It can be dropped by any thread.
unsafe impl Send for Piece {}

impl AsMut<[u8]> for Piece {
    fn as_mut(&mut self) -> &mut [u8] {
        if self.len == 0 {
            return &mut [];
        }
        // SAFETY: `pieces_of` has given this part of the memory of a `WriteView` to this piece
        // alone; `_loan` keeps the array alive and its memory claimed.
        unsafe { slice::from_raw_parts_mut(self.data, self.len) }
    }
}

/// An array in `num` pieces of `piece_bytes` each, the last of which may be shorter.
pub(crate) fn pieces_of(view: WriteView<'_>, piece_bytes: usize, num: usize) -> Result<Vec<Piece>> {
    let (data, len) = view.as_mut_ptr();
    let loan = Loan::of(view)?.map(Arc::new);
    let piece = |number: usize| {
        let start = number.saturating_mul(piece_bytes).min(len);
        Piece {
            data: data.wrapping_add(start),
            len: piece_bytes.min(len - start),
            _loan: loan.clone(),
        }
    };
    Ok((0..num).map(piece).collect())
}

/// An array that is borrowed for writing beyond the call that brought it, in both ways: by address
/// for this crate, and as a borrow of rust-numpy for all extensions that use it.
struct Loan {
    /// Of an array that nobody else has: no other code can change the strides or the shape that the
    /// borrow is known by.
    borrow: ManuallyDrop<PyReadwriteArray1<'static, u8>>,
    claim: ManuallyDrop<WriteClaim>,
}

// SAFETY: nothing is done with the borrow but dropping it, which happens with the GIL held.
unsafe impl Send for Loan {}
// SAFETY: as above; there is no method that takes a loan by reference.
unsafe impl Sync for Loan {}

impl Loan {
    /// The loan of the array of a view; none where it has no bytes, as there may be no memory then.
    fn of(view: WriteView<'_>) -> Result<Option<Self>> {
        let (data, len) = view.as_mut_ptr();
        if len == 0 {
            return Ok(None);
        }
        let (array, claim) = view.into_parts();
        // SAFETY: the memory is that of `array`, which becomes the owner of the new array and is
        // not reallocated while it has one. The view of ndarray is gone after the statement.
        let own = unsafe {
            let bytes = ArrayView1::from_shape_ptr(len, data.cast_const());
            PyArray1::borrow_from_array(&bytes, array.into_any())
        };
        let borrow = own.try_readwrite().map_err(|_| Error::MemoryInUse {
            argument: "out",
            other: "an array of another extension",
            is_written: true,
        })?;
        // SAFETY: only the lifetime changes. It says that the GIL is held wherever the borrow is
        // used; it is used nowhere but in `drop`, which sees to that.
        let borrow: PyReadwriteArray1<'static, u8> = unsafe { mem::transmute(borrow) };
        Ok(Some(Self {
            borrow: ManuallyDrop::new(borrow),
            claim: ManuallyDrop::new(claim),
        }))
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // Pieces go back to the binding, which drops them where the GIL is held; this waits for it
        // only where that went wrong. An interpreter that ends keeps its borrows.
        Python::try_attach(|_| {
            // SAFETY: here and nowhere else, and the values are not used afterwards.
            unsafe {
                ManuallyDrop::drop(&mut self.borrow);
                ManuallyDrop::drop(&mut self.claim);
            }
        });
    }
}
