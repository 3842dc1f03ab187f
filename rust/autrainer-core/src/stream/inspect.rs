//! All files looked at before they are needed, by threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{Decode, Files};
use crate::error::Error;
use crate::panics::catch_decoder_panic;

/// Files that a thread takes in one go.
const CHUNK: usize = 32;

impl<D: Decode> Files<D> {
    /// Look for damage in the files of some rows, by at most `num_threads` threads; most of the
    /// time they wait for the disk.
    ///
    /// Returns positions in `rows` and what was found there, as [`Decode::inspect`] tells it, in
    /// ascending order.
    pub fn inspect(&self, rows: &[usize], num_threads: usize) -> Vec<(usize, Error)> {
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::new());
        let work = || {
            let mine = self.inspect_chunks(rows, &next);
            found
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(mine);
        };
        let num_helpers = num_threads
            .min(rows.len().div_ceil(CHUNK))
            .saturating_sub(1);
        thread::scope(|scope| {
            for number in 0..num_helpers {
                let name = format!("autrainer-inspect-{number}");
                // Without a thread the others do its work.
                if thread::Builder::new()
                    .name(name)
                    .spawn_scoped(scope, work)
                    .is_err()
                {
                    break;
                }
            }
            work();
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_unstable_by_key(|(position, _)| *position);
        found
    }

    /// Take chunks until none is left.
    fn inspect_chunks(&self, rows: &[usize], next: &AtomicUsize) -> Vec<(usize, Error)> {
        let mut scratch = D::Scratch::default();
        let mut found = Vec::new();
        loop {
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(chunk) = rows.get(first..rows.len().min(first.saturating_add(CHUNK))) else {
                return found;
            };
            for (position, &row) in (first..).zip(chunk) {
                let result = self.path(row).and_then(|path| {
                    catch_decoder_panic(path, &mut scratch, |scratch| {
                        self.decoder.inspect(path, scratch)
                    })
                });
                if let Err(error) = result {
                    found.push((position, error));
                }
            }
        }
    }
}
