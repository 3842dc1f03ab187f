//! Another sampling rate, by band-limited interpolation.
//!
//! The filter is that of `torchaudio.transforms.Resample` with its defaults, since published weights
//! were trained behind it: a sinc of six zero crossings on each side, cut off at 0.99 of the lower
//! Nyquist frequency, under a Hann window; computed in float64 and rounded to float32. (Julius O.
//! Smith, "Digital Audio Resampling", <https://ccrma.stanford.edu/~jos/resample/>.) As there, the
//! time of an output sample within its period is rounded to float32 before.
//!
//! Where torch multiplies all taps of a period, this multiplies only those that are not zero: of the
//! 475 taps from 44.1 to 16 kHz they are 33 or 34. Samples are laid out so that many periods are
//! computed side by side, a tap at a time. What differs is the order of the sum: by at most 5e-7 of
//! the largest sample (`tests/audio.rs`).

use std::cell::RefCell;
use std::f64::consts::PI;
use std::sync::Arc;

use crate::audio::vectors::with_widest_vectors;
use crate::error::{Error, Result, check_length};

/// Zero crossings of the sinc on each side.
const NUM_CROSSINGS: f64 = 6.0;

/// Share of the lower Nyquist frequency that is kept.
const ROLLOFF: f64 = 0.99;

/// Products that are summed side by side.
const LANES: usize = 8;

/// Outputs of one phase that are computed at once.
const OUTPUTS: usize = 32;

/// Products that are summed before the sum is added to others: long sums lose less so.
const PART: usize = 32;

/// Longer periods are not laid out by phases: there are few of them in a signal.
const MAX_STEP: usize = 1 << 10;

/// Samples that are laid out at once, where a period is short.
const LAID_OUT: usize = 1 << 14;

/// Filters with more taps are refused: 16 MiB.
const MAX_TAPS: usize = 1 << 22;

/// Filters that a thread keeps.
const NUM_KEPT: usize = 8;

thread_local! {
    static KEPT: RefCell<Vec<Arc<Resampler>>> = const { RefCell::new(Vec::new()) };
}

/// The filter between two rates; any number of threads may use it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampler {
    rates_hz: (u32, u32),
    /// Samples that a period of the input has, and of the output.
    step: usize,
    num_phases: usize,
    /// Of each phase: where its taps begin, relative to the period.
    starts: Vec<isize>,
    /// As many for each phase, zeros at the end.
    taps: Vec<f32>,
    row_len: usize,
    /// None for long periods.
    layout: Option<Layout>,
}

impl Resampler {
    /// The filter from one rate to another, both in Hz.
    ///
    /// # Errors
    /// [`Error::ResampleRates`] for a rate of zero, or rates whose ratio takes too many taps.
    pub fn new(old_hz: u32, new_hz: u32) -> Result<Self> {
        let refused = || Error::ResampleRates { old_hz, new_hz };
        let divisor = gcd(old_hz, new_hz);
        if old_hz == 0 || new_hz == 0 {
            return Err(refused());
        }
        let (step, num_phases) = (old_hz / divisor, new_hz / divisor);
        let kernel = Kernel::new(step, num_phases);
        // The widest phase, as if every tap within reach were taken.
        let most = (2.0 * NUM_CROSSINGS / kernel.cutoff * f64::from(step)).ceil() as usize + 1;
        let row_len = most.next_multiple_of(LANES);
        let phases = num_phases as usize;
        if row_len.checked_mul(phases).is_none_or(|len| len > MAX_TAPS) {
            return Err(refused());
        }
        let mut plan = Self {
            rates_hz: (old_hz, new_hz),
            step: step as usize,
            num_phases: phases,
            starts: Vec::with_capacity(phases),
            taps: vec![0.0; row_len * phases],
            row_len,
            layout: None,
        };
        for (phase, row) in (0..num_phases).zip(plan.taps.chunks_exact_mut(row_len)) {
            plan.starts.push(kernel.fill(phase, row));
        }
        if plan.step <= MAX_STEP {
            plan.layout = Some(Layout::new(&plan));
        }
        Ok(plan)
    }

    /// The same, kept by each thread for the pairs of rates that it has met last.
    ///
    /// # Errors
    /// Those of [`Resampler::new`].
    pub fn kept(old_hz: u32, new_hz: u32) -> Result<Arc<Self>> {
        KEPT.with_borrow_mut(|kept| {
            let found = kept
                .iter()
                .position(|plan| plan.rates_hz == (old_hz, new_hz));
            let plan = match found {
                Some(at) => kept.remove(at),
                None => Arc::new(Self::new(old_hz, new_hz)?),
            };
            kept.truncate(NUM_KEPT - 1);
            kept.insert(0, Arc::clone(&plan));
            Ok(plan)
        })
    }

    /// The rates in Hz: old and new.
    #[must_use]
    pub fn rates_hz(&self) -> (u32, u32) {
        self.rates_hz
    }

    /// How many samples come out of `num_samples`: their duration times the new rate, rounded up.
    #[must_use]
    pub fn num_samples(&self, num_samples: usize) -> usize {
        let exact = num_samples as u128 * self.num_phases as u128;
        usize::try_from(exact.div_ceil(self.step as u128)).unwrap_or(usize::MAX)
    }

