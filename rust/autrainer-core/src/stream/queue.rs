//! What threads and consumer share: units to be taken and batches to be waited for, both in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::unit::{Files, Report, Unit};
use super::{Batch, Decode, Outcome, Sample};
use crate::error::Error;

pub(super) struct Shared<D: Decode, B> {
    files: Arc<Files<D>>,
    state: Mutex<State<D, B>>,
    /// There is a unit to take, or nothing more to come.
    work: Condvar,
    /// The oldest batch may be complete, or no thread is at work any more.
    done: Condvar,
    /// Grows with every cancellation; a thread that sees it grow leaves the unit it is at.
    cancellations: AtomicU64,
}

struct State<D: Decode, B> {
    units: VecDeque<Unit<D, B>>,
    batches: VecDeque<Progress<D::Layout, B>>,
    /// Number of the oldest batch.
    oldest: u64,
    num_running: usize,
    num_sleeping: usize,
    closed: bool,
}

/// A batch that is not complete, or not yet waited for.
struct Progress<L, B> {
    places: Vec<Option<B>>,
    samples: Vec<Vec<Sample<L>>>,
    outcome: Outcome,
    error: Option<(usize, Error)>,
    num_left: usize,
}

/// What a wait came to.
pub(super) enum Waited<L, B> {
    Complete(Batch<L, B>),
    TimedOut,
    NothingSubmitted,
}

impl<D: Decode, B: AsMut<[u8]> + Send + 'static> Shared<D, B> {
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
            work: Condvar::new(),
            done: Condvar::new(),
            cancellations: AtomicU64::new(0),
        }
    }

    /// Queue the units of one batch.
    pub(super) fn push(&self, mut units: Vec<Unit<D, B>>) {
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
            self.work.notify_one();
        }
    }

    /// Take units until the reader is closed.
    pub(super) fn work(&self) {
        let mut scratch = D::Scratch::default();
        let mut state = self.lock();
        while !state.closed {
            if let Some(unit) = state.units.pop_front() {
                state = self.run(state, unit, &mut scratch);
            } else {
                state.num_sleeping += 1;
                state = wait(&self.work, state);
                state.num_sleeping -= 1;
            }
        }
    }

    /// The oldest batch, once it is complete. Whoever has `scratch` decodes along until then.
    pub(super) fn wait(
        &self,
        timeout: Option<Duration>,
        mut scratch: Option<&mut D::Scratch>,
    ) -> Waited<D::Layout, B> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        loop {
            match state.batches.front() {
                None => return Waited::NothingSubmitted,
                Some(batch) if batch.num_left == 0 => break,
                Some(_) => {}
            }
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Waited::TimedOut;
            }
            state = match scratch
                .as_mut()
                .and_then(|scratch| Some((scratch, state.unit_of_oldest()?)))
            {
                Some((scratch, unit)) => self.run(state, unit, scratch),
                None => wait_for(&self.done, state, left),
            };
        }
        state.oldest += 1;
        match state.batches.pop_front() {
            Some(batch) => Waited::Complete(batch.complete()),
            None => Waited::NothingSubmitted,
        }
    }

    /// Number of batches that were submitted and not yet waited for.
    pub(super) fn num_pending(&self) -> usize {
        self.lock().batches.len()
    }

    /// Forget all batches; afterwards no thread writes any more. Gives the memory back.
    pub(super) fn cancel(&self) -> Vec<B> {
        let mut state = self.lock();
        self.cancellations.fetch_add(1, Ordering::Relaxed);
        let mut places: Vec<B> = Vec::new();
        for unit in state.units.drain(..) {
            places.extend(unit.place.into_memory());
        }
        while state.num_running > 0 {
            state = wait(&self.done, state);
        }
        state.oldest += state.batches.len() as u64;
        for batch in state.batches.drain(..) {
            places.extend(batch.places.into_iter().flatten());
        }
        drop(state);
        // Whoever waits for a batch has to learn that there is none any more.
        self.done.notify_all();
        places
    }

    /// Let the threads end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
    }

    /// Run a unit without the lock, and record what became of it.
    fn run<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<D, B>>,
        unit: Unit<D, B>,
        scratch: &mut D::Scratch,
    ) -> MutexGuard<'a, State<D, B>> {
        let (batch, number, first) = (unit.batch, unit.number, unit.first);
        // Nobody asks for what comes behind a file that failed.
        let is_moot = state
            .batch(batch)
            .and_then(|progress| progress.error.as_ref())
            .is_some_and(|(position, _)| *position < first);
        state.num_running += 1;
        let cancellations = self.cancellations.load(Ordering::Relaxed);
        drop(state);
        let report = self.files.run(unit, scratch, || {
            is_moot || self.cancellations.load(Ordering::Relaxed) != cancellations
        });
        let mut state = self.lock();
        state.num_running -= 1;
        let is_oldest = batch == state.oldest;
        let is_complete = state.batch(batch).is_some_and(|progress| {
            progress.add(number, report);
            progress.num_left == 0
        });
        if (is_oldest && is_complete) || state.num_running == 0 {
            self.done.notify_all();
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State<D, B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Decode, B> State<D, B> {
    fn unit_of_oldest(&mut self) -> Option<Unit<D, B>> {
        if self.units.front()?.batch != self.oldest {
            return None;
        }
        self.units.pop_front()
    }

    /// A batch by its number; none after a cancellation.
    fn batch(&mut self, number: u64) -> Option<&mut Progress<D::Layout, B>> {
        let place = usize::try_from(number.checked_sub(self.oldest)?).ok()?;
        self.batches.get_mut(place)
    }
}

impl<L, B> Progress<L, B> {
    fn new(num_units: usize) -> Self {
        Self {
            places: (0..num_units).map(|_| None).collect(),
            samples: (0..num_units).map(|_| Vec::new()).collect(),
            outcome: Outcome::default(),
            error: None,
            num_left: num_units,
        }
    }

    fn add(&mut self, unit: usize, report: Report<L, B>) {
        if let (Some(place), Some(samples)) =
            (self.places.get_mut(unit), self.samples.get_mut(unit))
        {
            *place = report.place;
            *samples = report.samples;
        }
        self.outcome.add(report.outcome);
        self.num_left -= 1;
        let is_earlier = |(position, _): &(usize, Error)| {
            self.error.as_ref().is_none_or(|known| position < &known.0)
        };
        if let Some(error) = report.error.filter(is_earlier) {
            self.error = Some(error);
        }
    }

    fn complete(self) -> Batch<L, B> {
        Batch {
            places: self.places.into_iter().flatten().collect(),
            samples: self.samples.into_iter().flatten().collect(),
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
