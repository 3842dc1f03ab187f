//! Power spectra of several real frames at once.
//!
//! Every number is a vector of [`LANES`] numbers, one for each frame, so that no step of the
//! transform has to move numbers within a vector, and every processor does the same operations in
//! the same order. It is in float64: in float32 the loudest bin of a frame would drown the quiet
//! ones 60 dB below it in rounding errors of 0.01 dB.
//!
//! The transform is a mixed-radix one in place, decimation in frequency (Cooley and Tukey, 1965), of
//! half the length, with the even samples as real and the odd ones as imaginary parts.

pub(crate) mod lanes;
mod stage;

use std::f64::consts::PI;

pub use lanes::{Complex, LANES, Lane};
use lanes::{Factor, add, minus, mul, norm, plus, sub};
use stage::Stage;

use crate::audio::vectors::Vectors;

/// Power spectra of frames of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerFft {
    len: usize,
    stages: Vec<Stage>,
    /// Where the transform leaves its values.
    positions: Vec<usize>,
    /// `exp(-2 pi i k / len)`, for even lengths only.
    turns: Vec<Factor>,
}

impl PowerFft {
    /// Spectra of frames of `len` samples; fastest for powers of two, slow for large primes.
    #[must_use]
    pub fn new(len: usize) -> Self {
        let len = len.max(1);
        let num_values = if len % 2 == 0 { len / 2 } else { len };
        let radices = radices(num_values);
        let mut block = num_values;
        let mut stages = Vec::new();
        for &radix in &radices {
            stages.push(Stage::new(block, radix));
            block /= radix;
        }
        let positions = (0..num_values).map(|k| position(k, num_values, &radices));
        let turns = (0..=num_values / 2).map(|k| factor(k, len));
        Self {
            len,
            positions: positions.collect(),
            stages,
            turns: turns.collect(),
        }
    }

    /// Samples of a frame.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: a frame has at least one sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Bins of a spectrum.
    #[must_use]
    pub fn num_bins(&self) -> usize {
        self.len / 2 + 1
    }

    /// Values that [`PowerFft::power`] takes: half as many as samples, where these are even.
    #[must_use]
    pub fn num_values(&self) -> usize {
        self.positions.len()
    }

    /// What samples have to be multiplied by before, for the power to be that of the samples.
    #[must_use]
    pub fn input_scale(&self) -> f64 {
        if self.is_packed() { 0.5 } else { 1.0 }
    }

    /// Whether a value holds two samples, the even one as its real part.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        self.len % 2 == 0
    }

    /// Squared magnitudes of the bins. `values` are overwritten.
    ///
    /// # Panics
    /// If `values` are not [`PowerFft::num_values`], or `out` has not [`PowerFft::num_bins`] places.
    #[inline(always)]
    pub(crate) fn power<V: Vectors>(&self, values: &mut [Complex], out: &mut [Lane]) {
        self.finish::<V>(&self.stages, values, out);
    }

    /// The same for whole frames times `weights`, which saves a walk through `values`.
    ///
    /// False, and nothing has been done, for lengths that are not made for it.
    ///
    /// # Panics
    /// If a frame or the weights are shorter than [`PowerFft::len`], and where
    /// [`PowerFft::power`] does.
    #[inline(always)]
    pub(crate) fn power_of_frames<V: Vectors>(
        &self,
        frames: [&[f32]; LANES],
        weights: &[f64],
        values: &mut [Complex],
        out: &mut [Lane],
    ) -> bool {
        match self.stages.split_first() {
            Some((first, rest)) if self.is_packed() && first.takes_frames() => {
                first.by_four_of_frames::<V>(frames, weights, values);
                self.finish::<V>(rest, values, out);
                true
            }
            _ => false,
        }
    }

    /// What is left after some stages.
    #[inline(always)]
    fn finish<V: Vectors>(&self, stages: &[Stage], values: &mut [Complex], out: &mut [Lane]) {
        assert!(values.len() == self.num_values() && out.len() == self.num_bins());
        for stage in stages {
            stage.apply::<V>(values);
        }
        if self.is_packed() {
            self.unpacked_power::<V>(values, out);
        } else {
            for (place, &position) in out.iter_mut().zip(&self.positions) {
                *place = norm::<V>(values[position]);
            }
        }
    }

    #[inline(always)]
    fn unpacked_power<V: Vectors>(&self, values: &[Complex], out: &mut [Lane]) {
        let num_values = self.num_values();
        let first = values[0];
        for lane in 0..LANES {
            let (re, im) = (2.0 * first.re.0[lane], 2.0 * first.im.0[lane]);
            out[0].0[lane] = (re + im) * (re + im);
            out[num_values].0[lane] = (re - im) * (re - im);
        }
        let (low, high) = out.split_at_mut(num_values / 2 + 1);
        let (low, high) = (&mut low[1..], &mut high[..(num_values - 1) / 2]);
        let places = low.iter_mut().zip(high.iter_mut().rev());
        let positions = self.positions[1..].iter().zip(self.positions.iter().rev());
        for (((below, above), &turn), (&a, &b)) in places.zip(&self.turns[1..]).zip(positions) {
            (*below, *above) = bins::<V>(values[a], values[b], turn);
        }
        if num_values % 2 == 0 {
            let middle = num_values / 2;
            let value = values[self.positions[middle]];
            out[middle] = bins::<V>(value, value, self.turns[middle]).0;
        }
    }
}

