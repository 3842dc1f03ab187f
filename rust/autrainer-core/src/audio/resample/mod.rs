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

mod kernel;
mod phases;

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use crate::audio::kept::Kept;
use crate::audio::vectors::with_widest_vectors;
use crate::error::{Error, Result, check_length};
use kernel::{Kernel, NUM_CROSSINGS, gcd, width};
use phases::{Layout, by_phases};

/// Products that are summed side by side.
const LANES: usize = 8;

/// Longer periods are not laid out by phases: there are few of them in a signal.
const MAX_STEP: usize = 1 << 10;

/// Filters with more taps are refused: 16 MiB.
const MAX_TAPS: usize = 1 << 22;

thread_local! {
    static KEPT: RefCell<Kept<Resampler>> = const { RefCell::new(Kept::new()) };
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
            kept.get(
                |plan| plan.rates_hz == (old_hz, new_hz),
                || Self::new(old_hz, new_hz),
            )
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

    /// Which of `num_samples` are needed for some of those that come out, and how many come out of
    /// these before them. Computed of no more than the needed ones, they have the same bits.
    #[must_use]
    pub(crate) fn needed(&self, made: Range<usize>, num_samples: usize) -> (Range<usize>, usize) {
        let before = self.starts.iter().copied().min().unwrap_or(0).min(0);
        let behind = self.starts.iter().copied().max().unwrap_or(0).max(0);
        let periods_before = before.unsigned_abs().div_ceil(self.step);
        let first = (made.start / self.num_phases).saturating_sub(periods_before);
        let end = made.end.div_ceil(self.num_phases).saturating_mul(self.step);
        let end = end.saturating_add(behind.unsigned_abs() + self.row_len);
        let needed = (first * self.step).min(num_samples)..end.min(num_samples);
        (needed, made.start - first * self.num_phases)
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
    ///
    /// # Errors
    /// [`Error::ResampleKernel`] where they were more than 16 MiB, nearly all of them zeros.
    pub fn kernel(&self) -> Result<(Vec<f32>, usize, usize)> {
        let width = width(self.step as u32, self.num_phases as u32);
        let num_columns = 2 * width + self.step;
        let count = num_columns.saturating_mul(self.num_phases);
        if count > MAX_TAPS {
            let (old_hz, new_hz) = self.rates_hz;
            return Err(Error::ResampleKernel {
                old_hz,
                new_hz,
                count,
                most: MAX_TAPS,
            });
        }
        let mut dense = vec![0.0; num_columns * self.num_phases];
        let rows = dense.chunks_exact_mut(num_columns);
        let taps = self.taps.chunks_exact(self.row_len);
        for ((row, taps), &start) in rows.zip(taps).zip(&self.starts) {
            let first = usize::try_from(start + width as isize).unwrap_or(0);
            for (place, &tap) in row.iter_mut().skip(first).zip(taps) {
                *place = tap;
            }
        }
        Ok((dense, num_columns, width))
    }

    fn filter(&self, signal: &[f32], out: &mut [f32]) {
        match &self.layout {
            Some(layout) => by_phases(self, layout, signal, out),
            None => by_rows(self, signal, out),
        }
    }
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
