//! FLAC: what the file says of itself, and the frames that a part of it needs.

use super::AudioInfo;
use super::flac_frames::{Frame, Frames};
use super::packets::{self, Place};
use super::search;
use super::sink::Sink;
use super::source::Source;
use crate::decode::input::{Fault, Input, bytes_found};

/// More metadata blocks than any file has.
const BLOCKS_LIMIT: usize = 1000;

/// A FLAC file whose metadata is read.
#[derive(Debug)]
pub(super) struct Flac {
    stream_info: [u8; 34],
    frames: Frames,
    num_frames: u64,
}

/// Read the metadata of a file from its marker on, and look for its end.
pub(super) fn open(source: &mut Source<'_, impl Input>, start: u64) -> Result<Flac, Fault> {
    let (stream_info, data_start) = read_metadata(source, start + 4)?;
    let about = StreamInfo::parse(&stream_info);
    about.check()?;
    let frames = Frames::open(
        source,
        data_start,
        about.num_channels,
        about.bits,
        about.sample_rate_hz,
    )?;
    let found = frames.end(source, about.num_frames)?;
    if about.num_frames != 0 && found != about.num_frames {
        return Err(Fault::corrupt(
            format!("{} samples of FLAC audio", about.num_frames),
            format!("{found} in {}", bytes_found(source.length()?)),
        ));
    }
    Ok(Flac {
        stream_info,
        frames,
        num_frames: found,
    })
}

/// The STREAMINFO block, and where the frames begin.
fn read_metadata(
    source: &mut Source<'_, impl Input>,
    mut position: u64,
) -> Result<([u8; 34], u64), Fault> {
    let mut stream_info = None;
    for _ in 0..BLOCKS_LIMIT {
        let Some([kind, a, b, c]) = source.array(position)? else {
            return truncated(source, position + 4);
        };
        let size = u32::from_be_bytes([0, a, b, c]);
        if kind & 0x7f == 0 && stream_info.is_none() {
            let Some(block) = source.array(position + 4)? else {
                return truncated(source, position + 38);
            };
            stream_info = Some(block);
        }
        position += 4 + u64::from(size);
        if kind & 0x80 != 0 {
            let block = stream_info.ok_or_else(|| Fault::corrupt("a STREAMINFO block", "none"))?;
            if position > source.length()? {
                return truncated(source, position);
            }
            return Ok((block, position));
        }
    }
    Err(Fault::Unsupported(format!(
        "more than {BLOCKS_LIMIT} metadata blocks of FLAC"
    )))
}

fn truncated<T>(source: &mut Source<'_, impl Input>, expected: u64) -> Result<T, Fault> {
    Err(Fault::corrupt(
        format!("at least {expected} bytes of FLAC metadata"),
        bytes_found(source.length()?),
    ))
}

/// What the STREAMINFO block says.
struct StreamInfo {
    sample_rate_hz: u32,
    num_channels: usize,
    bits: u32,
    /// 0 where the encoder did not know.
    num_frames: u64,
}

impl StreamInfo {
    fn parse(block: &[u8; 34]) -> Self {
        let &[_, _, _, _, _, _, _, _, _, _, a, b, c, d, e, f, g, h, ..] = block;
        let bits = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        Self {
            sample_rate_hz: (bits >> 44) as u32,
            num_channels: (bits >> 41 & 0b111) as usize + 1,
            bits: (bits >> 36 & 0b1_1111) as u32 + 1,
            num_frames: bits & 0xf_ffff_ffff,
        }
    }

    fn check(&self) -> Result<(), Fault> {
        if self.sample_rate_hz == 0 {
            return Err(Fault::corrupt("FLAC audio of some rate", "0 Hz"));
        }
        // The difference of two channels takes a bit more.
        if !(4..=24).contains(&self.bits) {
            return Err(Fault::Unsupported(format!("FLAC of {} bit", self.bits)));
        }
        Ok(())
    }
}

impl Flac {
    pub(super) fn info(&self) -> AudioInfo {
        let about = StreamInfo::parse(&self.stream_info);
        AudioInfo {
            codec: "FLAC",
            sample_rate_hz: about.sample_rate_hz,
            num_channels: about.num_channels,
            num_frames: self.num_frames,
        }
    }

    pub(super) fn fill(
        &self,
        source: &mut Source<'_, impl Input>,
        ahead: usize,
        sink: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        let mut decoder = packets::flac(&self.stream_info)?;
        let target = sink.first().unsigned_abs();
        let mut frame = self.before(source, target)?;
        source.read_ahead(ahead);
        while (frame.first_sample as i64) < sink.end() {
            let position = frame.first_sample as i64;
            let end = self.frames.end_of(source, &frame)?;
            if frame.next_sample() > target {
                let packet = source.bytes(frame.position, end.len)?;
                let place = Place {
                    position,
                    num_frames: frame.next_sample() - frame.first_sample,
                };
                packets::decode(&mut decoder, packet, &[], Some(place), sink)
                    .map_err(|error| error.at("FLAC", position))?;
            }
            if frame.next_sample() as i64 >= sink.end() {
                break;
            }
            frame = end.next.ok_or_else(|| {
                Fault::corrupt(
                    format!("{} samples of FLAC audio", self.num_frames),
                    frame.next_sample().to_string(),
                )
            })?;
        }
        Ok(())
    }

    /// A frame that does not begin after a sample.
    fn before(&self, source: &mut Source<'_, impl Input>, target: u64) -> Result<Frame, Fault> {
        let first = self.frames.first;
        if target < first.next_sample() {
            return Ok(first);
        }
        let end = (source.length()?, self.num_frames as i64);
        let low = search::before(first, end, target as i64, |from, to| {
            self.frames.next_after(source, from, to)
        })?;
        // What only looks like a frame is not followed by the next one.
        match self.frames.end_of(source, &low) {
            Ok(_) => Ok(low),
            Err(_) => Ok(first),
        }
    }
}
