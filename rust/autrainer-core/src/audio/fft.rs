//! Power spectra of several real frames at once.
//!
//! Every number is a vector of [`LANES`] numbers, one for each frame, so that no step of the
//! transform has to move numbers within a vector, and every processor does the same operations in
//! the same order. It is in float64: in float32 the loudest bin of a frame would drown the quiet
//! ones 60 dB below it in rounding errors of 0.01 dB.
//!
//! The transform is a mixed-radix one in place, decimation in frequency (Cooley and Tukey, 1965), of
//! half the length, with the even samples as real and the odd ones as imaginary parts.

use std::f64::consts::PI;

/// Frames that are transformed at once.
pub const LANES: usize = 4;

/// A number of each frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(align(32))]
pub struct Lane(pub [f64; LANES]);

/// A complex number of each frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Complex {
    /// Real parts.
    pub re: Lane,
    /// Imaginary parts.
    pub im: Lane,
}

/// One complex number for all frames.
type Factor = (f64, f64);

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

#[derive(Debug, Clone, PartialEq)]
struct Stage {
    radix: usize,
    /// How far the values lie apart that are combined.
    stride: usize,
    /// `radix - 1` factors for each offset within the stride.
    twiddles: Vec<Factor>,
    /// Powers of `exp(-2 pi i / radix)`.
    roots: Vec<Factor>,
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
    pub fn power(&self, values: &mut [Complex], out: &mut [Lane]) {
        self.finish(&self.stages, values, out);
    }

    /// The same for whole frames times `weights`, which saves a walk through `values`.
    ///
    /// False, and nothing has been done, for lengths that are not made for it.
    ///
    /// # Panics
    /// If a frame or the weights are shorter than [`PowerFft::len`], and where
    /// [`PowerFft::power`] does.
    #[inline(always)]
    pub fn power_of_frames(
        &self,
        frames: [&[f32]; LANES],
        weights: &[f64],
        values: &mut [Complex],
        out: &mut [Lane],
    ) -> bool {
        match self.stages.split_first() {
            Some((first, rest)) if self.is_packed() && first.takes_frames() => {
                first.by_four_of_frames(frames, weights, values);
                self.finish(rest, values, out);
                true
            }
            _ => false,
        }
    }

    /// What is left after some stages.
    #[inline(always)]
    fn finish(&self, stages: &[Stage], values: &mut [Complex], out: &mut [Lane]) {
        assert!(values.len() == self.num_values() && out.len() == self.num_bins());
        for stage in stages {
            stage.apply(values);
        }
        if self.is_packed() {
            self.unpacked_power(values, out);
        } else {
            for (place, &position) in out.iter_mut().zip(&self.positions) {
                *place = norm(values[position]);
            }
        }
    }

    #[inline(always)]
    fn unpacked_power(&self, values: &[Complex], out: &mut [Lane]) {
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
            (*below, *above) = bins(values[a], values[b], turn);
        }
        if num_values % 2 == 0 {
            let middle = num_values / 2;
            let value = values[self.positions[middle]];
            out[middle] = bins(value, value, self.turns[middle]).0;
        }
    }
}

impl Stage {
    fn new(block: usize, radix: usize) -> Self {
        let stride = block / radix;
        let twiddles = (0..stride).flat_map(|at| (1..radix).map(move |m| factor(m * at, block)));
        Self {
            radix,
            stride,
            twiddles: twiddles.collect(),
            roots: (0..radix).map(|k| factor(k, radix)).collect(),
        }
    }

    #[inline(always)]
    fn apply(&self, values: &mut [Complex]) {
        match self.radix {
            4 if self.stride == 1 => by_four_at_last(values),
            4 => self.by_four(values),
            2 => self.by_two(values),
            _ => self.by_any(values),
        }
    }

