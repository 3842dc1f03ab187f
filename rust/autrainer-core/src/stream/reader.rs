//! The reader: threads and queue of one set of files.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::queue::{Shared, Waited};
use super::unit::{Files, Unit};
use super::{Batch, Decode, Place};
use crate::error::{Error, Result};

/// A unit takes long enough that taking it costs nothing, and so few bytes that they stay in the
/// cache of the thread until they have been looked at.
const UNIT_BYTES: usize = 256 << 10;
const UNIT_FILES: usize = 16;

/// Files of a batch that are decoded in one go, so that `num_threads` have some each.
#[must_use]
pub fn rows_per_unit(num_rows: usize, sample_bytes: usize, num_threads: usize) -> usize {
    let by_size = UNIT_BYTES.checked_div(sample_bytes).unwrap_or(UNIT_FILES);
    let by_share = num_rows.div_ceil(num_threads.max(1));
    by_size.min(by_share).clamp(1, UNIT_FILES)
}

/// Reads batches of files, in line or by threads ahead of the consumer.
///
/// `B` is memory that a batch brings along. Threads never drop it: it goes back to the consumer.
/// Threads start with the first batch that is submitted and end when the reader is dropped. In a
/// process that was forked off, a reader is of no use: make another one from its `files`.
pub struct Reader<D: Decode, B: AsMut<[u8]> + Send + 'static> {
    files: Arc<Files<D>>,
    num_threads: usize,
    /// Only taken out when dropped.
    shared: Option<Arc<Shared<D, B>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    scratches: Mutex<Vec<D::Scratch>>,
    process: u32,
}