    /// Write a channel at the new rate to `out`. Beyond its ends it counts as silent.
    ///
    /// # Errors
    /// [`Error::Length`] where `out` does not have [`Resampler::num_samples`] places.
    pub fn apply(&self, signal: &[f32], out: &mut [f32]) -> Result<()> {
        check_length("out", self.num_samples(signal.len()), out.len())?;
        if self.step == self.num_phases {
            out.copy_from_slice(signal);
        } else {
            self.filter(signal, out);
        }
        Ok(())
    }

    /// The taps of every phase as a dense matrix, (phases, 2 * width + step) in the order of C, its
    /// number of columns, and the width: how far a period of it reaches to the left.
    #[must_use]
    pub fn kernel(&self) -> (Vec<f32>, usize, usize) {
        let width = width(self.step as u32, self.num_phases as u32);
        let num_columns = 2 * width + self.step;
        let mut dense = vec![0.0; num_columns * self.num_phases];
        let rows = dense.chunks_exact_mut(num_columns);
        let taps = self.taps.chunks_exact(self.row_len);
        for ((row, taps), &start) in rows.zip(taps).zip(&self.starts) {
            let first = usize::try_from(start + width as isize).unwrap_or(0);
            for (place, &tap) in row.iter_mut().skip(first).zip(taps) {
                *place = tap;
            }
        }
        (dense, num_columns, width)
    }

    fn filter(&self, signal: &[f32], out: &mut [f32]) {
        match &self.layout {
            Some(layout) => by_phases(self, layout, signal, out),
            None => by_rows(self, signal, out),
        }
    }
}

/// The continuous filter, with times counted in periods.
struct Kernel {
    cutoff: f64,
    step: u32,
    num_phases: u32,
}

impl Kernel {
    fn new(step: u32, num_phases: u32) -> Self {
        Self {
            cutoff: f64::from(step.min(num_phases)) * ROLLOFF,
            step,
            num_phases,
        }
    }

    /// Fill the row of a phase with its taps from the first that is not zero on; where that lies.
    fn fill(&self, phase: u32, row: &mut [f32]) -> isize {
        let first = self.first(phase);
        let reach = width(self.step, self.num_phases) as isize;
        let columns = first..reach + self.step as isize;
        for (place, column) in row.iter_mut().zip(columns) {
            *place = self.tap(phase, column);
        }
        first
    }

    /// The first column within reach of a phase, not before the first one of torchaudio.
    fn first(&self, phase: u32) -> isize {
        let center = f64::from(phase) / f64::from(self.num_phases);
        let column = (center - NUM_CROSSINGS / self.cutoff) * f64::from(self.step);
        let reach = width(self.step, self.num_phases) as isize;
        (column.floor() as isize).max(-reach)
    }

    fn tap(&self, phase: u32, column: isize) -> f32 {
        // As torch divides integers: in float32.
        let center = f64::from(phase as f32 / self.num_phases as f32);
        let time = (column as f64 / f64::from(self.step) - center) * self.cutoff;
        let time = time.clamp(-NUM_CROSSINGS, NUM_CROSSINGS);
        let hann = (time * PI / NUM_CROSSINGS / 2.0).cos().powi(2);
        let angle = time * PI;
        let sinc = if angle == 0.0 {
            1.0
        } else {
            angle.sin() / angle
        };
        (sinc * hann * (self.cutoff / f64::from(self.step))) as f32
    }
}

fn width(step: u32, num_phases: u32) -> usize {
    let cutoff = f64::from(step.min(num_phases)) * ROLLOFF;
    (NUM_CROSSINGS * f64::from(step) / cutoff).ceil() as usize
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

fn by_phases(plan: &Resampler, layout: &Layout, signal: &[f32], out: &mut [f32]) {
    with_widest_vectors!(
        all_blocks,
        (plan: &Resampler, layout: &Layout, signal: &[f32], out: &mut [f32])
    );
}

/// Where the samples of some periods lie, so that those that a tap meets are side by side: the
/// first ones of all periods, then the second ones, and so on.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    /// Periods of the output that are computed from one layout.
    num_periods: usize,
    /// Samples in a row: one of each period, and of those that the taps reach beyond.
    row_len: usize,
    /// The first column of any phase.
    first: isize,
    /// Of each phase: its taps, without zeros, and where the samples lie that they begin with.
    phases: Vec<Vec<(f32, u32)>>,
}

