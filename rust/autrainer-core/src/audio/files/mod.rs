//! Sound in files, as float32 of shape (channels, frames): WAV, FLAC, MP3 and Ogg Vorbis.
//!
//! The containers are read here: which bytes are a packet, how many frames there are, where a part
//! begins. The packets of FLAC, MP3 and Vorbis are decoded by Symphonia. A part of a file is read
//! from a packet or two before it, so that it costs what it is long, and is bit for bit what the
//! same part of the whole file is.
//!
//! A frame is one sample of each channel.

mod crc;
mod flac;
mod flac_frames;
mod flac_header;
mod kind;
mod mp3;
mod mpeg;
mod ogg;
mod packets;
mod riff;
mod search;
mod sink;
mod source;
mod span;
mod vorbis;
mod vorbis_headers;
mod vorbis_packets;
mod wav;

use std::sync::Arc;

use super::crop::Crop;
use super::pipeline::{self, Step, Work};
use super::resample::Resampler;
use crate::decode::input::{BLOCK_BYTES, Fault, HEAD_BYTES, Input, Window};
use crate::decode::{DType, Layout, first_nonfinite};
use crate::error::Error;
use kind::Kind;
use packets::Decoders;
use riff::Sound;
use sink::Sink;
use source::Source;
use span::Part;
pub use span::Span;

/// A file may not claim more bytes of samples than this for each of its own: silence takes a byte
/// for some thousand of them.
const MOST_BYTES_PER_BYTE: u64 = 8192;

/// A file may not have a lower rate than this part of the one that is asked for: memory grows with
/// their ratio, and the file alone says what its rate is. From 8 to 192 kHz it is 24.
const MOST_SAMPLES_PER_SAMPLE: u32 = 64;

/// Which sound is wanted, and what is to be made of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AudioOptions {
    /// Which part of a file.
    pub span: Span,
    /// The rate to bring it to, in Hz; `None` leaves it at that of the file. A file of less than a
    /// 64th of it counts as damaged.
    pub sample_rate_hz: Option<u32>,
    /// The stretch that is taken then; `None` takes all.
    pub crop: Option<Crop>,
    /// What follows.
    pub steps: Vec<Step>,
}

/// Memory that one thread uses for one file after the other.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    decoders: Decoders,
    work: Work,
    /// Whether a sample of the last file was infinite or not a number, before anything was made of
    /// it.
    pub(crate) has_nonfinite: bool,
}

/// What a file holds, as far as its headers tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioInfo {
    /// How it is written: `WAV`, `FLAC`, `MP3` or `Vorbis`.
    pub codec: &'static str,
    /// Frames in a second.
    pub sample_rate_hz: u32,
    /// Number of channels.
    pub num_channels: usize,
    /// Number of frames.
    pub num_frames: u64,
}

/// A file whose headers are read, and the part of it that is wanted.
#[derive(Debug)]
pub(crate) struct Audio {
    pub(crate) layout: Layout,
    pub(crate) info: AudioInfo,
    part: Part,
    stream: Stream,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Stream {
    Wav(Sound),
    Flac(flac::Flac),
    Mp3(mp3::Mp3),
    Vorbis(vorbis::Vorbis),
}

/// Read the headers of a file; `reads_on` says that the sound is read next.
pub(crate) fn open(
    input: &mut impl Input,
    options: &AudioOptions,
    window: &mut Window,
    reads_on: bool,
) -> Result<Audio, Fault> {
    let ahead = if reads_on && options.crop.is_none() && options.span.starts_at_once() {
        BLOCK_BYTES
    } else {
        HEAD_BYTES
    };
    let mut source = Source::new(input, window, ahead);
    let (kind, start) = kind::of(&mut source)?;
    let (info, stream) = match kind {
        Kind::Wav => {
            let (input, window) = source.parts();
            let sound = riff::read(input, window, ahead)?;
            wav::check_length(&sound, input, window)?;
            (wav::info(&sound), Stream::Wav(sound))
        }
        Kind::Flac => {
            let flac = flac::open(&mut source, start)?;
            (flac.info(), Stream::Flac(flac))
        }
        Kind::Mp3 => {
            let mp3 = mp3::open(&mut source, start)?;
            (mp3.info(), Stream::Mp3(mp3))
        }
        Kind::Ogg => {
            let vorbis = vorbis::open(&mut source)?;
            (vorbis.info(), Stream::Vorbis(vorbis))
        }
        Kind::Other(name) => return Err(Fault::Unsupported(name.to_owned())),
        Kind::Unknown(start) => return Err(Fault::Unsupported(start)),
    };
    if !matches!(stream, Stream::Wav(_)) {
        check_plausible(&info, &mut source)?;
    }
    let (part, steps) = taken(options, &info)?;
    let layout = layout(&steps, &info, part)?;
    Ok(Audio {
        layout,
        info,
        part,
        stream,
        steps,
    })
}

/// The part of a file that is needed, and what is made of it: another rate first, then the stretch
/// that is wanted.
fn taken(options: &AudioOptions, info: &AudioInfo) -> Result<(Part, Vec<Step>), Fault> {
    let mut part = options.span.part(info)?;
    let resampler = resampler(options, info)?;
    let mut cut = None;
    if let Some(crop) = &options.crop {
        let (needed, step) = crop.taken(part.num_frames, resampler.as_deref());
        part = part.of(&needed);
        cut = step;
    }
    let steps = resampler.map(Step::Resample).into_iter().chain(cut);
    Ok((part, steps.chain(options.steps.iter().cloned()).collect()))
}

/// What brings a file to another rate; none where it has the one that is asked for.
fn resampler(options: &AudioOptions, info: &AudioInfo) -> Result<Option<Arc<Resampler>>, Fault> {
    let current_hz = info.sample_rate_hz;
    let Some(target_hz) = options.sample_rate_hz.filter(|rate| *rate != current_hz) else {
        return Ok(None);
    };
    let least_hz = target_hz.div_ceil(MOST_SAMPLES_PER_SAMPLE);
    if current_hz < least_hz {
        let expected =
            format!("audio of at least {least_hz} Hz, to be resampled to {target_hz} Hz");
        return Err(Fault::corrupt(expected, format!("{current_hz} Hz")));
    }
    let resampler = Resampler::kept(current_hz, target_hz).map_err(left_to_others)?;
    Ok(Some(resampler))
}

fn layout(steps: &[Step], info: &AudioInfo, part: Part) -> Result<Layout, Fault> {
    let shape = vec![info.num_channels, part.num_frames];
    let layout = |shape| Layout {
        dtype: DType::F32,
        shape,
    };
    let raw = layout(shape);
    if raw.num_bytes().is_none() {
        let found = raw.to_string();
        return Err(Fault::corrupt("audio that fits into memory", found));
    }
    let made = pipeline::shape_after(steps, &raw.shape).map_err(left_to_others)?;
    Ok(layout(made))
}

/// What a step refuses is refused in its own words where it is taken in Python.
fn left_to_others(error: Error) -> Fault {
    Fault::Unsupported(error.to_string())
}

/// The name of the sound that a file holds which is not decoded here; `None` for what is, and for
/// what is not known.
pub(crate) fn foreign(
    input: &mut impl Input,
    window: &mut Window,
) -> Result<Option<&'static str>, Fault> {
    let mut source = Source::new(input, window, HEAD_BYTES);
    match kind::of(&mut source)?.0 {
        Kind::Other(name) => Ok(Some(name)),
        Kind::Ogg => vorbis::foreign(&mut source),
        Kind::Wav | Kind::Flac | Kind::Mp3 | Kind::Unknown(_) => Ok(None),
    }
}