/// `exp(-2 pi i k / n)`.
fn factor(k: usize, n: usize) -> Factor {
    let angle = -2.0 * PI * (k % n) as f64 / n as f64;
    (angle.cos(), angle.sin())
}

/// Fours, then what is left in ascending order.
fn radices(mut len: usize) -> Vec<usize> {
    let mut found = Vec::new();
    for radix in std::iter::once(4).chain(2..) {
        while len % radix == 0 && len > 1 {
            found.push(radix);
            len /= radix;
        }
        if len <= 1 {
            return found;
        }
    }
    found
}

/// Where the transform of `len` values leaves the one with index `k`.
fn position(k: usize, len: usize, radices: &[usize]) -> usize {
    match radices.split_first() {
        Some((radix, rest)) => {
            let stride = len / radix;
            (k % radix) * stride + position(k / radix, stride, rest)
        }
        None => 0,
    }
}

/// Powers of a bin and of its mirror image, from the values of both, each scaled by a half.
#[inline(always)]
fn bins<V: Vectors>(a: Complex, b: Complex, turn: Factor) -> (Lane, Lane) {
    let even = Complex {
        re: plus::<V>(a.re, b.re),
        im: minus::<V>(a.im, b.im),
    };
    let odd = Complex {
        re: plus::<V>(a.im, b.im),
        im: minus::<V>(b.re, a.re),
    };
    let turned = mul::<V>(odd, turn);
    (
        norm::<V>(add::<V>(even, turned)),
        norm::<V>(sub::<V>(even, turned)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::vectors::Portable;

    fn sample(frame: usize, at: usize) -> f64 {
        (((at * 7919 + frame * 104_729) % 1009) as f64 / 504.5 - 1.0) * 0.7
    }

    /// The definition, in float64.
    fn slow_power(len: usize, frame: usize, k: usize) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for at in 0..len {
            let (cos, sin) = factor(k * at, len);
            re += sample(frame, at) * cos;
            im += sample(frame, at) * sin;
        }
        re * re + im * im
    }

    #[test]
    fn powers_are_those_of_the_definition_for_any_length() {
        let lengths = (1..=40).chain([64, 77, 100, 128, 250, 256, 400, 512, 551, 1102]);
        for len in lengths {
            let fft = PowerFft::new(len);
            let mut values = vec![Complex::default(); fft.num_values()];
            for at in 0..len {
                for frame in 0..LANES {
                    let scaled = sample(frame, at) * fft.input_scale();
                    match (fft.is_packed(), at % 2) {
                        (false, _) => values[at].re.0[frame] = scaled,
                        (true, 0) => values[at / 2].re.0[frame] = scaled,
                        (true, _) => values[at / 2].im.0[frame] = scaled,
                    }
                }
            }
            let mut out = vec![Lane::default(); fft.num_bins()];
            fft.power::<Portable>(&mut values, &mut out);
            for (k, bin) in out.iter().enumerate().step_by(1 + len / 50) {
                for frame in 0..LANES {
                    let exact = slow_power(len, frame, k);
                    let error = (bin.0[frame] - exact).abs();
                    assert!(
                        error <= 1e-11 * (1.0 + exact),
                        "length {len}, bin {k}: {error}"
                    );
                }
            }
        }
    }
}
