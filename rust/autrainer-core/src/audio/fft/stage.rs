//! One step of the transform: values that lie a stride apart are combined.

use super::factor;
use super::lanes::{Complex, Factor, LANES, Lane, add, minus, mul, plus, sub, times};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stage {
    radix: usize,
    /// How far the values lie apart that are combined.
    stride: usize,
    /// `radix - 1` factors for each offset within the stride.
    twiddles: Vec<Factor>,
    /// Powers of `exp(-2 pi i / radix)`.
    roots: Vec<Factor>,
}

impl Stage {
    pub(super) fn new(block: usize, radix: usize) -> Self {
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
    pub(super) fn apply(&self, values: &mut [Complex]) {
        match self.radix {
            4 if self.stride == 1 => by_four_at_last(values),
            4 => self.by_four(values),
            2 => self.by_two(values),
            3 => self.by_odd::<3>(values),
            5 => self.by_odd::<5>(values),
            7 => self.by_odd::<7>(values),
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
    pub(super) fn takes_frames(&self) -> bool {
        self.radix == 4 && self.stride % 2 == 0
    }

    #[inline(always)]
    pub(super) fn by_four_of_frames(
        &self,
        frames: [&[f32]; LANES],
        weights: &[f64],
        values: &mut [Complex],
    ) {
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

    /// By sums and differences of the values that lie symmetrically to the first one: their factors
    /// are conjugates, so that a quarter of the products is left.
    #[inline(always)]
    fn by_odd<const RADIX: usize>(&self, values: &mut [Complex]) {
        for block in values.chunks_exact_mut(RADIX * self.stride) {
            for (at, w) in self.twiddles.chunks_exact(RADIX - 1).enumerate() {
                let mut given = [Complex::default(); RADIX];
                for (n, place) in given.iter_mut().enumerate() {
                    *place = block[at + n * self.stride];
                }
                let found = of_odd(given, &self.roots);
                block[at] = found[0];
                for m in 1..RADIX {
                    block[at + m * self.stride] = mul(found[m], w[m - 1]);
                }
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

/// The transform of an odd number of values.
#[inline(always)]
fn of_odd<const RADIX: usize>(given: [Complex; RADIX], roots: &[Factor]) -> [Complex; RADIX] {
    let (mut sums, mut differences) = (given, given);
    for n in 1..=RADIX / 2 {
        sums[n] = add(given[n], given[RADIX - n]);
        differences[n] = sub(given[n], given[RADIX - n]);
    }
    let mut out = given;
    for sum in &sums[1..=RADIX / 2] {
        out[0] = add(out[0], *sum);
    }
    for m in 1..=RADIX / 2 {
        // What both outputs have in common, and what one has with the other sign.
        let (mut even, mut odd) = (given[0], Complex::default());
        for n in 1..=RADIX / 2 {
            let (cosine, sine) = roots[m * n % RADIX];
            even.re = plus(even.re, times(sums[n].re, cosine));
            even.im = plus(even.im, times(sums[n].im, cosine));
            odd.re = minus(odd.re, times(differences[n].im, sine));
            odd.im = plus(odd.im, times(differences[n].re, sine));
        }
        (out[m], out[RADIX - m]) = (add(even, odd), sub(even, odd));
    }
    out
}
