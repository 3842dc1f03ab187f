//! `.wav` files as float32 of shape (channels, samples), bit for bit as libsndfile reads them.

use super::riff::{Encoding, Sound};
use crate::audio::AudioInfo;
use crate::decode::input::{BLOCK_BYTES, Fault, Input, Window, bytes_found, length};

/// What the chunks of a file say.
pub(crate) fn info(sound: &Sound) -> AudioInfo {
    AudioInfo {
        codec: "WAV",
        sample_rate_hz: sound.rate_hz,
        num_channels: sound.num_channels,
        num_frames: sound.num_frames,
    }
}

/// Whether a file holds what its chunks claim; to be asked before memory is allocated.
pub(crate) fn check_length(
    sound: &Sound,
    input: &mut impl Input,
    window: &Window,
) -> Result<(), Fault> {
    let end = sound.data_start + sound.data_bytes();
    if window.holds(end) {
        return Ok(());
    }
    let found = length(input)?;
    // The next read of the window has to seek.
    input.seek(std::io::SeekFrom::Start(window.end()))?;
    if found < end {
        Err(truncated(sound, found))
    } else {
        Ok(())
    }
}

/// Read samples, (first, number) of each channel, into `out`, channel by channel.
pub(crate) fn fill(
    sound: &Sound,
    (first, num_frames): (u64, usize),
    input: &mut impl Input,
    window: &mut Window,
    out: &mut [u8],
) -> Result<(), Fault> {
    let frame_bytes = sound.frame_bytes();
    let frames_at_once = (BLOCK_BYTES / frame_bytes).max(1);
    let start = sound.data_start + first * frame_bytes as u64;
    let mut done = 0;
    while done < num_frames {
        let from = start + done as u64 * frame_bytes as u64;
        // First what is in memory already.
        let at_once = match window.held_from(from) / frame_bytes {
            0 => frames_at_once,
            held => held,
        };
        let count = at_once.min(num_frames - done);
        let frames = window.bytes(input, from, count * frame_bytes, 0)?;
        if frames.len() < count * frame_bytes {
            return Err(truncated(sound, from + frames.len() as u64));
        }
        let rows = ChannelRows {
            num_channels: sound.num_channels,
            row_bytes: num_frames * size_of::<f32>(),
            skipped_bytes: done * size_of::<f32>(),
        };
        rows.deinterleave(sound.encoding, frames, out);
        done += count;
    }
    Ok(())
}

fn truncated(sound: &Sound, found: u64) -> Fault {
    Fault::corrupt(
        format!(
            "{} bytes, {} of them of samples",
            sound.data_start + sound.data_bytes(),
            sound.data_bytes(),
        ),
        bytes_found(found),
    )
}

/// The nearest single. What is not a number keeps the upper bits of its payload, as in hardware;
/// the language leaves them open.
fn narrow(value: f64) -> f32 {
    if !value.is_nan() {
        return value as f32;
    }
    let bits = value.to_bits();
    let (sign, payload) = (
        (bits >> 32) as u32 & 0x8000_0000,
        (bits >> 29) as u32 & 0x003f_ffff,
    );
    f32::from_bits(sign | 0x7fc0_0000 | payload)
}

/// Where converted samples go in an array of one row per channel.
struct ChannelRows {
    num_channels: usize,
    row_bytes: usize,
    skipped_bytes: usize,
}

impl ChannelRows {
    /// Convert interleaved samples of any encoding.
    fn deinterleave(&self, encoding: Encoding, frames: &[u8], out: &mut [u8]) {
        match encoding {
            Encoding::U8 => self.convert(frames, out, |[byte]| {
                (f32::from(byte) - 128.0) * (1.0 / 128.0)
            }),
            Encoding::I16 => self.convert(frames, out, |bytes| {
                f32::from(i16::from_le_bytes(bytes)) * (1.0 / 32_768.0)
            }),
            Encoding::I24 => self.convert(frames, out, |[low, middle, high]| {
                // In the upper bytes, so that the sign is where it belongs.
                i32::from_le_bytes([0, low, middle, high]) as f32 * (1.0 / 2_147_483_648.0)
            }),
            Encoding::I32 => self.convert(frames, out, |bytes| {
                i32::from_le_bytes(bytes) as f32 * (1.0 / 2_147_483_648.0)
            }),
            Encoding::F32 => self.convert(frames, out, f32::from_le_bytes),
            Encoding::F64 => self.convert(frames, out, |bytes| narrow(f64::from_le_bytes(bytes))),
        }
    }

    /// Convert interleaved `frames` to rows. One and two channels go in one pass without steps, so
    /// that the compiler can convert many samples at a time.
    fn convert<const SIZE: usize>(
        &self,
        frames: &[u8],
        out: &mut [u8],
        to_float: impl Fn([u8; SIZE]) -> f32,
    ) {
        let write = |sample: &[u8], place: &mut [u8]| {
            let mut bytes = [0; SIZE];
            bytes.copy_from_slice(sample);
            place.copy_from_slice(&to_float(bytes).to_ne_bytes());
        };
        match self.num_channels {
            1 => {
                let samples = frames.chunks_exact(SIZE);
                samples
                    .zip(self.row(out))
                    .for_each(|(sample, place)| write(sample, place));
            }
            2 => {
                let (left, right) = out.split_at_mut(self.row_bytes);
                let places = self.row(left).zip(self.row(right));
                for (frame, (left, right)) in frames.chunks_exact(2 * SIZE).zip(places) {
                    let (first, second) = frame.split_at(SIZE);
                    write(first, left);
                    write(second, right);
                }
            }
            num_channels => {
                let rows = out.chunks_exact_mut(self.row_bytes);
                for (channel, row) in rows.enumerate() {
                    let samples = frames.chunks_exact(num_channels * SIZE);
                    for (frame, place) in samples.zip(self.row(row)) {
                        write(&frame[channel * SIZE..(channel + 1) * SIZE], place);
                    }
                }
            }
        }
    }

    /// The places of the samples of a channel that are still to come.
    fn row<'a>(&self, row: &'a mut [u8]) -> std::slice::ChunksExactMut<'a, u8> {
        let rest = row.get_mut(self.skipped_bytes..).unwrap_or_default();
        rest.chunks_exact_mut(size_of::<f32>())
    }
}
