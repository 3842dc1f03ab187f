//! The headers of a Vorbis stream: what is needed to know how many samples a packet has.

use super::ogg;
use super::source::Source;
use crate::decode::input::{Fault, Input};

/// More than any packet has; comments with pictures are passed over and may have more.
pub(super) const PACKET_BYTES: usize = 1 << 20;

/// Pages that a stream has before its first sample, at most: comments may hold pictures.
const HEADER_PAGES: usize = 1 << 14;

pub(super) type HeaderPackets = [Vec<u8>; 2];

/// The stream, where its sound begins, and the packets that describe it and set the decoder up.
pub(super) fn read_headers(
    source: &mut Source<'_, impl Input>,
) -> Result<(u32, u64, HeaderPackets), Fault> {
    let mut kept: [Vec<u8>; 3] = Default::default();
    let mut number = 0;
    let mut position = 0;
    let mut serial = None;
    for _ in 0..HEADER_PAGES {
        let Some(page) = ogg::page(source, position)? else {
            break;
        };
        position = page.end();
        if page.serial != *serial.get_or_insert(page.serial) {
            continue;
        }
        let bytes = source.bytes(page.position, page.len())?;
        for piece in page.pieces() {
            let Some(packet) = kept.get_mut(number) else {
                return Err(Fault::Unsupported(
                    "Vorbis with an unusual header".to_owned(),
                ));
            };
            // Of the comments, nothing is kept.
            if number != 1 {
                let piece_bytes = bytes.get(piece.range).unwrap_or_default();
                if packet.len() + piece_bytes.len() > PACKET_BYTES {
                    return Err(Fault::Unsupported("Vorbis with a huge header".to_owned()));
                }
                packet.extend_from_slice(piece_bytes);
            }
            number += usize::from(piece.is_end);
        }
        if number == 3 {
            let [identification, _, setup] = kept;
            return Ok((page.serial, position, [identification, setup]));
        }
    }
    Err(Fault::corrupt(
        "the three headers of Vorbis",
        number.to_string(),
    ))
}

/// The first packet of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identification {
    pub(super) num_channels: usize,
    pub(super) rate_hz: u32,
    /// Samples of a short and a long block.
    block_sizes: [u32; 2],
}

impl Identification {
    pub(super) fn parse(packet: &[u8]) -> Result<Self, Fault> {
        let Some(
            &[
                1,
                b'v',
                b'o',
                b'r',
                b'b',
                b'i',
                b's',
                0,
                0,
                0,
                0,
                channels,
                a,
                b,
                c,
                d,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                sizes,
                1,
            ],
        ) = packet.first_chunk::<30>()
        else {
            return Err(Fault::Unsupported(
                "Vorbis with an unusual header".to_owned(),
            ));
        };
        let rate_hz = u32::from_le_bytes([a, b, c, d]);
        let (short, long) = (sizes & 0xf, sizes >> 4);
        let is_usual = (6..=13).contains(&short) && (short..=13).contains(&long);
        if !is_usual || channels == 0 || rate_hz == 0 {
            return Err(Fault::corrupt(
                "Vorbis audio",
                format!(
                    "{channels} channels at {rate_hz} Hz in blocks of 2**{short} and 2**{long}"
                ),
            ));
        }
        if channels > 8 {
            return Err(Fault::Unsupported(format!("Vorbis of {channels} channels")));
        }
        Ok(Self {
            num_channels: usize::from(channels),
            rate_hz,
            block_sizes: [1 << short, 1 << long],
        })
    }
}

/// How many samples packets have.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    sizes: [u32; 2],
    /// Whether the blocks of each mode are long.
    modes: Vec<bool>,
}

impl Blocks {
    /// From the packet that sets the decoder up, whose end holds the modes.
    pub(super) fn parse(identification: &Identification, setup: &[u8]) -> Result<Self, Fault> {
        Ok(Self {
            sizes: identification.block_sizes,
            modes: modes(setup).ok_or_else(|| {
                Fault::Unsupported("Vorbis that is damaged or unusual: no modes".to_owned())
            })?,
        })
    }

    /// Samples of the block of a packet; none if it holds no sound.
    pub(super) fn size(&self, packet: &[u8]) -> Option<u32> {
        let first = *packet.first()?;
        let bits = usize::BITS - (self.modes.len() - 1).leading_zeros();
        let mode = usize::from(first >> 1) & ((1 << bits) - 1);
        let is_long = *self.modes.get(mode)?;
        let [short, long] = self.sizes;
        (first & 1 == 0).then_some(if is_long { long } else { short })
    }
}

/// Read the modes backwards: a bit that is set, then modes of 41 bit, then their number. Each mode
/// is a bit for long blocks, 32 that are zero, and a mapping of 8 bit.
fn modes(setup: &[u8]) -> Option<Vec<bool>> {
    let num_bits = setup.len() * 8;
    let bit = |at: usize| {
        setup
            .get(at / 8)
            .is_some_and(|byte| byte >> (at % 8) & 1 == 1)
    };
    let number = |at: usize, len: usize| {
        (0..len).fold(0_usize, |value, place| {
            value | usize::from(bit(at + place)) << place
        })
    };
    let last = (0..num_bits).rev().find(|at| bit(*at))?;
    let mut found = None;
    let mut modes = Vec::new();
    let mut end = last;
    // The smallest header before the modes is far longer.
    while end > 41 + 6 + 56 && modes.len() < 64 {
        let start = end - 41;
        if number(start + 33, 8) > 63 || (start + 1..start + 33).any(bit) {
            break;
        }
        modes.push(bit(start));
        if number(start - 6, 6) + 1 == modes.len() {
            found = Some(modes.len());
        }
        end = start;
    }
    modes.truncate(found?);
    modes.reverse();
    Some(modes)
}
