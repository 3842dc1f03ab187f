//! The chunks of a `.wav` file: RIFF, and RF64 for what is larger than four gigabytes.

use crate::decode::input::{Fault, Input, Window, bytes_found, length};

const EXPECTED: &str = "audio (.wav)";

/// More chunks than any recorder writes; a file of nothing else is not walked to its end.
const CHUNKS_LIMIT: usize = 1000;

/// The end of the identifier that a WAVE_FORMAT_EXTENSIBLE header has for the usual encodings.
const GUID_END: &[u8] = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71";

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// A size that says that another chunk has the size, or that it was not known.
const UNKNOWN: u32 = u32::MAX;

/// How a sample is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Encoding {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
}

impl Encoding {
    fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I16 => 2,
            Self::I24 => 3,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// What the chunks of a file say.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) encoding: Encoding,
    pub(crate) num_channels: usize,
    pub(crate) rate_hz: u32,
    pub(crate) num_frames: u64,
    pub(crate) data_start: u64,
}

impl Sound {
    pub(crate) fn frame_bytes(&self) -> usize {
        self.encoding.size() * self.num_channels
    }

    pub(crate) fn data_bytes(&self) -> u64 {
        self.num_frames * self.frame_bytes() as u64
    }
}

/// Walk the chunks of a file up to its samples.
pub(crate) fn read(
    input: &mut impl Input,
    window: &mut Window,
    ahead: usize,
) -> Result<Sound, Fault> {
    let is_rf64 = is_rf64(window.bytes(input, 0, 12, ahead)?)?;
    let mut position = 12;
    let mut wide_size = None;
    let mut format = None;
    for _ in 0..CHUNKS_LIMIT {
        let head = window.bytes(input, position, 8, ahead)?;
        let &[a, b, c, d, e, f, g, h] = head else {
            let found = bytes_found(position + head.len() as u64);
            return Err(Fault::corrupt(
                format!("{EXPECTED} with samples"),
                format!("{found} without a data chunk"),
            ));
        };
        let (name, size) = ([a, b, c, d], u32::from_le_bytes([e, f, g, h]));
        let start = position + 8;
        match &name {
            b"data" => {
                let format = format
                    .ok_or_else(|| Fault::corrupt("a fmt chunk before the samples", "none"))?;
                let size = data_size(input, window, start, size, wide_size)?;
                return sound(format, start, size);
            }
            b"fmt " => {
                let len = (size as usize).min(40);
                let text = window.bytes(input, start, len, ahead)?;
                if text.len() < len {
                    return Err(Fault::corrupt(
                        format!("a fmt chunk of {size} bytes"),
                        bytes_found(start + text.len() as u64),
                    ));
                }
                format = Some(parse_format(text)?);
            }
            b"ds64" if is_rf64 => {
                let text = window.bytes(input, start, 16, ahead)?;
                wide_size = text.get(8..16).and_then(|size| size.try_into().ok());
            }
            _ => {}
        }
        // Chunks begin at even positions.
        position = start + u64::from(size) + u64::from(size % 2);
        check_chunk(input, window, name, start, size)?;
    }
    Err(Fault::Unsupported(format!(
        "more than {CHUNKS_LIMIT} chunks before the samples"
    )))
}

fn is_rf64(head: &[u8]) -> Result<bool, Fault> {
    match (head.get(..4), head.get(8..12)) {
        (Some(b"RIFF"), Some(b"WAVE")) => Ok(false),
        (Some(b"RF64"), Some(b"WAVE")) => Ok(true),
        _ if head.len() < 12 => Err(Fault::corrupt(EXPECTED, bytes_found(head.len() as u64))),
        _ => {
            let start = head.get(..4).unwrap_or_default().escape_ascii();
            Err(Fault::Unsupported(format!(
                "a file that begins with '{start}'"
            )))
        }
    }
}

