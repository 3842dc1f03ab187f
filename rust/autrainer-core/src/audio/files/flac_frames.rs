//! The frames of a FLAC stream. A frame does not say how long it is: it ends where the next one
//! begins and its checksum is right.

use super::crc;
use super::search::Place;
use super::source::Source;
use crate::decode::input::{Fault, Input};

/// The longest header: synchronisation, codes, a number of seven bytes, size, rate, checksum.
const HEADER_BYTES: usize = 16;

/// The shortest frame: a header, a sample for all, a checksum.
const LEAST_BYTES: usize = 8;

/// Bytes in which the end of a frame is looked for, at first and at most.
const FIRST_BYTES: usize = 8 << 10;
const MOST_BYTES: usize = 8 << 20;

/// Bytes in which the last frame of a file is looked for at first.
const TAIL_BYTES: u64 = 32 << 10;

/// Headers in the end of a file that no whole frame belongs to. Where a file is cut there is one;
/// each takes a walk to the end of the file.
const MOST_FALSE: usize = 64;

/// A tag of players at the end of a file (ID3v1).
const TAG_BYTES: usize = 128;

/// A frame whose header is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) position: u64,
    pub(super) first_sample: u64,
    pub(super) num_samples: u32,
}

/// Where a frame ends, and what comes after it.
pub(super) struct FrameEnd {
    pub(super) len: usize,
    pub(super) next: Option<Frame>,
}

/// What all headers of a stream have in common.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) num_channels: usize,
    pub(super) bits: u32,
    pub(super) sample_rate_hz: u32,
    /// The second byte, which says how frames are numbered.
    pub(super) second: u8,
    /// Samples of a frame where frames are numbered; the last one may be shorter.
    pub(super) block_len: u64,
    pub(super) first: Frame,
}

impl Frame {
    /// The sample that the next frame begins with.
    pub(super) fn next_sample(&self) -> u64 {
        self.first_sample + u64::from(self.num_samples)
    }
}

impl Place for Frame {
    fn position(&self) -> u64 {
        self.position
    }

    fn sample(&self) -> i64 {
        self.first_sample as i64
    }
}

impl Frames {
    /// Read the header of the first frame.
    pub(super) fn open(
        source: &mut Source<'_, impl Input>,
        position: u64,
        num_channels: usize,
        bits: u32,
        sample_rate_hz: u32,
    ) -> Result<Self, Fault> {
        let first = Frame {
            position,
            first_sample: 0,
            num_samples: 0,
        };
        let mut frames = Self {
            num_channels,
            bits,
            sample_rate_hz,
            second: 0,
            block_len: 1,
            first,
        };
        let head = source.bytes(position, HEADER_BYTES)?;
        if head.is_empty() {
            // A recording without samples.
            return Ok(frames);
        }
        frames.second = head.get(1).copied().unwrap_or_default();
        let header = frames.parse(head, position).filter(|frame| {
            // The number of a frame, or of a sample: where it is 0, both are.
            frame.first_sample == 0
        });
        frames.first = header.ok_or_else(|| {
            Fault::Unsupported("FLAC whose first frame is damaged or not the first".to_owned())
        })?;
        frames.block_len = u64::from(frames.first.num_samples);
        Ok(frames)
    }

    /// Where a frame ends, and the frame behind it.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] where no end fits its checksum.
    pub(super) fn end_of(
        &self,
        source: &mut Source<'_, impl Input>,
        frame: &Frame,
    ) -> Result<FrameEnd, Fault> {
        let mut wanted = FIRST_BYTES;
        let mut from = LEAST_BYTES;
        loop {
            let bytes = source.bytes(frame.position, wanted)?;
            let is_all = bytes.len() < wanted;
            // A header that the bytes end in is looked at with more of them.
            let until = if is_all {
                bytes.len()
            } else {
                bytes.len() - HEADER_BYTES
            };
            if let Some(end) = self.next_in(bytes, frame, from, until) {
                return Ok(end);
            }
            if is_all {
                return match whole(bytes) {
                    Some(len) => Ok(FrameEnd { len, next: None }),
                    None => Err(damaged(frame)),
                };
            }
            if wanted >= MOST_BYTES {
                return Err(damaged(frame));
            }
            from = until;
            wanted *= 2;
        }
    }