/// Whether a compressed file could hold what it claims; to be asked before memory is allocated.
fn check_plausible(info: &AudioInfo, source: &mut Source<'_, impl Input>) -> Result<(), Fault> {
    let file_bytes = source.length()?;
    let bytes = (info.num_channels as u64 * 4).saturating_mul(info.num_frames);
    if bytes <= file_bytes.saturating_mul(MOST_BYTES_PER_BYTE) {
        return Ok(());
    }
    Err(Fault::Unsupported(format!(
        "{} frames of {} channels in {file_bytes} bytes of {}",
        info.num_frames, info.num_channels, info.codec
    )))
}

impl Audio {
    /// Decode the part that is wanted, and put what is made of it into `out`.
    pub(crate) fn fill(
        &self,
        input: &mut impl Input,
        window: &mut Window,
        memory: &mut Memory,
        out: &mut [u8],
    ) -> Result<(), Fault> {
        memory.has_nonfinite = false;
        if self.steps.is_empty() {
            return self.decode(input, window, &mut memory.decoders, out);
        }
        let shape = [self.info.num_channels, self.part.num_frames];
        let samples = memory.work.input(shape.iter().product())?;
        let bytes = bytemuck::cast_slice_mut(samples);
        self.decode(input, window, &mut memory.decoders, bytes)?;
        memory.has_nonfinite = first_nonfinite(DType::F32, bytes).is_some();
        let work = &mut memory.work;
        match bytemuck::try_cast_slice_mut(out) {
            Ok(out) => pipeline::run(&self.steps, &shape, work, out).map_err(left_to_others),
            // Bytes that do not lie where numbers may: a copy more.
            Err(_) => {
                let mut made = Vec::new();
                let places = pipeline::room(&mut made, out.len() / size_of::<f32>())?;
                pipeline::run(&self.steps, &shape, work, places).map_err(left_to_others)?;
                out.copy_from_slice(bytemuck::cast_slice(&made));
                Ok(())
            }
        }
    }

    /// Decode the part that is wanted into `out`, channel by channel.
    fn decode(
        &self,
        input: &mut impl Input,
        window: &mut Window,
        decoders: &mut Decoders,
        out: &mut [u8],
    ) -> Result<(), Fault> {
        if self.part.num_frames == 0 {
            return Ok(());
        }
        if let Stream::Wav(sound) = &self.stream {
            let part = (self.part.first_frame, self.part.num_frames);
            return wav::fill(sound, part, input, window, out);
        }
        // To look for the part; more is read in one go where it begins.
        let mut source = Source::new(input, window, HEAD_BYTES);
        let ahead = self.quarter_of_part(source.length()?);
        let mut sink = Sink::new(out, self.info.num_channels, self.part);
        match &self.stream {
            Stream::Wav(_) => Ok(()),
            Stream::Flac(flac) => flac.fill(&mut source, ahead, &mut sink),
            Stream::Mp3(mp3) => mp3.fill(&mut source, ahead, &mut sink),
            Stream::Vorbis(vorbis) => vorbis.fill(&mut source, ahead, decoders, &mut sink),
        }?;
        sink.check_full(self.info.codec)
    }

    /// About a quarter of the bytes that the part takes, up to a block: so much more is read at most.
    fn quarter_of_part(&self, file_bytes: u64) -> usize {
        let all = u128::from(self.info.num_frames.max(1));
        let bytes = u128::from(file_bytes) * self.part.num_frames as u128 / all / 4;
        let bytes = usize::try_from(bytes).unwrap_or(BLOCK_BYTES);
        bytes.clamp(HEAD_BYTES, BLOCK_BYTES)
    }
}
