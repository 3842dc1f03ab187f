//! The queue between threads and consumer: units to be taken and batches to be waited for, both in
//! order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::unit::{Files, Report, Unit};
use super::{Batch, Decode, Outcome};
use crate::error::Error;

pub(super) struct Queue<D: Decode, M> {
    files: Arc<Files<D>>,
    state: Mutex<State<D, M>>,
    /// There is a unit to take, or nothing more to come.
    unit_queued: Condvar,
    /// The oldest batch may be complete, or no thread is at work any more.
    batch_done: Condvar,
    /// Grows with every cancellation; a thread that sees it grow leaves the unit it is at.
    cancellations: AtomicU64,
}

struct State<D: Decode, M> {
    units: VecDeque<Unit<D, M>>,
    batches: VecDeque<Progress<M>>,
    /// Number of the oldest batch.
    oldest: u64,
    num_running: usize,
    num_sleeping: usize,
    closed: bool,
}

/// A batch that is not complete, or not yet waited for.
struct Progress<M> {
    /// That of each unit, once it is done.
    memory: Vec<Option<M>>,
    outcome: Outcome,
    error: Option<(usize, Error)>,
    num_units_left: usize,
}

/// How a wait for a batch ended.
pub(super) enum WaitResult<M> {
    Complete(Batch<M>),
    TimedOut,
    NothingSubmitted,
}

impl<D: Decode, M: AsMut<[u8]> + Send + 'static> Queue<D, M> {
    pub(super) fn new(files: Arc<Files<D>>) -> Self {
        Self {
            files,
            state: Mutex::new(State {
                units: VecDeque::new(),
                batches: VecDeque::new(),
                oldest: 0,
                num_running: 0,
                num_sleeping: 0,
                closed: false,
            }),
            unit_queued: Condvar::new(),
            batch_done: Condvar::new(),
            cancellations: AtomicU64::new(0),
        }
    }

    /// Queue the units of one batch.
    pub(super) fn push(&self, mut units: Vec<Unit<D, M>>) {
        let mut state = self.lock();
        let batch = state.oldest + state.batches.len() as u64;
        state.batches.push_back(Progress::new(units.len()));
        for unit in &mut units {
            unit.batch = batch;
        }
        let num_wanted = units.len().min(state.num_sleeping);
        state.units.extend(units);
        drop(state);
        for _ in 0..num_wanted {
            self.unit_queued.notify_one();
        }
    }

    /// Take units until the reader is closed.
    pub(super) fn run_thread(&self) {
        let mut scratch = D::Scratch::default();
        let mut state = self.lock();
        while !state.closed {
            if let Some(unit) = state.units.pop_front() {
                state = self.read(state, unit, &mut scratch);
            } else {
                state.num_sleeping += 1;
                state = wait(&self.unit_queued, state);
                state.num_sleeping -= 1;
            }
        }
    }

    /// The oldest batch, once it is complete. Whoever has `scratch` decodes along until then.
    pub(super) fn wait(
        &self,
        timeout: Option<Duration>,
        mut scratch: Option<&mut D::Scratch>,
    ) -> WaitResult<M> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        loop {
            match state.batches.front() {
                None => return WaitResult::NothingSubmitted,
                Some(batch) if batch.num_units_left == 0 => break,
                Some(_) => {}
            }
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return WaitResult::TimedOut;
            }
            state = match scratch
                .as_mut()
                .and_then(|scratch| Some((scratch, state.unit_of_oldest()?)))
            {
                Some((scratch, unit)) => self.read(state, unit, scratch),
                None => wait_for(&self.batch_done, state, left),
            };
        }
        state.oldest += 1;
        match state.batches.pop_front() {
            Some(batch) => WaitResult::Complete(batch.complete()),
            None => WaitResult::NothingSubmitted,
        }
    }

    /// Forget all batches; afterwards no thread writes any more. Gives the memory back.
    pub(super) fn cancel(&self) -> Vec<M> {
        let mut state = self.lock();
        self.cancellations.fetch_add(1, Ordering::Relaxed);
        let mut memory: Vec<M> = state.units.drain(..).map(|unit| unit.memory).collect();
        while state.num_running > 0 {
            state = wait(&self.batch_done, state);
        }
        state.oldest += state.batches.len() as u64;
        for batch in state.batches.drain(..) {
            memory.extend(batch.memory.into_iter().flatten());
        }
        drop(state);
        // Whoever waits for a batch has to learn that there is none any more.
        self.batch_done.notify_all();
        memory
    }

    /// Let the threads end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.unit_queued.notify_all();
    }

    /// Decode a unit without the lock, and record what became of it.
    fn read<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<D, M>>,
        unit: Unit<D, M>,
        scratch: &mut D::Scratch,
    ) -> MutexGuard<'a, State<D, M>> {
        let (batch, number, first) = (unit.batch, unit.number, unit.first);
        // Nobody asks for what comes behind a file that failed.
        let is_moot = state
            .batch(batch)
            .and_then(|progress| progress.error.as_ref())
            .is_some_and(|(position, _)| *position < first);
        state.num_running += 1;
        let cancellations = self.cancellations.load(Ordering::Relaxed);
        drop(state);
        let report = self.files.read_unit(unit, scratch, || {
            is_moot || self.cancellations.load(Ordering::Relaxed) != cancellations
        });
        let mut state = self.lock();
        state.num_running -= 1;
        let is_oldest = batch == state.oldest;
        let is_complete = state.batch(batch).is_some_and(|progress| {
            progress.add(number, report);
            progress.num_units_left == 0
        });
        if (is_oldest && is_complete) || state.num_running == 0 {
            self.batch_done.notify_all();
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State<D, M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Decode, M> State<D, M> {
    fn unit_of_oldest(&mut self) -> Option<Unit<D, M>> {
        if self.units.front()?.batch != self.oldest {
            return None;
        }
        self.units.pop_front()
    }

    /// A batch by its number; none after a cancellation.
    fn batch(&mut self, number: u64) -> Option<&mut Progress<M>> {
        let place = usize::try_from(number.checked_sub(self.oldest)?).ok()?;
        self.batches.get_mut(place)
    }
}

impl<M> Progress<M> {
    fn new(num_units: usize) -> Self {
        Self {
            memory: (0..num_units).map(|_| None).collect(),
            outcome: Outcome::default(),
            error: None,
            num_units_left: num_units,
        }
    }

    fn add(&mut self, unit: usize, report: Report<M>) {
        if let Some(memory) = self.memory.get_mut(unit) {
            *memory = Some(report.memory);
        }
        self.outcome.add(report.outcome);
        self.num_units_left -= 1;
        let is_earlier = |(position, _): &(usize, Error)| {
            self.error.as_ref().is_none_or(|known| position < &known.0)
        };
        if let Some(error) = report.error.filter(is_earlier) {
            self.error = Some(error);
        }
    }

    fn complete(self) -> Batch<M> {
        Batch {
            memory: self.memory.into_iter().flatten().collect(),
            result: match self.error {
                None => Ok(self.outcome.sorted()),
                Some((_, error)) => Err(error),
            },
        }
    }
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition
        .wait(guard)
        .unwrap_or_else(PoisonError::into_inner)
}

fn wait_for<'a, T>(
    condition: &Condvar,
    guard: MutexGuard<'a, T>,
    timeout: Option<Duration>,
) -> MutexGuard<'a, T> {
    let Some(timeout) = timeout else {
        return wait(condition, guard);
    };
    match condition.wait_timeout(guard, timeout) {
        Ok((guard, _)) => guard,
        Err(poisoned) => poisoned.into_inner().0,
    }
}
