//! From sound to features by a described sequence: one channel, another rate, spectra, cepstra.

use std::sync::Arc;

use super::cepstrum;
use super::crop::{self, Fill};
use super::mel::{self, MelSpectrogram};
use super::resample::Resampler;
use crate::error::{Error, Result, check_length};

/// A step on the way from a signal (channels, samples) to features.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The mean of two channels, or the only one: (C, N) to (1, N).
    MixDown,
    /// Another rate: (C, N) to (C, M).
    Resample(Arc<Resampler>),
    /// Some samples of each channel: (C, N) to (C, len).
    Cut {
        /// The first one.
        first: usize,
        /// How many.
        len: usize,
    },
    /// More samples behind those of a short signal: (C, N) to (C, max(N, len)).
    Expand {
        /// How many there are at least.
        len: usize,
        /// What they are.
        fill: Fill,
    },
    /// Levels in mel bands: (C, N) to (C, frames, bands).
    Mel(Arc<MelSpectrogram>),
    /// The first so many coefficients of a cosine transform: (C, frames, bands) to (C, frames, k).
    Cepstra(usize),
    /// Slopes over time beside the features, and slopes of these.
    Deltas {
        /// Frames before and after one that its slope is computed from.
        reach: usize,
        /// How many times.
        derivatives: usize,
        /// Whether they are channels of their own, (C * (1 + derivatives), frames, features), or
        /// follow the features of each frame.
        as_channels: bool,
    },
}

/// Memory that one thread uses for one signal after the other.
#[derive(Debug, Default)]
pub struct Work {
    /// What goes in.
    pub values: Vec<f32>,
    next: Vec<f32>,
    mel: mel::Scratch,
}

/// Values that are kept between files, 32 MiB of them; what a rare long file needs goes back.
const KEPT_VALUES: usize = 8 << 20;

impl Work {
    /// Room for `count` values to go in.
    ///
    /// # Errors
    /// Where there is no memory for them.
    pub fn input(&mut self, count: usize) -> std::io::Result<&mut [f32]> {
        for values in [&mut self.values, &mut self.next] {
            if values.capacity() > KEPT_VALUES {
                *values = Vec::new();
            }
        }
        room(&mut self.values, count)
    }
}

/// The shape after some steps.
///
/// # Errors
/// Where a step takes no such shape, or the signal is too short for it.
pub fn shape_after(steps: &[Step], shape: &[usize]) -> Result<Vec<usize>> {
    let first = shape.to_vec();
    steps.iter().try_fold(first, |shape, step| {
        let after = step.shape(&shape)?;
        let bytes = after
            .iter()
            .try_fold(size_of::<f32>(), |bytes, size| bytes.checked_mul(*size));
        match bytes.and_then(|bytes| isize::try_from(bytes).ok()) {
            Some(_) => Ok(after),
            None => Err(Error::StepShape {
                step: step.name(),
                shape,
            }),
        }
    })
}

/// Take `work.values`, of this shape, through some steps, the last of which writes to `out`.
///
/// # Errors
/// As [`shape_after`]; [`Error::Memory`] where there is no memory; [`Error::Length`] where `out` is
/// not as long as the result.
pub fn run(steps: &[Step], shape: &[usize], work: &mut Work, out: &mut [f32]) -> Result<()> {
    let Some((last, steps)) = steps.split_last() else {
        check_length("out", work.values.len(), out.len())?;
        out.copy_from_slice(&work.values);
        return Ok(());
    };
    let mut shape = shape.to_vec();
    for step in steps {
        let after = shape_after(std::slice::from_ref(step), &shape)?;
        let count = after.iter().product();
        room(&mut work.next, count).map_err(|_| Error::Memory { count })?;
        step.apply(&work.values, &shape, &mut work.mel, &mut work.next)?;
        std::mem::swap(&mut work.values, &mut work.next);
        shape = after;
    }
    let after = shape_after(std::slice::from_ref(last), &shape)?;
    check_length("out", after.iter().product(), out.len())?;
    last.apply(&work.values, &shape, &mut work.mel, out)
}

/// Make a vector so long, whatever is in it.
pub(crate) fn room(values: &mut Vec<f32>, count: usize) -> std::io::Result<&mut [f32]> {
    let missing = count.saturating_sub(values.len());
    values
        .try_reserve_exact(missing)
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
    values.resize(count, 0.0);
    Ok(values)
}