impl Layout {
    fn new(plan: &Resampler) -> Self {
        let first = plan.starts.iter().copied().min().unwrap_or(0);
        let rows = plan.taps.chunks_exact(plan.row_len).zip(&plan.starts);
        let columns: Vec<Vec<(f32, usize)>> = rows
            .map(|(taps, &start)| {
                let taps = taps.iter().enumerate().filter(|(_, tap)| **tap != 0.0);
                let from = (start - first).unsigned_abs();
                taps.map(|(at, &tap)| (tap, from + at)).collect()
            })
            .collect();
        let last = columns.iter().flatten().map(|&(_, column)| column).max();
        let num_beyond = last.unwrap_or(0) / plan.step;
        let num_periods = (LAID_OUT / plan.step).clamp(OUTPUTS, LAID_OUT / 16);
        let num_periods = num_periods.next_multiple_of(OUTPUTS);
        let row_len = num_periods + num_beyond;
        let place = |column: usize| (column % plan.step * row_len + column / plan.step) as u32;
        let placed = |taps: Vec<(f32, usize)>| {
            taps.into_iter()
                .map(|(tap, column)| (tap, place(column)))
                .collect()
        };
        let phases = columns.into_iter().map(placed).collect();
        Self {
            num_periods,
            row_len,
            first,
            phases,
        }
    }
}

#[inline(always)]
fn all_blocks(plan: &Resampler, layout: &Layout, signal: &[f32], out: &mut [f32]) {
    let mut given = vec![0.0; layout.row_len * plan.step];
    let mut samples = given.clone();
    let blocks = out.chunks_mut(layout.num_periods * plan.num_phases);
    for (block, out) in blocks.enumerate() {
        let first = (block * layout.num_periods * plan.step) as isize + layout.first;
        let inside = usize::try_from(first)
            .ok()
            .and_then(|first| signal.get(first..first + given.len()));
        let periods = inside.unwrap_or_else(|| {
            copy_padded(signal, first, &mut given);
            &given
        });
        lay_out(periods, plan.step, layout.row_len, &mut samples);
        for (part, out) in out.chunks_mut(OUTPUTS * plan.num_phases).enumerate() {
            let samples = &samples[part * OUTPUTS..];
            for (phase, taps) in layout.phases.iter().enumerate() {
                let sums = sums_of_phase(taps, samples);
                let mut at = phase;
                for &sum in sums.as_flattened() {
                    if at >= out.len() {
                        break;
                    }
                    out[at] = sum;
                    at += plan.num_phases;
                }
            }
        }
    }
}

/// Periods of samples, one after the other, as rows of their first samples, second ones, and so on.
#[inline(always)]
fn lay_out(periods: &[f32], step: usize, row_len: usize, rows: &mut [f32]) {
    const TILE: usize = 8;
    for first in (0..row_len).step_by(TILE) {
        let width = TILE.min(row_len - first);
        for (at, row) in rows.chunks_exact_mut(row_len).enumerate() {
            let mut from = first * step + at;
            for place in &mut row[first..first + width] {
                *place = periods[from];
                from += step;
            }
        }
    }
}

/// Outputs of one phase in [`OUTPUTS`] periods.
#[inline(always)]
fn sums_of_phase(taps: &[(f32, u32)], samples: &[f32]) -> [[f32; LANES]; OUTPUTS / LANES] {
    let mut sums = [[0.0; LANES]; OUTPUTS / LANES];
    for taps in taps.chunks(PART) {
        let mut part = [[0.0; LANES]; OUTPUTS / LANES];
        for &(tap, place) in taps {
            let samples = &samples[place as usize..][..OUTPUTS];
            for (sums, samples) in part.iter_mut().zip(samples.chunks_exact(LANES)) {
                for lane in 0..LANES {
                    sums[lane] += tap * samples[lane];
                }
            }
        }
        for (sums, part) in sums.iter_mut().zip(&part) {
            for lane in 0..LANES {
                sums[lane] += part[lane];
            }
        }
    }
    sums
}

fn by_rows(plan: &Resampler, signal: &[f32], out: &mut [f32]) {
    with_widest_vectors!(all_outputs, (plan: &Resampler, signal: &[f32], out: &mut [f32]));
}

#[inline(always)]
fn all_outputs(plan: &Resampler, signal: &[f32], out: &mut [f32]) {
    let row_len = plan.row_len;
    let mut edge = vec![0.0; row_len];
    for (period, out) in out.chunks_mut(plan.num_phases).enumerate() {
        let begin = (period * plan.step) as isize;
        let rows = plan.taps.chunks_exact(row_len).zip(&plan.starts);
        for (place, (taps, &start)) in out.iter_mut().zip(rows) {
            let first = begin + start;
            let inside = usize::try_from(first)
                .ok()
                .and_then(|first| signal.get(first..first + row_len));
            *place = match inside {
                Some(samples) => product(taps, samples),
                None => {
                    copy_padded(signal, first, &mut edge);
                    product(taps, &edge)
                }
            };
        }
    }
}

/// Sum of products, in an order that does not depend on the processor.
#[inline(always)]
fn product(taps: &[f32], samples: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for (taps, samples) in taps.chunks_exact(LANES).zip(samples.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += taps[lane] * samples[lane];
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// The samples from `first` on, zeros where there are none.
fn copy_padded(signal: &[f32], first: isize, out: &mut [f32]) {
    out.fill(0.0);
    let skipped = first.min(0).unsigned_abs();
    let Some(places) = out.get_mut(skipped..) else {
        return;
    };
    let samples = signal.get(first.max(0).unsigned_abs()..).unwrap_or(&[]);
    for (place, &sample) in places.iter_mut().zip(samples) {
        *place = sample;
    }
}
