//! The order of an epoch: a permutation that is a pure function of (seed, epoch, number of samples).
//!
//! Up to [`TABLE_SAMPLES`] samples it is a Fisher-Yates shuffle, so that every order of a small set
//! is equally likely. Beyond, it is a cipher on `0..n`: a mixed-radix Feistel network with cycle
//! walking, after Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002
//! (their generalised Feistel on Z_a x Z_b). With `a = ceil(sqrt(n))` and `b = ceil(n / a)` the
//! domain is larger than `n` by less than `a`, so next to nothing has to be walked. Any position
//! can be asked for on its own, and nothing is stored but the keys.
//!
//! The round function is two multiply-and-fold steps with 64 bits of key, reduced to the radix by
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
const LARGE_RADIX: u64 = 1 << 8;
const FEW_ROUNDS: usize = 6;
const MANY_ROUNDS: usize = 10;

/// Up to this radix, sums of two halves fit 32 bits.
const LANE_RADIX: u64 = 1 << 31;

/// Positions that are computed at once.
const LANES: usize = 32;

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

    /// The keys of the rounds in use, for the left and the right half in turn.
    fn rounds(&self) -> &[u64] {
        if self.rows < LARGE_RADIX {
            &self.keys
        } else {
            &self.keys[..FEW_ROUNDS]
        }
    }

    fn fill(&self, start: u64, out: &mut [i64]) {
        if self.rows > LANE_RADIX {
            for (place, position) in out.iter_mut().zip(start..) {
                *place = self.sample_at(position) as i64;
            }
            return;
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just said that it has AVX2.
            return unsafe { self.fill_avx2(start, out) };
        }
        self.fill_lanes(start, out);
    }

    /// `fill_lanes`, which the compiler makes twice as fast with the wider registers.
    // SAFETY: nothing in it is unsafe but the call itself, on a processor without AVX2.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn fill_avx2(&self, start: u64, out: &mut [i64]) {
        self.fill_lanes(start, out);
    }

    /// Several positions at once. Neighbours are counted up, which saves a division for each.
    #[inline(always)]
    fn fill_lanes(&self, start: u64, out: &mut [i64]) {
        let mut next = (start / self.columns, start % self.columns);
        for places in out.chunks_mut(LANES) {
            let mut samples = [0; LANES];
            self.encrypt(&mut next, &mut samples);
            let walks = samples.iter().any(|&sample| sample >= self.num_samples);
            match <&mut [i64; LANES]>::try_from(&mut *places) {
                Ok(places) if !walks => *places = samples.map(|sample| sample as i64),
                // Lanes past the end have no place, and a walk from there might never end.
                _ => {
                    for (place, sample) in places.iter_mut().zip(samples) {
                        *place = self.walked(sample) as i64;
                    }
                }
            }
        }
    }

    /// Encrypts the pairs from `next` on and moves it past them.
    #[inline(always)]
    fn encrypt(&self, next: &mut (u64, u64), samples: &mut [u64; LANES]) {
        // Half the products are of 32 bits, so that they fit the lanes of vector registers.
        let (rows, columns) = (self.rows as u32, self.columns as u32);
        let (mut left, mut right) = ([0; LANES], [0; LANES]);
        for (left, right) in left.iter_mut().zip(&mut right) {
            (*left, *right) = (next.0 as u32, next.1 as u32);
            next.1 += 1;
            if next.1 == self.columns {
                *next = (next.0 + 1, 0);
            }
        }
        for pair in self.rounds().chunks_exact(2) {
            add_rounds(&mut left, &right, pair[0], rows);
            add_rounds(&mut right, &left, pair[1], columns);
        }
        for ((sample, left), right) in samples.iter_mut().zip(left).zip(right) {
            *sample = u64::from(left) * u64::from(columns) + u64::from(right);
        }
    }

    /// The definition, for one position: what `fill_lanes` does for several.
    fn sample_at(&self, position: u64) -> u64 {
        self.walked(self.forward(position))
    }

    /// Cycle walking: on until the pair stands for a sample.
    fn walked(&self, mut sample: u64) -> u64 {
        while sample >= self.num_samples {
            sample = self.forward(sample);
        }
        sample
    }

    fn forward(&self, position: u64) -> u64 {
        let (mut left, mut right) = (position / self.columns, position % self.columns);
        for pair in self.rounds().chunks_exact(2) {
            left = (left + round(right, pair[0], self.rows)) % self.rows;
            right = (right + round(left, pair[1], self.columns)) % self.columns;
        }
        left * self.columns + right
    }

    fn position_of(&self, sample: u64) -> u64 {
        let mut position = self.backward(sample);
        while position >= self.num_samples {
            position = self.backward(position);
        }
        position
    }

    fn backward(&self, sample: u64) -> u64 {
        let (mut left, mut right) = (sample / self.columns, sample % self.columns);
        for pair in self.rounds().chunks_exact(2).rev() {
            right = (right + self.columns - round(left, pair[1], self.columns)) % self.columns;
            left = (left + self.rows - round(right, pair[0], self.rows)) % self.rows;
        }
        left * self.columns + right
    }
}

/// Add the round function of one half to the other, modulo its radix, in every lane.
#[inline(always)]
fn add_rounds(to: &mut [u32; LANES], of: &[u32; LANES], key: u64, radix: u32) {
    for (to, &of) in to.iter_mut().zip(of) {
        let sum = *to + ((u64::from(mixed(of, key)) * u64::from(radix)) >> 32) as u32;
        // The smaller of both is the remainder: the subtraction wraps where sum is below radix.
        *to = sum.min(sum.wrapping_sub(radix));
    }
}

/// The round function: `half`, which is below 2**32, as a number below `radix`.
fn round(half: u64, key: u64, radix: u64) -> u64 {
    (u64::from(mixed(half as u32, key)) * radix) >> 32
}

/// Two multiply-and-fold steps, each after one half of the key.
#[inline(always)]
fn mixed(half: u32, key: u64) -> u32 {
    let product = u64::from(half ^ key as u32) * 0x9e37_79b1;
    let folded = (product ^ (product >> 32)) as u32 ^ (key >> 32) as u32;
    let product = u64::from(folded) * 0xd3a2_646d;
    (product ^ (product >> 32)) as u32
}