impl<D: Decode, B: AsMut<[u8]> + Send + 'static> Reader<D, B> {
    /// A reader of `files` with at most `num_threads` threads of its own. With none, a batch is
    /// decoded when it is waited for.
    #[must_use]
    pub fn new(files: Arc<Files<D>>, num_threads: usize) -> Self {
        Self {
            shared: Some(Arc::new(Shared::new(Arc::clone(&files)))),
            files,
            num_threads,
            threads: Mutex::new(Vec::new()),
            scratches: Mutex::new(Vec::new()),
            process: process::id(),
        }
    }

    /// Whether this is the process that made the reader.
    #[must_use]
    pub fn is_at_home(&self) -> bool {
        self.process == process::id()
    }

    /// Decode files of one layout into `out`, here and now.
    pub fn read_into(&self, rows: &[usize], layout: D::Layout, out: B) -> Batch<D::Layout, B> {
        self.read(rows, Place::Into(Arc::new(layout), out))
    }

    /// Decode files of any layouts, here and now.
    pub fn read_each(&self, rows: &[usize]) -> Batch<D::Layout, B> {
        self.read(rows, Place::Each)
    }

    /// Queue a batch of files of one layout; `places` have room for `rows_per_place` files each.
    ///
    /// # Errors
    /// [`Error::Length`] where there are more or fewer places than the rows ask for.
    pub fn submit_into(
        &self,
        rows: &[usize],
        layout: D::Layout,
        rows_per_place: usize,
        places: Vec<B>,
    ) -> Result<()> {
        let chunk = rows_per_place.max(1);
        if places.len() != rows.len().div_ceil(chunk) {
            return Err(Error::Length {
                argument: "places",
                expected: rows.len().div_ceil(chunk),
                found: places.len(),
            });
        }
        let layout = Arc::new(layout);
        let places = places
            .into_iter()
            .map(|place| Place::Into(Arc::clone(&layout), place));
        self.submit(rows, chunk, places);
        Ok(())
    }

    /// Queue a batch of files of any layouts.
    pub fn submit_each(&self, rows: &[usize]) {
        let chunk = rows_per_unit(rows.len(), 0, self.num_threads);
        let places = (0..rows.len().div_ceil(chunk)).map(|_| Place::Each);
        self.submit(rows, chunk, places);
    }

    /// The oldest batch that was submitted, or none if it takes longer than `timeout`.
    ///
    /// With `helps`, the caller decodes files of this batch which no thread has taken yet: that is
    /// quicker, but a file that takes long is then not left when time is over. A reader without
    /// threads always lets the caller decode.
    ///
    /// # Errors
    /// [`Error::NothingSubmitted`] where there is no batch to wait for. What is wrong with the
    /// files of a batch is said by the batch.
    pub fn wait(
        &self,
        timeout: Option<Duration>,
        helps: bool,
    ) -> Result<Option<Batch<D::Layout, B>>> {
        let Some(shared) = &self.shared else {
            return Err(Error::NothingSubmitted);
        };
        let helps = helps || lock(&self.threads).is_empty();
        let mut scratch = helps.then(|| self.take_scratch());
        let waited = shared.wait(timeout, scratch.as_mut());
        if let Some(scratch) = scratch {
            self.keep_scratch(scratch);
        }
        match waited {
            Waited::Complete(batch) => Ok(Some(batch)),
            Waited::TimedOut => Ok(None),
            Waited::NothingSubmitted => Err(Error::NothingSubmitted),
        }
    }

    /// Number of batches that were submitted and not yet waited for.
    #[must_use]
    pub fn num_pending(&self) -> usize {
        self.shared
            .as_ref()
            .map_or(0, |shared| shared.num_pending())
    }

    /// Forget all batches; afterwards no thread writes any more. Gives their memory back.
    pub fn cancel(&self) -> Vec<B> {
        self.shared
            .as_ref()
            .map_or_else(Vec::new, |shared| shared.cancel())
    }

    fn read(&self, rows: &[usize], place: Place<Arc<D::Layout>, B>) -> Batch<D::Layout, B> {
        let unit = Unit {
            batch: 0,
            number: 0,
            first: 0,
            rows: rows.to_vec(),
            place,
        };
        let mut scratch = self.take_scratch();
        let report = self.files.run(unit, &mut scratch, || false);
        self.keep_scratch(scratch);
        Batch {
            places: report.place.into_iter().collect(),
            samples: report.samples,
            result: match report.error {
                None => Ok(report.outcome),
                Some((_, error)) => Err(error),
            },
        }
    }

    fn submit(
        &self,
        rows: &[usize],
        chunk: usize,
        places: impl Iterator<Item = Place<Arc<D::Layout>, B>>,
    ) {
        let units = rows.chunks(chunk).zip(places).enumerate();
        let units = units.map(|(number, (rows, place))| Unit {
            batch: 0,
            number,
            first: number * chunk,
            rows: rows.to_vec(),
            place,
        });
        if let Some(shared) = &self.shared {
            shared.push(units.collect());
            self.start(shared);
        }
    }

    /// Start the threads that are missing. Without any, whoever waits does the work.
    fn start(&self, shared: &Arc<Shared<D, B>>) {
        let mut threads = lock(&self.threads);
        while threads.len() < self.num_threads {
            let shared = Arc::clone(shared);
            let name = format!("autrainer-read-{}", threads.len());
            match thread::Builder::new()
                .name(name)
                .spawn(move || shared.work())
            {
                Ok(thread) => threads.push(thread),
                Err(_) => return,
            }
        }
    }

    fn take_scratch(&self) -> D::Scratch {
        lock(&self.scratches).pop().unwrap_or_default()
    }

    fn keep_scratch(&self, scratch: D::Scratch) {
        lock(&self.scratches).push(scratch);
    }
}

impl<D: Decode, B: AsMut<[u8]> + Send + 'static> Drop for Reader<D, B> {
    fn drop(&mut self) {
        let Some(shared) = self.shared.take() else {
            return;
        };
        let threads = std::mem::take(
            self.threads
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if !self.is_at_home() {
            // The threads are the parent's; one may have been changing the queue when it forked.
            std::mem::forget((shared, threads));
            return;
        }
        shared.close();
        shared.cancel();
        for thread in threads {
            // What a thread has to tell, it has told the queue.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
