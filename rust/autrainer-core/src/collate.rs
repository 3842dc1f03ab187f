//! Samples into one contiguous batch: stacked one after another, or gathered from a resident table.
//!
//! Everything here is bytes; shapes and dtypes are checked by whoever knows them.

use std::num::NonZero;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use crate::copy::copy;
use crate::error::{Error, Result, check_length};

/// Copies of fewer bytes are not worth the start of a thread.
pub const PARALLEL_BYTES: usize = 4 << 20;

/// No thread copies less than this.
const BYTES_PER_THREAD: usize = 2 << 20;

/// Threads take this much at a time.
const PART_BYTES: usize = 1 << 20;

/// More threads do not make memory faster.
const MAX_THREADS: usize = 8;

/// Copy `samples`, which are equally long, one after another into `out`.
///
/// # Errors
/// [`Error::EmptyBatch`] without samples; [`Error::Length`] where `out` or a sample has another
/// length than the first sample asks for.
pub fn stack(samples: &[&[u8]], out: &mut [u8]) -> Result<()> {
    let Some(first) = samples.first() else {
        return Err(Error::EmptyBatch);
    };
    let sample_bytes = first.len();
    if let Some(other) = samples.iter().find(|other| other.len() != sample_bytes) {
        return Err(Error::Length {
            argument: "sample",
            expected: sample_bytes,
            found: other.len(),
        });
    }
    check_length("out", sample_bytes.saturating_mul(samples.len()), out.len())?;
    let total_bytes = out.len();
    in_parallel(samples, sample_bytes, out, |part, out| {
        for (sample, place) in part.iter().zip(out.chunks_exact_mut(sample_bytes)) {
            copy(sample, place, total_bytes);
        }
    });
    Ok(())
}

/// Copy the rows that `indices` name, in this order, from a table of `num_rows` rows into `out`.
///
/// # Errors
/// [`Error::RowIndex`] for an index that is negative or too large (nothing has been written then);
/// [`Error::Length`] where `source` does not divide into rows or `out` has another length.
pub fn gather(source: &[u8], num_rows: usize, indices: &[i64], out: &mut [u8]) -> Result<()> {
    for (position, &index) in indices.iter().enumerate() {
        if usize::try_from(index).map_or(true, |index| index >= num_rows) {
            return Err(Error::RowIndex {
                position,
                index,
                num_rows,
            });
        }
    }
    let row_bytes = source.len().checked_div(num_rows).unwrap_or(0);
    check_length("source", row_bytes.saturating_mul(num_rows), source.len())?;
    check_length("out", row_bytes.saturating_mul(indices.len()), out.len())?;
    let total_bytes = out.len();
    in_parallel(indices, row_bytes, out, |part, out| match row_bytes {
        1 => gather_small::<1>(source, part, out),
        2 => gather_small::<2>(source, part, out),
        4 => gather_small::<4>(source, part, out),
        8 => gather_small::<8>(source, part, out),
        16 => gather_small::<16>(source, part, out),
        _ => gather_rows(source, row_bytes, part, out, total_bytes),
    });
    Ok(())
}

/// The range of bytes of a row; the caller has checked that the index is not negative.
fn row(source: &[u8], row_bytes: usize, index: i64) -> Option<&[u8]> {
    let start = usize::try_from(index).ok()?.checked_mul(row_bytes)?;
    source.get(start..start.checked_add(row_bytes)?)
}

fn gather_rows(
    source: &[u8],
    row_bytes: usize,
    indices: &[i64],
    out: &mut [u8],
    total_bytes: usize,
) {
    for (&index, place) in indices.iter().zip(out.chunks_exact_mut(row_bytes)) {
        if let Some(row) = row(source, row_bytes, index) {
            copy(row, place, total_bytes);
        }
    }
}

