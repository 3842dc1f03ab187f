//! MP3: the walk over the frames of a file, which alone tells how many there are.

use super::AudioInfo;
use super::kind::id3_end;
use super::mpeg::{FRAME_BYTES, Header, Tag};
use super::packets::{self, Place};
use super::sink::Sink;
use super::source::Source;
use crate::decode::input::{Fault, Input};

/// Bytes before the first frame that may be anything.
const JUNK_BYTES: u64 = 64 << 10;

/// Every so many frames, the position of one is kept.
const STEP: u64 = 128;

/// Bytes before a frame that its sound may begin in, at most.
const RESERVOIR_BYTES: usize = 511;

/// Bytes that are read in one go: most files are then read once.
const AHEAD_BYTES: u64 = 4 << 20;

/// An MP3 file whose frames are counted.
#[derive(Debug)]
pub(super) struct Mp3 {
    header: Header,
    /// Positions of every [`STEP`]th frame.
    steps: Vec<u64>,
    /// Samples that are left out at the beginning.
    delay: u64,
    num_samples: u64,
}

/// A place in a file from where frames follow.
struct Walk {
    position: u64,
    like: Header,
}

/// Count the frames of a file.
pub(super) fn open(source: &mut Source<'_, impl Input>, start: u64) -> Result<Mp3, Fault> {
    let length = source.length()?;
    let ahead = length.min(AHEAD_BYTES) as usize;
    source.read_ahead(ahead);
    source.bytes(0, ahead)?;
    let Some((position, header)) = search(source, start, start + JUNK_BYTES, None)? else {
        return Err(Fault::Unsupported(
            "MPEG audio without frames of layer III".to_owned(),
        ));
    };
    let frame = source.bytes(position, header.size)?;
    let tag = Tag::read(frame, &header);
    let mut walk = Walk {
        position: position + tag.map_or(0, |_| header.size as u64),
        like: header,
    };
    let mut steps = Vec::new();
    let mut count = 0;
    while let Some((position, _)) = walk.next(source)? {
        if count % STEP == 0 {
            steps.push(position);
        }
        count += 1;
    }
    let tag = tag.unwrap_or_default();
    let (delay, num_samples) = trimmed(&header, &tag, count)?;
    Ok(Mp3 {
        header,
        steps,
        delay,
        num_samples,
    })
}

/// Samples to leave out at the beginning, and how many remain.
fn trimmed(header: &Header, tag: &Tag, count: u64) -> Result<(u64, u64), Fault> {
    let claimed = tag.num_frames.unwrap_or(count);
    if count < claimed {
        return Err(Fault::corrupt(
            format!("{claimed} frames of MP3, as its first one claims"),
            format!("{count}: a part is missing"),
        ));
    }
    let all = count * header.num_samples();
    let (start, end) = tag.trim.unwrap_or_default();
    // What somebody has added has no padding where the encoder ended.
    let end = if count == claimed { end } else { 0 };
    Ok((start, all.saturating_sub(start + end)))
}

impl Walk {
    /// The next whole frame.
    fn next(
        &mut self,
        source: &mut Source<'_, impl Input>,
    ) -> Result<Option<(u64, Header)>, Fault> {
        loop {
            let Some(bytes) = source.array(self.position)? else {
                return Ok(None);
            };
            let header = Header::parse(bytes).filter(|header| header.is_like(&self.like));
            if let Some(header) = header {
                let position = self.position;
                self.position += header.size as u64;
                let is_whole = self.position <= source.length()?;
                return Ok(is_whole.then_some((position, header)));
            }
            if let Some(end) = id3_end(source, self.position).ok().flatten() {
                self.position = end;
                continue;
            }
            let found = search(source, self.position + 1, u64::MAX, Some(&self.like))?;
            let Some((position, _)) = found else {
                return Ok(None);
            };
            self.position = position;
        }
    }
}