impl Step {
    fn shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let found = || Error::StepShape {
            step: self.name(),
            shape: shape.to_vec(),
        };
        Ok(match (self, shape) {
            (Self::MixDown, &[1 | 2, num_samples]) => vec![1, num_samples],
            (Self::Resample(resampler), &[num_channels, num_samples]) => {
                vec![num_channels, resampler.num_samples(num_samples)]
            }
            (Self::Cut { first, len }, &[num_channels, num_samples])
                if num_samples
                    .checked_sub(*first)
                    .is_some_and(|rest| *len <= rest) =>
            {
                vec![num_channels, *len]
            }
            (Self::Expand { len, fill }, &[num_channels, num_samples])
                if num_samples > 0 || *fill != Fill::Repeat =>
            {
                vec![num_channels, num_samples.max(*len)]
            }
            (Self::Mel(mel), &[num_channels, num_samples]) => {
                vec![num_channels, mel.num_frames(num_samples)?, mel.num_bands()]
            }
            (Self::Cepstra(count), &[num_channels, num_frames, num_bands])
                if *count <= num_bands =>
            {
                vec![num_channels, num_frames, *count]
            }
            (
                Self::Deltas {
                    derivatives,
                    as_channels,
                    ..
                },
                &[num_channels, num_frames, num_features],
            ) => {
                let times = derivatives.saturating_add(1);
                if *as_channels {
                    vec![num_channels.saturating_mul(times), num_frames, num_features]
                } else {
                    vec![num_channels, num_frames, num_features.saturating_mul(times)]
                }
            }
            _ => return Err(found()),
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::MixDown => "the mean of at most two channels",
            Self::Resample(_) => "another rate",
            Self::Cut { .. } => "a part",
            Self::Expand { .. } => "more samples",
            Self::Mel(_) => "a spectrogram",
            Self::Cepstra(_) => "cepstra",
            Self::Deltas { .. } => "slopes",
        }
    }

    fn apply(
        &self,
        values: &[f32],
        shape: &[usize],
        scratch: &mut mel::Scratch,
        out: &mut [f32],
    ) -> Result<()> {
        let num_channels = shape.first().copied().unwrap_or(0);
        let last = shape.last().copied().unwrap_or(0);
        match self {
            Self::MixDown => mix_down(values, num_channels, out),
            Self::Resample(resampler) => {
                let new = resampler.num_samples(last).max(1);
                let rows = values
                    .chunks_exact(last.max(1))
                    .zip(out.chunks_exact_mut(new));
                for (row, place) in rows {
                    resampler.apply(row, place)?;
                }
            }
            Self::Cut { first, len } => crop::cut(values, last, *first, *len, out),
            Self::Expand { len, fill } => crop::expand(values, last, last.max(*len), *fill, out),
            Self::Mel(mel) => mel.apply(values, num_channels, scratch, out)?,
            Self::Cepstra(count) => cepstrum::cepstra(values, last, *count, out)?,
            Self::Deltas {
                reach,
                derivatives,
                as_channels,
            } => {
                let channel_len = values.len().checked_div(num_channels).unwrap_or(0);
                let row_len = if *as_channels { values.len() } else { last };
                let slopes = Slopes {
                    reach: *reach,
                    channel_len,
                    num_features: last,
                };
                slopes.beside(values, *derivatives, row_len, out)?;
            }
        }
        Ok(())
    }
}

/// The mean of both channels, rounded once; torch's mean gives the same bits.
fn mix_down(values: &[f32], num_channels: usize, out: &mut [f32]) {
    if num_channels != 2 {
        out.copy_from_slice(values);
        return;
    }
    let (left, right) = values.split_at(values.len() / 2);
    for ((place, left), right) in out.iter_mut().zip(left).zip(right) {
        *place = (left + right) / 2.0;
    }
}

/// Slopes of features (channels, frames, features).
struct Slopes {
    reach: usize,
    channel_len: usize,
    num_features: usize,
}

impl Slopes {
    /// Rows of the features, and behind each the same row of their slopes, and so on.
    fn beside(
        &self,
        values: &[f32],
        derivatives: usize,
        row_len: usize,
        out: &mut [f32],
    ) -> Result<()> {
        let mut current = values.to_vec();
        let stride = row_len.saturating_mul(derivatives + 1).max(1);
        for number in 0..=derivatives {
            if number > 0 {
                current = self.of(&current)?;
            }
            let rows = current.chunks_exact(row_len.max(1));
            for (row, place) in rows.zip(out.chunks_exact_mut(stride)) {
                let start = number * row_len;
                let place = place.get_mut(start..start + row_len);
                place.unwrap_or_default().copy_from_slice(row);
            }
        }
        Ok(())
    }

    fn of(&self, values: &[f32]) -> Result<Vec<f32>> {
        let mut slopes = vec![0.0; values.len()];
        let channel_len = self.channel_len.max(1);
        let channels = values.chunks_exact(channel_len);
        for (channel, out) in channels.zip(slopes.chunks_exact_mut(channel_len)) {
            cepstrum::deltas(channel, self.num_features, self.reach, out)?;
        }
        Ok(slopes)
    }
}
