//! Panics of decoders as errors that name the file.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::error::{Error, Result};

/// What `read` returns, or [`Error::DecoderPanic`] where it panics: that costs the file it was
/// reading, not the thread that batches wait for.
///
/// # Errors
/// Those of `read`, and [`Error::DecoderPanic`].
pub fn catch_decoder_panic<S: Default, T>(
    path: &Path,
    scratch: &mut S,
    read: impl FnOnce(&mut S) -> Result<T>,
) -> Result<T> {
    // Scratch memory is the only thing that could be seen half changed; it is thrown away.
    catch_unwind(AssertUnwindSafe(|| read(scratch))).unwrap_or_else(|panic| {
        *scratch = S::default();
        Err(Error::DecoderPanic {
            path: path.to_path_buf(),
            message: panic_message(panic.as_ref()),
        })
    })
}

/// What a panic said; empty where it said nothing.
#[must_use]
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
