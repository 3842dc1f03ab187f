//! The reader: threads and queue of one set of files.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::queue::{Queue, WaitResult};
use super::unit::{Files, Unit};
use super::{Batch, Decode, Outcome, Row, Sample};
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
/// `M` is memory that a batch brings along. Threads never drop it: it goes back to the consumer.
/// Threads start with the first batch that is submitted and end when the reader is dropped. In a
/// process that was forked off, a reader is of no use: make another one from its `files`.
pub struct Reader<D: Decode, M: AsMut<[u8]> + Send + 'static> {
    files: Arc<Files<D>>,
    num_threads: usize,
    /// Only taken out when dropped.
    queue: Option<Arc<Queue<D, M>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    scratches: Mutex<Vec<D::Scratch>>,
    process: u32,
}

impl<D: Decode, M: AsMut<[u8]> + Send + 'static> Reader<D, M> {
    /// A reader of `files` with at most `num_threads` threads of its own. With none, a batch is
    /// decoded when it is waited for.
    #[must_use]
    pub fn new(files: Arc<Files<D>>, num_threads: usize) -> Self {
        Self {
            queue: Some(Arc::new(Queue::new(Arc::clone(&files)))),
            files,
            num_threads,
            threads: Mutex::new(Vec::new()),
            scratches: Mutex::new(Vec::new()),
            process: process::id(),
        }
    }

    /// Whether this is the process that made the reader.
    #[must_use]
    pub fn is_own_process(&self) -> bool {
        self.process == process::id()
    }

    /// Decode files of one layout into `memory`, here and now.
    pub fn read_into(&self, rows: &[Row], layout: D::Layout, memory: M) -> Batch<M> {
        let unit = Unit {
            batch: 0,
            number: 0,
            first: 0,
            rows: rows.to_vec(),
            layout: Arc::new(layout),
            memory,
        };
        let mut scratch = self.take_scratch();
        let report = self.files.read_unit(unit, &mut scratch, || false);
        self.keep_scratch(scratch);
        Batch {
            memory: vec![report.memory],
            result: match report.error {
                None => Ok(report.outcome),
                Some((_, error)) => Err(error),
            },
        }
    }

    /// Decode files of any layouts, here and now.
    ///
    /// # Errors
    /// That of the first file that could not be read.
    pub fn read_each(&self, rows: &[Row]) -> Result<(Vec<Sample<D::Layout>>, Outcome)> {
        let mut scratch = self.take_scratch();
        let samples = self.files.read_each(rows, &mut scratch);
        self.keep_scratch(scratch);
        samples
    }

    /// Queue a batch of files of one layout; each piece of `memory` has room for `rows_per_piece`
    /// files, the last one for what is left.
    ///
    /// # Errors
    /// [`Error::Length`] where there are more or fewer pieces than the rows ask for.
    pub fn submit(
        &self,
        rows: &[Row],
        layout: D::Layout,
        rows_per_piece: usize,
        memory: Vec<M>,
    ) -> Result<()> {
        let per_unit = rows_per_piece.max(1);
        if memory.len() != rows.len().div_ceil(per_unit) {
            return Err(Error::Length {
                argument: "memory",
                expected: rows.len().div_ceil(per_unit),
                found: memory.len(),
            });
        }
        let layout = Arc::new(layout);
        let parts = rows.chunks(per_unit).zip(memory).enumerate();
        let units = parts.map(|(number, (rows, memory))| Unit {
            batch: 0,
            number,
            first: number * per_unit,
            rows: rows.to_vec(),
            layout: Arc::clone(&layout),
            memory,
        });
        if let Some(queue) = &self.queue {
            queue.push(units.collect());
            self.start_threads(queue);
        }
        Ok(())
    }

    /// The oldest batch that was submitted, or none if it takes longer than `timeout`.
    ///
    /// With `caller_decodes`, the caller decodes files of this batch which no thread has taken yet: that is
    /// quicker, but a file that takes long is then not left when time is over. A reader without
    /// threads always lets the caller decode.
    ///
    /// # Errors
    /// [`Error::NothingSubmitted`] where there is no batch to wait for. What is wrong with the
    /// files of a batch is said by the batch.
    pub fn wait(
        &self,
        timeout: Option<Duration>,
        caller_decodes: bool,
    ) -> Result<Option<Batch<M>>> {
        let Some(queue) = &self.queue else {
            return Err(Error::NothingSubmitted);
        };
        let caller_decodes = caller_decodes || lock(&self.threads).is_empty();
        let mut scratch = caller_decodes.then(|| self.take_scratch());
        let result = queue.wait(timeout, scratch.as_mut());
        if let Some(scratch) = scratch {
            self.keep_scratch(scratch);
        }
        match result {
            WaitResult::Complete(batch) => Ok(Some(batch)),
            WaitResult::TimedOut => Ok(None),
            WaitResult::NothingSubmitted => Err(Error::NothingSubmitted),
        }
    }

    /// Forget all batches; afterwards no thread writes any more. Gives their memory back.
    pub fn cancel(&self) -> Vec<M> {
        self.queue
            .as_ref()
            .map_or_else(Vec::new, |queue| queue.cancel())
    }

    /// Start the threads that are missing. Without any, whoever waits does the work.
    fn start_threads(&self, queue: &Arc<Queue<D, M>>) {
        let mut threads = lock(&self.threads);
        while threads.len() < self.num_threads {
            let queue = Arc::clone(queue);
            let name = format!("autrainer-read-{}", threads.len());
            match thread::Builder::new()
                .name(name)
                .spawn(move || queue.run_thread())
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

impl<D: Decode, M: AsMut<[u8]> + Send + 'static> Drop for Reader<D, M> {
    fn drop(&mut self) {
        let Some(queue) = self.queue.take() else {
            return;
        };
        let threads = std::mem::take(
            self.threads
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if !self.is_own_process() {
            // The threads are the parent's; one may have been changing the queue when it forked.
            std::mem::forget((queue, threads));
            return;
        }
        queue.close();
        queue.cancel();
        for thread in threads {
            // What a thread has to tell, it has told the queue.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
