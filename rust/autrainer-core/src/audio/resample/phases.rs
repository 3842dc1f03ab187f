//! Many periods of a signal side by side, a phase and a tap at a time.

use super::{LANES, Resampler, copy_padded};
use crate::audio::vectors::with_widest_vectors;

/// Outputs of one phase that are computed at once.
const OUTPUTS: usize = 32;

/// Products that are summed before the sum is added to others: long sums lose less so.
const PART: usize = 32;

/// Samples that are laid out at once, where a period is short.
const LAID_OUT: usize = 1 << 14;

pub(super) fn by_phases(plan: &Resampler, layout: &Layout, signal: &[f32], out: &mut [f32]) {
    with_widest_vectors!(
        all_blocks,
        (plan: &Resampler, layout: &Layout, signal: &[f32], out: &mut [f32])
    );
}

/// Where the samples of some periods lie, so that those that a tap meets are side by side: the
/// first ones of all periods, then the second ones, and so on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
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
    pub(super) fn new(plan: &Resampler) -> Self {
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