    /// The end of a frame in the bytes that it begins.
    fn next_in(&self, bytes: &[u8], frame: &Frame, from: usize, until: usize) -> Option<FrameEnd> {
        let mut at = from;
        let (mut checksum, mut num_summed) = (0, 0);
        while let Some(found) = self.sync(bytes, at, until) {
            let head = bytes.get(found..).unwrap_or_default();
            let next = self.parse(head, frame.position + found as u64);
            let next = next.filter(|next| next.first_sample == frame.next_sample());
            if next.is_some() {
                checksum = crc::flac_on(checksum, bytes.get(num_summed..found)?);
                num_summed = found;
                if checksum == 0 {
                    return Some(FrameEnd { len: found, next });
                }
            }
            at = found + 1;
        }
        None
    }

    /// Where a header may begin.
    fn sync(&self, bytes: &[u8], from: usize, until: usize) -> Option<usize> {
        let mut from = from;
        loop {
            let at = from
                + bytes
                    .get(from..until)?
                    .iter()
                    .position(|byte| *byte == 0xff)?;
            if bytes.get(at + 1) == Some(&self.second) {
                return Some(at);
            }
            from = at + 1;
        }
    }

    /// The first frame that begins in a range.
    pub(super) fn next_after(
        &self,
        source: &mut Source<'_, impl Input>,
        from: u64,
        to: u64,
    ) -> Result<Option<Frame>, Fault> {
        let mut position = from;
        while position < to {
            let bytes = source.bytes(position, FIRST_BYTES)?;
            if bytes.len() <= HEADER_BYTES {
                return Ok(None);
            }
            let until = bytes.len() - HEADER_BYTES;
            let mut at = 0;
            while let Some(found) = self.sync(bytes, at, until) {
                let head = bytes.get(found..).unwrap_or_default();
                if let Some(frame) = self.parse(head, position + found as u64) {
                    return Ok(Some(frame).filter(|frame| frame.position < to));
                }
                at = found + 1;
            }
            position += until as u64;
        }
        Ok(None)
    }

    /// The sample behind the last whole frame; `claimed` is what there should be, 0 for unknown.
    pub(super) fn end(
        &self,
        source: &mut Source<'_, impl Input>,
        claimed: u64,
    ) -> Result<u64, Fault> {
        if self.first.num_samples == 0 {
            return Ok(0);
        }
        let length = source.length()?;
        let rest = length - self.first.position;
        let mut wanted = TAIL_BYTES;
        loop {
            let len = wanted.min(rest);
            let start = length - len;
            let tail = source.bytes(start, usize::try_from(len).unwrap_or(MOST_BYTES))?;
            if let Some(end) = self.end_in(tail, start, claimed) {
                return Ok(end);
            }
            if len == rest || len >= MOST_BYTES as u64 {
                return Err(Fault::corrupt(
                    "FLAC audio with a last frame",
                    "none that is whole",
                ));
            }
            wanted *= 4;
        }
    }

    /// The same, looked for in the end of a file.
    fn end_in(&self, tail: &[u8], start: u64, claimed: u64) -> Option<u64> {
        let mut until = tail.len();
        let mut num_false = 0;
        while let Some(at) = tail.get(..until)?.iter().rposition(|byte| *byte == 0xff) {
            until = at;
            let bytes = tail.get(at..).unwrap_or_default();
            let Some(frame) = self.parse(bytes, start + at as u64) else {
                continue;
            };
            if claimed != 0 && frame.next_sample() > claimed {
                continue;
            }
            if whole(bytes).is_some() {
                return Some(frame.next_sample());
            }
            if let Some(end) = self.next_in(bytes, &frame, LEAST_BYTES, bytes.len()) {
                // A whole frame with one behind it that is not: the file is cut there.
                return end.next.map(|next| next.first_sample);
            }
            num_false += 1;
            if num_false == MOST_FALSE {
                break;
            }
        }
        None
    }
}

/// Bytes of the last frame of a file: all, or all but a tag; none if it is not whole.
fn whole(bytes: &[u8]) -> Option<usize> {
    if crc::flac(bytes) == 0 {
        return Some(bytes.len());
    }
    let len = bytes.len().checked_sub(TAG_BYTES)?;
    let (frame, tag) = bytes.split_at_checked(len)?;
    (tag.starts_with(b"TAG") && crc::flac(frame) == 0).then_some(len)
}

fn damaged(frame: &Frame) -> Fault {
    Fault::corrupt(
        "whole FLAC audio",
        format!("damage after {} samples (checksum)", frame.first_sample),
    )
}