/// The first frame in a range that another one follows, or the end of the file.
fn search(
    source: &mut Source<'_, impl Input>,
    from: u64,
    to: u64,
    like: Option<&Header>,
) -> Result<Option<(u64, Header)>, Fault> {
    let mut position = from;
    while position <= to {
        let bytes = source.bytes(position, BLOCK_BYTES)?;
        if bytes.len() < 4 {
            return Ok(None);
        }
        let is_all = bytes.len() < BLOCK_BYTES;
        // What begins behind this has not its whole frame here.
        let until = if is_all {
            bytes.len()
        } else {
            bytes.len() - FRAME_BYTES - 4
        };
        let mut at = 0;
        while let Some(skipped) = bytes
            .get(at..until)
            .and_then(|bytes| bytes.iter().position(|byte| *byte == 0xff))
        {
            at += skipped;
            if position + at as u64 > to {
                return Ok(None);
            }
            if let Some(header) = frame_at(bytes.get(at..).unwrap_or_default(), like) {
                return Ok(Some((position + at as u64, header)));
            }
            at += 1;
        }
        if is_all {
            return Ok(None);
        }
        position += until as u64;
    }
    Ok(None)
}

/// Bytes in which a frame is looked for in one go.
const BLOCK_BYTES: usize = 16 << 10;

/// The header of a frame that begins here and is followed by a similar one, or by the end.
fn frame_at(bytes: &[u8], like: Option<&Header>) -> Option<Header> {
    let header = Header::parse(*bytes.first_chunk()?)?;
    if like.is_some_and(|like| !like.is_like(&header)) || bytes.len() < header.size {
        return None;
    }
    let next = bytes.get(header.size..)?;
    let is_followed = match next.first_chunk() {
        Some(next) => Header::parse(*next).is_some_and(|next| next.is_like(&header)),
        None => true,
    };
    // The only frame may be followed by a tag.
    (is_followed || next.starts_with(b"TAG")).then_some(header)
}

impl Mp3 {
    pub(super) fn info(&self) -> AudioInfo {
        AudioInfo {
            codec: "MP3",
            sample_rate_hz: self.header.rate_hz,
            num_channels: self.header.num_channels,
            num_frames: self.num_samples,
        }
    }

    pub(super) fn fill(
        &self,
        source: &mut Source<'_, impl Input>,
        ahead: usize,
        sink: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        let delay = self.delay as i64;
        let step = self.header.num_samples() as i64;
        let wanted = (sink.first() + delay) / step;
        source.read_ahead(ahead);
        let (mut walk, mut number) = self.warm_up(source, wanted.unsigned_abs())?;
        let mut decoder = packets::mp3()?;
        loop {
            let position = number as i64 * step - delay;
            if position >= sink.end() {
                return Ok(());
            }
            let Some((at, header)) = walk.next(source)? else {
                return Err(Fault::corrupt(
                    format!("{} samples of MP3", self.num_samples),
                    position.to_string(),
                ));
            };
            let packet = source.bytes(at, header.size)?;
            let place = Place {
                position,
                num_frames: self.header.num_samples(),
            };
            // Those before the part are there for what they leave behind, if they can be decoded.
            let place = (number as i64 >= wanted).then_some(place);
            let decoded = packets::decode(&mut decoder, packet, &[], place, sink);
            if let (Err(error), Some(_)) = (decoded, place) {
                return Err(error.at("MP3", position));
            }
            number += 1;
        }
    }

    /// Where to begin so that frame `wanted` comes out as if decoding had begun with the first.
    fn warm_up(
        &self,
        source: &mut Source<'_, impl Input>,
        wanted: u64,
    ) -> Result<(Walk, u64), Fault> {
        let needed = wanted.saturating_sub(self.header.num_before());
        let step = needed.saturating_sub(STEP) / STEP;
        let position = usize::try_from(step)
            .ok()
            .and_then(|step| self.steps.get(step));
        let mut walk = Walk {
            position: position.copied().unwrap_or_default(),
            like: self.header,
        };
        let first = step * STEP;
        let mut frames = Vec::new();
        while first + (frames.len() as u64) < needed {
            match walk.next(source)? {
                Some(frame) => frames.push(frame),
                None => break,
            }
        }
        let mut bytes = 0;
        let mut number = first + frames.len() as u64;
        for (position, header) in frames.iter().rev() {
            if bytes >= RESERVOIR_BYTES {
                break;
            }
            bytes += header.main_data();
            walk.position = *position;
            number -= 1;
        }
        Ok((walk, number))
    }
}