    #[inline(always)]
    fn by_four(&self, values: &mut [Complex]) {
        for block in values.chunks_exact_mut(4 * self.stride) {
            let (low, high) = block.split_at_mut(2 * self.stride);
            let (a, b) = low.split_at_mut(self.stride);
            let (c, d) = high.split_at_mut(self.stride);
            let quartets = a.iter_mut().zip(b).zip(c).zip(d);
            for ((((a, b), c), d), w) in quartets.zip(self.twiddles.chunks_exact(3)) {
                let [p, q, r, s] = of_four(*a, *b, *c, *d);
                (*a, *b) = (p, mul(q, w[0]));
                (*c, *d) = (mul(r, w[1]), mul(s, w[2]));
            }
        }
    }

    /// Whether the stage can take samples as they come: four at a time of four places.
    fn takes_frames(&self) -> bool {
        self.radix == 4 && self.stride % 2 == 0
    }

    #[inline(always)]
    fn by_four_of_frames(&self, frames: [&[f32]; LANES], weights: &[f64], values: &mut [Complex]) {
        let quarter = 2 * self.stride;
        let (low, high) = values.split_at_mut(2 * self.stride);
        let (a, b) = low.split_at_mut(self.stride);
        let (c, d) = high.split_at_mut(self.stride);
        let pairs = a.chunks_exact_mut(2).zip(b.chunks_exact_mut(2));
        let pairs = pairs.zip(c.chunks_exact_mut(2)).zip(d.chunks_exact_mut(2));
        let pairs = pairs.zip(self.twiddles.chunks_exact(6));
        for (at, ((((a, b), c), d), w)) in pairs.enumerate() {
            let at = 4 * at;
            let p = two_values(&frames, weights, at);
            let q = two_values(&frames, weights, at + quarter);
            let r = two_values(&frames, weights, at + 2 * quarter);
            let s = two_values(&frames, weights, at + 3 * quarter);
            for which in 0..2 {
                let (p, q, r, s) = (p[which], q[which], r[which], s[which]);
                let [p, q, r, s] = of_four(p, q, r, s);
                (a[which], b[which]) = (p, mul(q, w[3 * which]));
                (c[which], d[which]) = (mul(r, w[3 * which + 1]), mul(s, w[3 * which + 2]));
            }
        }
    }

    #[inline(always)]
    fn by_two(&self, values: &mut [Complex]) {
        for block in values.chunks_exact_mut(2 * self.stride) {
            let (a, b) = block.split_at_mut(self.stride);
            for ((a, b), &w) in a.iter_mut().zip(b).zip(&self.twiddles) {
                (*a, *b) = (add(*a, *b), mul(sub(*a, *b), w));
            }
        }
    }

