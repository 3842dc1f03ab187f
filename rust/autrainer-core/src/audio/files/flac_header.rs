//! The header of a FLAC frame.

use super::crc;
use super::flac_frames::{Frame, Frames};

impl Frames {
    /// The frame whose header `bytes` begin with; none if there is none like in this stream.
    pub(super) fn parse(&self, bytes: &[u8], position: u64) -> Option<Frame> {
        let &[0xff, second, sizes, kinds, ref rest @ ..] = bytes else {
            return None;
        };
        if second != self.second || second & 0xfe != 0xf8 {
            return None;
        }
        self.check_kinds(kinds)?;
        let (number, mut rest) = coded_number(rest)?;
        let mut take = |count: usize| {
            let (taken, behind) = rest.split_at_checked(count)?;
            rest = behind;
            Some(
                taken
                    .iter()
                    .fold(0, |value, byte| value << 8 | u32::from(*byte)),
            )
        };
        let num_samples = match sizes >> 4 {
            1 => 192,
            code @ 2..=5 => 576 << (code - 2),
            6 => take(1)? + 1,
            7 => take(2)? + 1,
            code @ 8..=15 => 256 << (code - 8),
            _ => return None,
        };
        let rate = match sizes & 0xf {
            0 => self.sample_rate_hz,
            code @ 1..=11 => *RATES_HZ.get(usize::from(code))?,
            12 => take(1)? * 1000,
            13 => take(2)?,
            14 => take(2)? * 10,
            _ => return None,
        };
        let header = bytes.get(..bytes.len() - rest.len() + 1)?;
        if rate != self.sample_rate_hz || num_samples > 65535 || crc::flac_header(header) != 0 {
            return None;
        }
        let is_numbered = second & 1 == 0;
        Some(Frame {
            position,
            first_sample: number.checked_mul(if is_numbered { self.block_len } else { 1 })?,
            num_samples,
        })
    }

    /// Whether channels and bits are those of the stream.
    fn check_kinds(&self, kinds: u8) -> Option<()> {
        let num_channels = match kinds >> 4 {
            code @ 0..=7 => usize::from(code) + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = match kinds >> 1 & 0b111 {
            0 => self.bits,
            code => *BITS.get(usize::from(code))?,
        };
        (num_channels == self.num_channels && bits == self.bits && kinds & 1 == 0).then_some(())
    }
}

/// A number written like a character of UTF-8, of up to 36 bit, and what is behind it.
fn coded_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let ones = first.leading_ones() as usize;
    if ones == 1 || ones > 7 {
        return None;
    }
    let more = ones.saturating_sub(1);
    let mut value = u64::from(first) & (0xff_u64 >> (ones + 1).min(8));
    let (following, rest) = rest.split_at_checked(more)?;
    for byte in following {
        if byte & 0xc0 != 0x80 {
            return None;
        }
        value = value << 6 | u64::from(byte & 0x3f);
    }
    Some((value, rest))
}

const RATES_HZ: [u32; 12] = [
    0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000,
];

const BITS: [u32; 8] = [0, 8, 12, 0, 16, 20, 24, 32];