/// As `gather_rows` for a size known to the compiler, which makes one load and store of a copy.
fn gather_small<const N: usize>(source: &[u8], indices: &[i64], out: &mut [u8]) {
    for (&index, place) in indices.iter().zip(out.chunks_exact_mut(N)) {
        let row = row(source, N, index).and_then(|row| <&[u8; N]>::try_from(row).ok());
        if let (Some(row), Ok(place)) = (row, <&mut [u8; N]>::try_from(place)) {
            *place = *row;
        }
    }
}

/// Split `items`, each of which fills `item_bytes` of `out`, over threads where that pays.
fn in_parallel<T: Sync>(
    items: &[T],
    item_bytes: usize,
    out: &mut [u8],
    copy: impl Fn(&[T], &mut [u8]) + Sync,
) {
    if item_bytes == 0 || items.is_empty() {
        return;
    }
    let threads = num_threads(out.len()).min(items.len());
    if threads <= 1 {
        return copy(items, out);
    }
    let per_part = (PART_BYTES / item_bytes).max(1);
    let parts = items
        .chunks(per_part)
        .zip(out.chunks_mut(per_part.saturating_mul(item_bytes)));
    // Whoever is free takes the next part, so it does not matter if a thread cannot be started, or
    // if its core has something else to do.
    let parts = Mutex::new(parts);
    let work = || {
        while let Some((part, place)) = next_of(&parts) {
            copy(part, place);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}

fn next_of<I: Iterator>(items: &Mutex<I>) -> Option<I::Item> {
    items.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// How many threads share a copy of this many bytes.
fn num_threads(bytes: usize) -> usize {
    if bytes < PARALLEL_BYTES {
        return 1;
    }
    available_threads()
        .min(bytes / BYTES_PER_THREAD)
        .clamp(1, MAX_THREADS)
}

/// Number of threads that this process may run at once; asked once, the answer costs file reads.
pub(crate) fn available_threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_its_samples_in_order() {
        let mut out = [0; 6];
        stack(&[b"abc", b"def"], &mut out).unwrap();
        assert_eq!(&out, b"abcdef");
    }

    #[test]
    fn a_batch_of_nothing_is_refused() {
        assert!(matches!(stack(&[], &mut []), Err(Error::EmptyBatch)));
    }

    #[test]
    fn empty_samples_make_an_empty_batch() {
        stack(&[b"", b""], &mut []).unwrap();
    }

    #[test]
    fn lengths_that_differ_are_refused() {
        assert!(stack(&[b"abc", b"de"], &mut [0; 6]).is_err());
        assert!(stack(&[b"abc", b"def"], &mut [0; 5]).is_err());
    }

    #[test]
    fn a_bad_index_is_named_and_nothing_is_written() {
        let mut out = [9; 3];
        let error = gather(b"abcd", 4, &[0, 3, -1], &mut out).unwrap_err();
        assert!(matches!(
            error,
            Error::RowIndex {
                position: 2,
                index: -1,
                num_rows: 4
            }
        ));
        assert_eq!(out, [9; 3]);
        assert!(gather(b"", 0, &[0], &mut []).is_err());
        assert!(gather(b"abcd", 4, &[i64::MAX], &mut [0]).is_err());
    }

    #[test]
    fn a_table_that_does_not_divide_into_rows_is_refused() {
        assert!(gather(b"abcde", 2, &[0], &mut [0; 2]).is_err());
    }

    #[test]
    fn large_copies_are_shared_and_complete() {
        let rows = 5_000;
        let source: Vec<u8> = (0..rows * 2048).map(|byte| (byte / 7) as u8).collect();
        let indices: Vec<i64> = (0..rows as i64).rev().collect();
        let mut gathered = vec![0; source.len()];
        gather(&source, rows, &indices, &mut gathered).unwrap();
        let samples: Vec<&[u8]> = source.chunks_exact(2048).rev().collect();
        let mut stacked = vec![0; source.len()];
        stack(&samples, &mut stacked).unwrap();
        assert!(source.len() > PARALLEL_BYTES);
        assert_eq!(stacked, samples.concat());
        assert_eq!(gathered, stacked);
    }
}