/// Whether a chunk that is skipped ends within the file.
fn check_chunk(
    input: &mut impl Input,
    window: &Window,
    name: [u8; 4],
    start: u64,
    size: u32,
) -> Result<(), Fault> {
    let end = start + u64::from(size);
    if window.holds(end) {
        return Ok(());
    }
    let found = length(input)?;
    input.seek(std::io::SeekFrom::Start(window.end()))?;
    if end <= found {
        return Ok(());
    }
    Err(Fault::corrupt(
        format!(
            "at least {end} bytes, as chunk '{}' claims {size}",
            name.escape_ascii()
        ),
        bytes_found(found),
    ))
}

/// Bytes of samples, of which the header may leave the count to another chunk, or open.
fn data_size(
    input: &mut impl Input,
    window: &mut Window,
    start: u64,
    size: u32,
    wide_size: Option<[u8; 8]>,
) -> Result<u64, Fault> {
    match (size, wide_size) {
        (UNKNOWN, Some(wide)) => Ok(u64::from_le_bytes(wide)),
        (UNKNOWN, None) => Err(Fault::Unsupported("samples of unknown number".to_owned())),
        (0, _) if !window.bytes(input, start, 1, 0)?.is_empty() => {
            // A recorder that was interrupted leaves this.
            Err(Fault::Unsupported("a data chunk without a size".to_owned()))
        }
        _ => Ok(u64::from(size)),
    }
}

type Format = (Encoding, u16, u32);

fn parse_format(text: &[u8]) -> Result<Format, Fault> {
    let &[
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        _,
        _,
        _,
        _,
        i,
        j,
        k,
        l,
        ref extension @ ..,
    ] = text
    else {
        return Err(Fault::corrupt(
            "a fmt chunk of at least 16 bytes",
            bytes_found(text.len() as u64),
        ));
    };
    let mut tag = u16::from_le_bytes([a, b]);
    let num_channels = u16::from_le_bytes([c, d]);
    let rate_hz = u32::from_le_bytes([e, f, g, h]);
    let (frame_bytes, bits) = (u16::from_le_bytes([i, j]), u16::from_le_bytes([k, l]));
    if let (EXTENSIBLE, Some(&[_, _, m, n, _, _, _, _, o, p, ref end @ ..])) =
        (tag, extension.get(..24))
    {
        let valid_bits = u16::from_le_bytes([m, n]);
        if end == GUID_END && (valid_bits == bits || valid_bits == 0) {
            tag = u16::from_le_bytes([o, p]);
        }
    }
    let encoding = match (tag, bits) {
        (PCM, 8) => Encoding::U8,
        (PCM, 16) => Encoding::I16,
        (PCM, 24) => Encoding::I24,
        (PCM, 32) => Encoding::I32,
        (FLOAT, 32) => Encoding::F32,
        (FLOAT, 64) => Encoding::F64,
        _ => {
            return Err(Fault::Unsupported(format!(
                "encoding {tag} of {bits} bit a sample"
            )));
        }
    };
    let is_usual = usize::from(frame_bytes) == encoding.size() * usize::from(num_channels);
    if !is_usual || num_channels == 0 || rate_hz == 0 {
        return Err(Fault::corrupt(
            format!("frames of whole samples of {bits} bit"),
            format!("{num_channels} channels in {frame_bytes} bytes at {rate_hz} Hz"),
        ));
    }
    Ok((encoding, num_channels, rate_hz))
}

fn sound(format: Format, data_start: u64, size: u64) -> Result<Sound, Fault> {
    let (encoding, num_channels, rate_hz) = format;
    let num_channels = usize::from(num_channels);
    let frame_bytes = (encoding.size() * num_channels) as u64;
    // Neither a sum of positions nor a count of frames can then run over.
    let is_possible = size < u64::MAX / 4;
    if size % frame_bytes != 0 || !is_possible {
        return Err(Fault::corrupt(
            format!("samples of {num_channels} channels, {frame_bytes} bytes at a time"),
            format!("a data chunk of {}", bytes_found(size)),
        ));
    }
    Ok(Sound {
        encoding,
        num_channels,
        rate_hz,
        num_frames: size / frame_bytes,
        data_start,
    })
}
