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
mod kind;
mod mp3;
mod mpeg;
mod ogg;
mod packets;
mod sink;
mod source;
mod span;
mod vorbis;
mod vorbis_headers;

use crate::decode::input::{BLOCK_BYTES, Fault, HEAD_BYTES, Input, Window};
use crate::decode::riff::{self, Sound};
use crate::decode::{DType, Layout, wav};
use kind::Kind;
pub(crate) use packets::Decoders;
use sink::Sink;
use source::Source;
use span::Part;
pub use span::Span;

/// A file may not claim more bytes of samples than this for each of its own: silence takes a byte
/// for some thousand of them.
const MOST_BYTES_PER_BYTE: u64 = 8192;

/// Which sound is wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AudioOptions {
    /// The rate that a file has to have, in Hz; `None` takes any.
    pub sample_rate_hz: Option<u32>,
    /// Which part of it.
    pub span: Span,
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
    let ahead = if reads_on && options.span.starts_at_once() {
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
    let rate_hz = info.sample_rate_hz;
    if let Some(rate) = options.sample_rate_hz.filter(|rate| *rate != rate_hz) {
        return Err(Fault::Unsupported(format!(
            "{rate_hz} Hz instead of {rate}"
        )));
    }
    let part = options.span.part(&info)?;
    let layout = part.layout(info.num_channels)?;
    Ok(Audio {
        layout,
        info,
        part,
        stream,
    })
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
    /// Decode the part that is wanted into `out`, channel by channel.
    pub(crate) fn fill(
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
        let ahead = if self.part.first_frame == 0 {
            BLOCK_BYTES
        } else {
            SLICE_BYTES
        };
        let mut source = Source::new(input, window, ahead);
        source.length()?;
        let mut sink = Sink::new(out, self.info.num_channels, self.part);
        match &self.stream {
            Stream::Wav(_) => Ok(()),
            Stream::Flac(flac) => flac.fill(&mut source, &mut sink),
            Stream::Mp3(mp3) => mp3.fill(&mut source, &mut sink),
            Stream::Vorbis(vorbis) => vorbis.fill(&mut source, decoders, &mut sink),
        }
    }
}

/// Bytes that are read in one go where a part of a file is looked for.
const SLICE_BYTES: usize = 32 << 10;

impl Part {
    fn layout(self, num_channels: usize) -> Result<Layout, Fault> {
        let layout = Layout {
            dtype: DType::F32,
            shape: vec![num_channels, self.num_frames],
        };
        if layout.num_bytes().is_none() {
            return Err(Fault::corrupt(
                "audio that fits into memory",
                layout.to_string(),
            ));
        }
        Ok(layout)
    }
}
