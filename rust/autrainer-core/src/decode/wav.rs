//! `.wav` files as float32 of shape (channels, samples), bit for bit as libsndfile reads them.

use super::dtype::{DType, Layout};
use super::input::{BLOCK_BYTES, Fault, Input, Window, bytes_found, length};
use super::riff::{self, Encoding, Sound};

/// Bytes that are read to find the chunks of a file whose first samples are not wanted.
const HEAD_BYTES: usize = 4096;

/// Which part of a file is wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WavOptions {
    /// The rate that a file has to have, in Hz; `None` takes any.
    pub sample_rate_hz: Option<u32>,
    /// Where to begin, in seconds, rounded to the nearest sample.
    pub offset_s: f64,
    /// How much to read, in seconds, rounded to the nearest sample; less where the file ends.
    pub duration_s: Option<f64>,
}

/// A file whose chunks are read, and the part of it that is wanted.
#[derive(Debug)]
pub(crate) struct Wav {
    pub(crate) layout: Layout,
    sound: Sound,
    first_frame: u64,
    num_frames: usize,
}

/// Read the chunks of a file up to the samples; `reads_on` says that these are read next.
pub(crate) fn open(
    input: &mut impl Input,
    options: &WavOptions,
    window: &mut Window,
    reads_on: bool,
) -> Result<Wav, Fault> {
    let ahead = if reads_on && options.offset_s == 0.0 {
        BLOCK_BYTES
    } else {
        HEAD_BYTES
    };
    let sound = riff::read(input, window, ahead)?;
    if let Some(rate) = options.sample_rate_hz.filter(|rate| *rate != sound.rate_hz) {
        let found = sound.rate_hz;
        return Err(Fault::Unsupported(format!("{found} Hz instead of {rate}")));
    }
    let in_frames = |seconds: f64| (seconds * f64::from(sound.rate_hz)).round() as u64;
    let first_frame = in_frames(options.offset_s);
    if first_frame > sound.num_frames {
        return Err(Fault::corrupt(
            format!("audio after {} s", options.offset_s),
            format!("{} samples at {} Hz", sound.num_frames, sound.rate_hz),
        ));
    }
    let rest = sound.num_frames - first_frame;
    let wanted = options
        .duration_s
        .map_or(rest, |seconds| in_frames(seconds).min(rest));
    let num_frames = usize::try_from(wanted).unwrap_or(usize::MAX);
    let layout = Layout {
        dtype: DType::F32,
        shape: vec![sound.num_channels, num_frames],
    };
    if layout.num_bytes().is_none() {
        return Err(Fault::corrupt(
            "audio that fits into memory",
            layout.to_string(),
        ));
    }
    Ok(Wav {
        layout,
        sound,
        first_frame,
        num_frames,
    })
}

impl Wav {
    /// Whether the file holds what its chunks claim; to be asked before memory is allocated.
    pub(crate) fn check_length(
        &self,
        input: &mut impl Input,
        window: &Window,
    ) -> Result<(), Fault> {
        let end = self.sound.data_start + self.sound.data_bytes();
        if window.holds(end) {
            return Ok(());
        }
        let found = length(input)?;
        // The next read of the window has to seek.
        input.seek(std::io::SeekFrom::Start(window.end()))?;
        if found < end {
            Err(self.truncated(found))
        } else {
            Ok(())
        }
    }

    /// Read the samples into `out`, channel by channel.
    pub(crate) fn fill(
        &self,
        input: &mut impl Input,
        window: &mut Window,
        out: &mut [u8],
    ) -> Result<(), Fault> {
        let frame_bytes = self.sound.frame_bytes();
        let frames_at_once = (BLOCK_BYTES / frame_bytes).max(1);
        let start = self.sound.data_start + self.first_frame * frame_bytes as u64;
        let mut done = 0;
        while done < self.num_frames {
            let from = start + done as u64 * frame_bytes as u64;
            // First what is in memory already.
            let at_once = match window.held_from(from) / frame_bytes {
                0 => frames_at_once,
                held => held,
            };
            let count = at_once.min(self.num_frames - done);
            let frames = window.bytes(input, from, count * frame_bytes, 0)?;
            if frames.len() < count * frame_bytes {
                return Err(self.truncated(from + frames.len() as u64));
            }
            self.deinterleave(frames, done, out);
            done += count;
        }
        Ok(())
    }

    /// Convert `frames` to the columns of `out` from `column` on.
    fn deinterleave(&self, frames: &[u8], column: usize, out: &mut [u8]) {
        let rows = ChannelRows {
            num_channels: self.sound.num_channels,
            row_bytes: self.num_frames * size_of::<f32>(),
            skipped_bytes: column * size_of::<f32>(),
        };
        match self.sound.encoding {
            Encoding::U8 => rows.convert(frames, out, |[byte]| {
                (f32::from(byte) - 128.0) * (1.0 / 128.0)
            }),
            Encoding::I16 => rows.convert(frames, out, |bytes| {
                f32::from(i16::from_le_bytes(bytes)) * (1.0 / 32_768.0)
            }),
            Encoding::I24 => rows.convert(frames, out, |[low, middle, high]| {
                // In the upper bytes, so that the sign is where it belongs.
                i32::from_le_bytes([0, low, middle, high]) as f32 * (1.0 / 2_147_483_648.0)
            }),
            Encoding::I32 => rows.convert(frames, out, |bytes| {
                i32::from_le_bytes(bytes) as f32 * (1.0 / 2_147_483_648.0)
            }),
            Encoding::F32 => rows.convert(frames, out, f32::from_le_bytes),
            Encoding::F64 => rows.convert(frames, out, |bytes| narrow(f64::from_le_bytes(bytes))),
        }
    }

    fn truncated(&self, found: u64) -> Fault {
        Fault::corrupt(
            format!(
                "{} bytes, {} of them of samples",
                self.sound.data_start + self.sound.data_bytes(),
                self.sound.data_bytes(),
            ),
            bytes_found(found),
        )
    }
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
