//! The order of an epoch: a permutation that is a pure function of (seed, epoch, number of samples).
//!
//! Up to [`TABLE_SAMPLES`] samples it is a Fisher-Yates shuffle, so that every order of a small set
//! is equally likely. Beyond, it is a cipher on `0..n`: a mixed-radix Feistel network with cycle
//! walking, after Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002
//! (their generalised Feistel on Z_a x Z_b). With `a = ceil(sqrt(n))` and `b = ceil(n / a)` the
//! domain is larger than `n` by less than `a`, so next to nothing has to be walked. Any position
//! can be asked for on its own, and nothing is stored but the keys.
//!
//! The round function is two multiply-and-fold steps of a 64-bit mixer, reduced to the radix by
//! the upper half of a product; keys come from the finaliser of SplitMix64 (Steele, Lea and
//! Flood, OOPSLA 2014). Six rounds are where no distinguisher with fewer queries than the domain
//! has elements is known (Patarin, "Security of Random Feistel Schemes with 5 or More Rounds",
//! CRYPTO 2004). It is a good shuffle, not a secret: keys of 64 bits are no cryptography.
//!
//! The integers are the same on every platform; `tests/shuffle.rs` holds fixed vectors.

use crate::error::{Error, Result};

/// Sets of at most this many samples are shuffled through a table.
pub const TABLE_SAMPLES: u64 = 256;

/// From this radix on, `FEW_ROUNDS` are enough.
const LARGE_RADIX: u64 = 1 << 10;
const FEW_ROUNDS: usize = 6;
const MANY_ROUNDS: usize = 10;

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The order in which the samples of one epoch are visited.
#[derive(Debug, Clone)]
pub struct Order {
    num_samples: u64,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Table([u8; TABLE_SAMPLES as usize]),
    Cipher(Cipher),
}

impl Order {
    /// The order of `num_samples` samples in `epoch` under `seed`.
    ///
    /// # Errors
    /// [`Error::NumSamples`] for none, or for more than an `i64` can number.
    pub fn new(num_samples: u64, seed: u64, epoch: u64) -> Result<Self> {
        if num_samples == 0 || i64::try_from(num_samples).is_err() {
            return Err(Error::NumSamples { num_samples });
        }
        let keys = Keys::new(seed, epoch, num_samples);
        let kind = if num_samples <= TABLE_SAMPLES {
            Kind::Table(shuffled_table(num_samples, keys))
        } else {
            Kind::Cipher(Cipher::new(num_samples, keys))
        };
        Ok(Self { num_samples, kind })
    }

    /// Number of samples.
    #[must_use]
    pub fn num_samples(&self) -> u64 {
        self.num_samples
    }

    /// The samples at the positions from `start` on, as many as `out` has places.
    ///
    /// # Errors
    /// [`Error::Positions`] where they do not lie within the order.
    pub fn fill(&self, start: u64, out: &mut [i64]) -> Result<()> {
        let stop = u64::try_from(out.len())
            .ok()
            .and_then(|len| start.checked_add(len))
            .unwrap_or(u64::MAX);
        self.check(start, stop)?;
        match &self.kind {
            Kind::Table(table) => {
                let places = table
                    .iter()
                    .skip(usize::try_from(start).unwrap_or(usize::MAX));
                for (place, &sample) in out.iter_mut().zip(places) {
                    *place = i64::from(sample);
                }
            }
            Kind::Cipher(cipher) => cipher.fill(start, out),
        }
        Ok(())
    }

    /// The position at which `sample` is visited, the inverse of [`Order::fill`].
    ///
    /// # Errors
    /// [`Error::Positions`] where there is no such sample.
    pub fn position_of(&self, sample: u64) -> Result<u64> {
        self.check(sample, sample.saturating_add(1))?;
        Ok(match &self.kind {
            Kind::Table(table) => table
                .iter()
                .zip(0..self.num_samples)
                .find(|(entry, _)| u64::from(**entry) == sample)
                .map_or(sample, |(_, position)| position),
            Kind::Cipher(cipher) => cipher.position_of(sample),
        })
    }

    /// Number of positions from `start` to `stop`.
    ///
    /// # Errors
    /// [`Error::Positions`] where they do not lie within the order.
    pub fn num_positions(&self, start: u64, stop: u64) -> Result<usize> {
        self.check(start, stop)?;
        usize::try_from(stop - start).map_err(|_| Error::Positions {
            start,
            stop,
            num_samples: self.num_samples,
        })
    }

    fn check(&self, start: u64, stop: u64) -> Result<()> {
        if start <= stop && stop <= self.num_samples {
            return Ok(());
        }
        Err(Error::Positions {
            start,
            stop,
            num_samples: self.num_samples,
        })
    }
}

