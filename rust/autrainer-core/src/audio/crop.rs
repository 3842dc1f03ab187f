//! A stretch of a signal, where a random number says; of short ones, all and something behind it.

use std::ops::Range;

use super::pipeline::Step;
use super::resample::Resampler;

/// How long a stretch is taken of a recording, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    /// Samples of a channel, after the sampling rate was changed.
    pub len: usize,
    /// 64 random bits that say where.
    pub draw: u64,
    /// The bits tell a share in [0, 1) of the places where the stretch may begin, of which a share
    /// has 53 bits; otherwise the place itself.
    pub by_share: bool,
    /// What follows the samples of a recording that is shorter.
    pub fill: Fill,
}

/// What follows the samples of a signal that is too short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fill {
    /// This value.
    Value(f32),
    /// The same samples from the beginning.
    Repeat,
}

impl Crop {
    /// What is taken of `num_samples` of the file: which of them are needed, and the steps from these
    /// to the stretch.
    pub(crate) fn taken(
        &self,
        num_samples: usize,
        resampler: Option<&Resampler>,
    ) -> (Range<usize>, Option<Step>) {
        let num_made = resampler.map_or(num_samples, |plan| plan.num_samples(num_samples));
        let Some(num_beyond) = num_made.checked_sub(self.len) else {
            let expand = Step::Expand {
                len: self.len,
                fill: self.fill,
            };
            return (0..num_samples, Some(expand));
        };
        let first = self.start(num_beyond as u64 + 1) as usize;
        match resampler {
            None => (first..first + self.len, None),
            Some(plan) => {
                let (needed, skipped) = plan.needed(first..first + self.len, num_samples);
                let cut = Step::Cut {
                    first: skipped,
                    len: self.len,
                };
                (needed, Some(cut))
            }
        }
    }

    /// One of the places where a stretch may begin.
    fn start(&self, num_starts: u64) -> u64 {
        if self.by_share {
            let share = (self.draw >> 11) as f64 * 2.0_f64.powi(-53);
            return ((share * num_starts as f64) as u64).min(num_starts - 1);
        }
        ((u128::from(self.draw) * u128::from(num_starts)) >> 64) as u64
    }
}

/// Samples of each row from `first` on.
pub(crate) fn cut(values: &[f32], row_len: usize, first: usize, len: usize, out: &mut [f32]) {
    let rows = values.chunks_exact(row_len.max(1));
    for (row, place) in rows.zip(out.chunks_exact_mut(len.max(1))) {
        if let Some(samples) = row.get(first..first + len) {
            place.copy_from_slice(samples);
        }
    }
}

/// Each row, and then what it is filled up with.
pub(crate) fn expand(values: &[f32], row_len: usize, len: usize, fill: Fill, out: &mut [f32]) {
    let mut rows = values.chunks_exact(row_len.max(1));
    for place in out.chunks_exact_mut(len.max(1)) {
        let row = rows.next().unwrap_or_default();
        match fill {
            Fill::Repeat => {
                for (place, sample) in place.iter_mut().zip(row.iter().cycle()) {
                    *place = *sample;
                }
            }
            Fill::Value(value) => {
                let (samples, rest) = place.split_at_mut(row.len().min(len));
                samples.copy_from_slice(row);
                rest.fill(value);
            }
        }
    }
}
