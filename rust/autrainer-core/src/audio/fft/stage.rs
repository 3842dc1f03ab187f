//! One step of the transform: values that lie a stride apart are combined.

use super::factor;
use super::lanes::{Complex, Factor, LANES, add, columns, minus, mul, plus, sub, times};
use crate::audio::vectors::Vectors;

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
    pub(super) fn apply<V: Vectors>(&self, values: &mut [Complex]) {
        match self.radix {
            4 if self.stride == 1 => by_four_at_last::<V>(values),
            4 => self.by_four::<V>(values),
            2 => self.by_two::<V>(values),
            3 => self.by_odd::<V, 3>(values),
            5 => self.by_odd::<V, 5>(values),
            7 => self.by_odd::<V, 7>(values),
            _ => self.by_any::<V>(values),
        }
    }

    #[inline(always)]
    fn by_four<V: Vectors>(&self, values: &mut [Complex]) {
        for block in values.chunks_exact_mut(4 * self.stride) {
            let (low, high) = block.split_at_mut(2 * self.stride);
            let (a, b) = low.split_at_mut(self.stride);
            let (c, d) = high.split_at_mut(self.stride);
            let quartets = a.iter_mut().zip(b).zip(c).zip(d);
            for ((((a, b), c), d), w) in quartets.zip(self.twiddles.chunks_exact(3)) {
                let [p, q, r, s] = of_four::<V>(*a, *b, *c, *d);
                (*a, *b) = (p, mul::<V>(q, w[0]));
                (*c, *d) = (mul::<V>(r, w[1]), mul::<V>(s, w[2]));
            }
        }
    }

    /// Whether the stage can take samples as they come: four at a time of four places.
    pub(super) fn takes_frames(&self) -> bool {
        self.radix == 4 && self.stride % 2 == 0
    }

    #[inline(always)]
    pub(super) fn by_four_of_frames<V: Vectors>(
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
            let p = two_values::<V>(&frames, weights, at);
            let q = two_values::<V>(&frames, weights, at + quarter);
            let r = two_values::<V>(&frames, weights, at + 2 * quarter);
            let s = two_values::<V>(&frames, weights, at + 3 * quarter);
            for which in 0..2 {
                let (p, q, r, s) = (p[which], q[which], r[which], s[which]);
                let [p, q, r, s] = of_four::<V>(p, q, r, s);
                (a[which], b[which]) = (p, mul::<V>(q, w[3 * which]));
                (c[which], d[which]) =
                    (mul::<V>(r, w[3 * which + 1]), mul::<V>(s, w[3 * which + 2]));
            }
        }
    }

    #[inline(always)]
    fn by_two<V: Vectors>(&self, values: &mut [Complex]) {
        for block in values.chunks_exact_mut(2 * self.stride) {
            let (a, b) = block.split_at_mut(self.stride);
            for ((a, b), &w) in a.iter_mut().zip(b).zip(&self.twiddles) {
                (*a, *b) = (add::<V>(*a, *b), mul::<V>(sub::<V>(*a, *b), w));
            }
        }
    }

    /// By sums and differences of the values that lie symmetrically to the first one: their factors
    /// are conjugates, so that a quarter of the products is left.
    #[inline(always)]
    fn by_odd<V: Vectors, const RADIX: usize>(&self, values: &mut [Complex]) {
        for block in values.chunks_exact_mut(RADIX * self.stride) {
            for (at, w) in self.twiddles.chunks_exact(RADIX - 1).enumerate() {
                let mut given = [Complex::default(); RADIX];
                for (n, place) in given.iter_mut().enumerate() {
                    *place = block[at + n * self.stride];
                }
                let found = of_odd::<V, RADIX>(given, &self.roots);
                block[at] = found[0];
                for m in 1..RADIX {
                    block[at + m * self.stride] = mul::<V>(found[m], w[m - 1]);
                }
            }
        }
    }

    /// By definition: `radix` products for each value.
    #[inline(always)]
    fn by_any<V: Vectors>(&self, values: &mut [Complex]) {
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
                        sum = add::<V>(sum, mul::<V>(value, self.roots[m * n % self.radix]));
                    }
                    *place = match m.checked_sub(1) {
                        Some(m) => mul::<V>(sum, self.twiddles[at * (self.radix - 1) + m]),
                        None => sum,
                    };
                }
            }
        }
    }
}

/// A last stage has no factors.
#[inline(always)]
fn by_four_at_last<V: Vectors>(values: &mut [Complex]) {
    for block in values.chunks_exact_mut(4) {
        let transformed = of_four::<V>(block[0], block[1], block[2], block[3]);
        block.copy_from_slice(&transformed);
    }
}

/// The transform of four values.
#[inline(always)]
fn of_four<V: Vectors>(a: Complex, b: Complex, c: Complex, d: Complex) -> [Complex; 4] {
    let (even, odd) = (add::<V>(a, c), sub::<V>(a, c));
    let (sum, difference) = (add::<V>(b, d), sub::<V>(b, d));
    let second = Complex {
        re: plus::<V>(odd.re, difference.im),
        im: minus::<V>(odd.im, difference.re),
    };
    let fourth = Complex {
        re: minus::<V>(odd.re, difference.im),
        im: plus::<V>(odd.im, difference.re),
    };
    [add::<V>(even, sum), second, sub::<V>(even, sum), fourth]
}

/// Four samples of each frame from `at` on, times their weights, as two values.
///
/// Without closures: those of arrays are not compiled for the vectors of whoever calls this.
#[inline(always)]
fn two_values<V: Vectors>(frames: &[&[f32]; LANES], weights: &[f64], at: usize) -> [Complex; 2] {
    let weights = &weights[at..at + 4];
    let columns = columns::<V>(frames, at);
    let mut out = [Complex::default(); 2];
    for (which, value) in out.iter_mut().enumerate() {
        value.re = times::<V>(columns[2 * which], weights[2 * which]);
        value.im = times::<V>(columns[2 * which + 1], weights[2 * which + 1]);
    }
    out
}

/// The transform of an odd number of values.
#[inline(always)]
fn of_odd<V: Vectors, const RADIX: usize>(
    given: [Complex; RADIX],
    roots: &[Factor],
) -> [Complex; RADIX] {
    let (mut sums, mut differences) = (given, given);
    for n in 1..=RADIX / 2 {
        sums[n] = add::<V>(given[n], given[RADIX - n]);
        differences[n] = sub::<V>(given[n], given[RADIX - n]);
    }
    let mut out = given;
    for sum in &sums[1..=RADIX / 2] {
        out[0] = add::<V>(out[0], *sum);
    }
    for m in 1..=RADIX / 2 {
        // What both outputs have in common, and what one has with the other sign.
        let (mut even, mut odd) = (given[0], Complex::default());
        for n in 1..=RADIX / 2 {
            let (cosine, sine) = roots[m * n % RADIX];
            even.re = plus::<V>(even.re, times::<V>(sums[n].re, cosine));
            even.im = plus::<V>(even.im, times::<V>(sums[n].im, cosine));
            odd.re = minus::<V>(odd.re, times::<V>(differences[n].im, sine));
            odd.im = plus::<V>(odd.im, times::<V>(differences[n].re, sine));
        }
        (out[m], out[RADIX - m]) = (add::<V>(even, odd), sub::<V>(even, odd));
    }
    out
}