/// The samples at the positions `start..stop` of the order of (seed, epoch, number of samples).
///
/// # Errors
/// As [`Order::new`] and [`Order::fill`].
pub fn permutation(
    num_samples: u64,
    seed: u64,
    epoch: u64,
    start: u64,
    stop: u64,
) -> Result<Vec<i64>> {
    let order = Order::new(num_samples, seed, epoch)?;
    let len = order.num_positions(start, stop)?;
    let mut samples = vec![0; len];
    order.fill(start, &mut samples)?;
    Ok(samples)
}

/// A stream of 64-bit keys.
#[derive(Debug, Clone)]
struct Keys(u64);

impl Keys {
    fn new(seed: u64, epoch: u64, num_samples: u64) -> Self {
        let state = [seed, epoch, num_samples]
            .into_iter()
            .fold(GOLDEN_GAMMA, |state, value| {
                finalise(finalise(state).wrapping_add(value))
            });
        Self(state)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        finalise(self.0)
    }
}

/// The finaliser of SplitMix64.
fn finalise(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// `bits` scaled down to `0..bound`: the upper half of the product.
fn scaled(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

/// Fisher-Yates from the end, every draw from a key of its own.
fn shuffled_table(num_samples: u64, mut keys: Keys) -> [u8; TABLE_SAMPLES as usize] {
    let mut table = [0; TABLE_SAMPLES as usize];
    for (entry, sample) in table.iter_mut().zip(0..=u8::MAX) {
        *entry = sample;
    }
    for last in (1..num_samples).rev() {
        // Both lie below num_samples, which is at most the length of the table.
        table.swap(last as usize, scaled(keys.next(), last + 1) as usize);
    }
    table
}

/// The Feistel network on pairs `(left, right)` with `left < rows` and `right < columns`.
#[derive(Debug, Clone)]
struct Cipher {
    num_samples: u64,
    rows: u64,
    columns: u64,
    keys: [u64; MANY_ROUNDS],
}

impl Cipher {
    fn new(num_samples: u64, mut keys: Keys) -> Self {
        let rows = (num_samples - 1).isqrt() + 1;
        Self {
            num_samples,
            rows,
            columns: num_samples.div_ceil(rows),
            keys: std::array::from_fn(|_| keys.next()),
        }
    }

    fn fill(&self, start: u64, out: &mut [i64]) {
        if self.rows < LARGE_RADIX {
            self.fill_with::<MANY_ROUNDS>(start, out);
        } else {
            self.fill_with::<FEW_ROUNDS>(start, out);
        }
    }

    /// Neighbouring positions are counted up instead of divided, one after another.
    fn fill_with<const ROUNDS: usize>(&self, start: u64, out: &mut [i64]) {
        let (mut left, mut right) = (start / self.columns, start % self.columns);
        for place in out {
            let mut sample = self.forward::<ROUNDS>(left, right);
            while sample >= self.num_samples {
                sample = self.forward::<ROUNDS>(sample / self.columns, sample % self.columns);
            }
            *place = sample as i64;
            right += 1;
            if right == self.columns {
                right = 0;
                left += 1;
            }
        }
    }

    #[inline(always)]
    fn forward<const ROUNDS: usize>(&self, mut left: u64, mut right: u64) -> u64 {
        for pair in self.keys[..ROUNDS].chunks_exact(2) {
            left = added(left, scaled(mixed(right, pair[0]), self.rows), self.rows);
            right = added(
                right,
                scaled(mixed(left, pair[1]), self.columns),
                self.columns,
            );
        }
        left * self.columns + right
    }

    fn position_of(&self, sample: u64) -> u64 {
        let rounds = if self.rows < LARGE_RADIX {
            MANY_ROUNDS
        } else {
            FEW_ROUNDS
        };
        let mut position = self.backward(sample, rounds);
        while position >= self.num_samples {
            position = self.backward(position, rounds);
        }
        position
    }

    fn backward(&self, sample: u64, rounds: usize) -> u64 {
        let (mut left, mut right) = (sample / self.columns, sample % self.columns);
        for pair in self.keys[..rounds].chunks_exact(2).rev() {
            let added_right = scaled(mixed(left, pair[1]), self.columns);
            right = added(right, self.columns - added_right, self.columns);
            let added_left = scaled(mixed(right, pair[0]), self.rows);
            left = added(left, self.rows - added_left, self.rows);
        }
        left * self.columns + right
    }
}

/// The round function before it is scaled to the radix.
#[inline(always)]
fn mixed(half: u64, key: u64) -> u64 {
    let bits = (half ^ key).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (bits ^ (bits >> 32)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// `(a + b) % bound` for `a < bound` and `b <= bound`.
#[inline(always)]
fn added(a: u64, b: u64, bound: u64) -> u64 {
    let sum = a + b;
    if sum >= bound { sum - bound } else { sum }
}