    /// By definition: `radix` products for each value.
    #[inline(always)]
    fn by_any(&self, values: &mut [Complex]) {
        let mut given = vec![Complex::default(); self.radix];
        for block in values.chunks_exact_mut(self.radix * self.stride) {
            for at in 0..self.stride {
                for (place, &value) in given
                    .iter_mut()
                    .zip(block[at..].iter().step_by(self.stride))
                {
                    *place = value;
                }
                let places = block[at..].iter_mut().step_by(self.stride);
                for (m, place) in places.enumerate() {
                    let mut sum = given[0];
                    for (n, &value) in given.iter().enumerate().skip(1) {
                        sum = add(sum, mul(value, self.roots[m * n % self.radix]));
                    }
                    *place = match m.checked_sub(1) {
                        Some(m) => mul(sum, self.twiddles[at * (self.radix - 1) + m]),
                        None => sum,
                    };
                }
            }
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
fn bins(a: Complex, b: Complex, turn: Factor) -> (Lane, Lane) {
    let (mut below, mut above) = (Lane::default(), Lane::default());
    for lane in 0..LANES {
        let (even_re, even_im) = (a.re.0[lane] + b.re.0[lane], a.im.0[lane] - b.im.0[lane]);
        let (odd_re, odd_im) = (a.im.0[lane] + b.im.0[lane], b.re.0[lane] - a.re.0[lane]);
        let turned_re = odd_re * turn.0 - odd_im * turn.1;
        let turned_im = odd_re * turn.1 + odd_im * turn.0;
        let (re, im) = (even_re + turned_re, even_im + turned_im);
        below.0[lane] = re * re + im * im;
        let (re, im) = (even_re - turned_re, even_im - turned_im);
        above.0[lane] = re * re + im * im;
    }
    (below, above)
}

/// Four samples of each frame from `at` on, times their weights, as two values.
///
/// Without closures: those of arrays are not compiled for the vectors of whoever calls this.
#[inline(always)]
fn two_values(frames: &[&[f32]; LANES], weights: &[f64], at: usize) -> [Complex; 2] {
    let weights = &weights[at..at + 4];
    let mut columns = [[0.0_f32; LANES]; 4];
    for (lane, frame) in frames.iter().enumerate() {
        let samples = &frame[at..at + 4];
        for (column, &sample) in columns.iter_mut().zip(samples) {
            column[lane] = sample;
        }
    }
    let mut out = [Complex::default(); 2];
    for (which, value) in out.iter_mut().enumerate() {
        value.re = weighted(&columns[2 * which], weights[2 * which]);
        value.im = weighted(&columns[2 * which + 1], weights[2 * which + 1]);
    }
    out
}

#[inline(always)]
fn weighted(samples: &[f32; LANES], weight: f64) -> Lane {
    let mut out = Lane::default();
    for (place, &sample) in out.0.iter_mut().zip(samples) {
        *place = f64::from(sample) * weight;
    }
    out
}

#[inline(always)]
fn norm(a: Complex) -> Lane {
    let mut out = Lane::default();
    for lane in 0..LANES {
        out.0[lane] = a.re.0[lane] * a.re.0[lane] + a.im.0[lane] * a.im.0[lane];
    }
    out
}

#[inline(always)]
fn add(mut a: Complex, b: Complex) -> Complex {
    for lane in 0..LANES {
        a.re.0[lane] += b.re.0[lane];
    }
    for lane in 0..LANES {
        a.im.0[lane] += b.im.0[lane];
    }
    a
}

#[inline(always)]
fn sub(mut a: Complex, b: Complex) -> Complex {
    for lane in 0..LANES {
        a.re.0[lane] -= b.re.0[lane];
    }
    for lane in 0..LANES {
        a.im.0[lane] -= b.im.0[lane];
    }
    a
}

/// A last stage has no factors.
#[inline(always)]
fn by_four_at_last(values: &mut [Complex]) {
    for block in values.chunks_exact_mut(4) {
        let transformed = of_four(block[0], block[1], block[2], block[3]);
        block.copy_from_slice(&transformed);
    }
}

/// The transform of four values.
#[inline(always)]
fn of_four(a: Complex, b: Complex, c: Complex, d: Complex) -> [Complex; 4] {
    let (even, odd) = (add(a, c), sub(a, c));
    let (sum, difference) = (add(b, d), sub(b, d));
    let (mut second, mut fourth) = (odd, odd);
    for lane in 0..LANES {
        second.re.0[lane] += difference.im.0[lane];
        fourth.re.0[lane] -= difference.im.0[lane];
    }
    for lane in 0..LANES {
        second.im.0[lane] -= difference.re.0[lane];
        fourth.im.0[lane] += difference.re.0[lane];
    }
    [add(even, sum), second, sub(even, sum), fourth]
}

#[inline(always)]
fn mul(a: Complex, (re, im): Factor) -> Complex {
    let mut out = a;
    for lane in 0..LANES {
        out.re.0[lane] = a.re.0[lane] * re - a.im.0[lane] * im;
    }
    for lane in 0..LANES {
        out.im.0[lane] = a.re.0[lane] * im + a.im.0[lane] * re;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
            fft.power(&mut values, &mut out);
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
