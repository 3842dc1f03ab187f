//! Cepstral coefficients, and slopes of features over time.

use std::cell::RefCell;
use std::f64::consts::PI;
use std::sync::Arc;

use crate::audio::kept::Kept;
use crate::error::{Result, check_length};

/// The orthonormal cosine transform of type II, (coefficients, bands) in the order of C:
/// `sqrt(2 / M) cos(pi k (m + 1/2) / M)`, divided by `sqrt(2)` for k = 0.
///
/// The same as `scipy.fft.dct(type=2, norm="ortho")`, librosa's and torchaudio's with `norm="ortho"`.
#[must_use]
pub fn cosine_matrix(num_coefficients: usize, num_bands: usize) -> Vec<f64> {
    let bands = num_bands as f64;
    let value = |k: usize, m: usize| {
        let scale = if k == 0 { 1.0 / bands } else { 2.0 / bands };
        scale.sqrt() * (PI * k as f64 * (m as f64 + 0.5) / bands).cos()
    };
    (0..num_coefficients)
        .flat_map(|k| (0..num_bands).map(move |m| value(k, m)))
        .collect()
}

/// The same by bands: the weights of a band in all coefficients lie side by side.
struct ByBands {
    num_coefficients: usize,
    num_bands: usize,
    weights: Vec<f64>,
}

thread_local! {
    /// A matrix takes as many cosines as it has numbers, longer than a second of sound.
    static KEPT: RefCell<Kept<ByBands>> = const { RefCell::new(Kept::new()) };
}

impl ByBands {
    fn new(num_coefficients: usize, num_bands: usize) -> Self {
        let matrix = cosine_matrix(num_coefficients, num_bands);
        let column = |band| matrix.iter().skip(band).step_by(num_bands);
        Self {
            num_coefficients,
            num_bands,
            weights: (0..num_bands).flat_map(column).copied().collect(),
        }
    }

    fn kept(num_coefficients: usize, num_bands: usize) -> Result<Arc<Self>> {
        let size = (num_coefficients, num_bands);
        KEPT.with_borrow_mut(|kept| {
            kept.get(
                |plan| (plan.num_coefficients, plan.num_bands) == size,
                || Ok(Self::new(num_coefficients, num_bands)),
            )
        })
    }
}

/// The first coefficients of the rows of `features`, of `num_bands` each, into rows of `out`.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where `features` has no whole rows, or `out` not as many.
pub fn cepstra(
    features: &[f32],
    num_bands: usize,
    num_coefficients: usize,
    out: &mut [f32],
) -> Result<()> {
    let num_rows = features.len().checked_div(num_bands).unwrap_or(0);
    check_length("features", num_rows * num_bands, features.len())?;
    check_length("out", num_rows * num_coefficients, out.len())?;
    if num_coefficients == 0 || num_bands == 0 {
        return Ok(());
    }
    let plan = ByBands::kept(num_coefficients, num_bands)?;
    let mut sums = vec![0.0_f64; num_coefficients];
    let rows = features.chunks_exact(num_bands);
    for (row, out) in rows.zip(out.chunks_exact_mut(num_coefficients)) {
        sums.fill(0.0);
        let columns = plan.weights.chunks_exact(num_coefficients);
        for (&band, column) in row.iter().zip(columns) {
            for (sum, &weight) in sums.iter_mut().zip(column) {
                *sum += f64::from(band) * weight;
            }
        }
        for (place, &sum) in out.iter_mut().zip(&sums) {
            *place = sum as f32;
        }
    }
    Ok(())
}

/// Slopes over time of one channel of `features`, frames of `num_features` each, into `out`.
///
/// `sum n (c[t + n] - c[t - n]) / (2 sum n^2)` for n from 1 to `reach`, where frames before the
/// first and after the last are those: `torchaudio.functional.compute_deltas` with `win_length` of
/// `2 * reach + 1`, as HTK does (The HTK Book, section 5.9). librosa's differ in the `reach` first and last
/// frames, where it fits a line (`mode="interp"`), unless it is told `mode="nearest"`.
///
/// # Errors
/// [`Error::Length`] where `features` has no whole frames, or `out` not as many.
pub fn deltas(features: &[f32], num_features: usize, reach: usize, out: &mut [f32]) -> Result<()> {
    let num_frames = features.len().checked_div(num_features).unwrap_or(0);
    check_length("features", num_frames * num_features, features.len())?;
    check_length("out", features.len(), out.len())?;
    let Some(last) = num_frames.checked_sub(1) else {
        return Ok(());
    };
    let squares: usize = (1..=reach).map(|n| n * n).sum();
    let scale = 1.0 / (2.0 * squares.max(1) as f64);
    let frame = |at: usize| {
        features
            .get(at * num_features..(at + 1) * num_features)
            .unwrap_or(&[])
    };
    let mut sums = vec![0.0_f64; num_features];
    for (at, out) in out.chunks_exact_mut(num_features).enumerate() {
        sums.fill(0.0);
        for n in 1..=reach {
            let (before, after) = (frame(at.saturating_sub(n)), frame((at + n).min(last)));
            for ((sum, &a), &b) in sums.iter_mut().zip(after).zip(before) {
                *sum += n as f64 * (f64::from(a) - f64::from(b));
            }
        }
        for (place, &sum) in out.iter_mut().zip(&sums) {
            *place = (sum * scale) as f32;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_transform_keeps_lengths() {
        let matrix = cosine_matrix(5, 5);
        for (i, a) in matrix.chunks(5).enumerate() {
            for (j, b) in matrix.chunks(5).enumerate() {
                let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                let expected = f64::from(u8::from(i == j));
                assert!((product - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_slope_of_a_line_is_its_slope_but_at_the_ends() {
        let line: Vec<f32> = (0..12_u8).map(|t| f32::from(t) * 0.5).collect();
        let mut out = vec![0.0; 12];
        deltas(&line, 1, 2, &mut out).unwrap();
        assert_eq!(out[2..10], [0.5; 8]);
        assert!(out[0] < 0.5 && out[11] < 0.5);
    }
}
