//! A place in a compressed file that is not behind a sample, found by looking at few others.

use crate::decode::input::Fault;

/// Bytes before a sample that are walked through and not searched any more.
const NEAR_BYTES: u64 = 16 << 10;

/// Looks at where the sample were if all had equally many bytes; then the distance is halved.
const GUESSES: usize = 4;

/// A place from where packets can be read, and the sample that is reached there.
pub(super) trait Place: Copy {
    fn position(&self) -> u64;
    fn sample(&self) -> i64;
}

/// A place near a sample and not behind it, from `low` on, which is such a place.
///
/// `end` is where the file ends, and the sample behind its last one. `look` gives the first place
/// of a range of bytes.
pub(super) fn before<P: Place>(
    mut low: P,
    end: (u64, i64),
    target: i64,
    mut look: impl FnMut(u64, u64) -> Result<Option<P>, Fault>,
) -> Result<P, Fault> {
    let mut high = end;
    let mut num_looks = 0;
    loop {
        let span = high.0.saturating_sub(low.position());
        let distance = share(span, target, low.sample(), high.1);
        if distance <= NEAR_BYTES {
            return Ok(low);
        }
        let step = if num_looks < GUESSES {
            distance - NEAR_BYTES / 2
        } else {
            span / 2
        };
        num_looks += 1;
        let middle = low.position() + step;
        match look(middle, high.0)? {
            Some(place) if place.sample() <= target && place.position() > low.position() => {
                low = place;
            }
            Some(place) if place.sample() > target => high = (middle, place.sample()),
            _ => high = (middle, high.1),
        }
    }
}

/// The part of some bytes, of the samples from `first` to `end`, that lies before a sample.
fn share(bytes: u64, sample: i64, first: i64, end: i64) -> u64 {
    let samples = sample.saturating_sub(first).max(0).unsigned_abs();
    let all = end.saturating_sub(first).max(1).unsigned_abs();
    let part = u128::from(bytes) * u128::from(samples) / u128::from(all);
    u64::try_from(part).unwrap_or(bytes).min(bytes)
}
