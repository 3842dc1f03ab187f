//! What a file holds, by its first bytes.

use super::source::Source;
use crate::decode::input::{Fault, Input, bytes_found};

/// Tags at the beginning of a file that are skipped.
const TAGS_LIMIT: usize = 16;

/// How the sound in a file is written.
pub(super) enum Kind {
    Wav,
    Flac,
    Mp3,
    Ogg,
    /// Sound that is not decoded here, by name.
    Other(&'static str),
    /// Nothing that is known here, by its first bytes.
    Unknown(String),
}

/// The kind of a file, and where it begins behind tags of players (ID3).
pub(super) fn of(source: &mut Source<'_, impl Input>) -> Result<(Kind, u64), Fault> {
    let mut start = 0;
    for _ in 0..TAGS_LIMIT {
        match id3_end(source, start)? {
            Some(end) => start = end,
            None => break,
        }
    }
    let head = source.bytes(start, 12)?;
    if head.len() < 12 {
        let found = start + head.len() as u64;
        return Err(Fault::corrupt("audio", bytes_found(found)));
    }
    let kind = match head {
        [b'R', b'I', b'F', b'F', ..] | [b'R', b'F', b'6', b'4', ..] if start == 0 => Kind::Wav,
        [b'f', b'L', b'a', b'C', ..] => Kind::Flac,
        [b'O', b'g', b'g', b'S', ..] if start == 0 => Kind::Ogg,
        [0xff, second, ..] if is_mpeg(*second) => mpeg(*second),
        // Frames may follow the tag at some distance.
        _ if start > 0 => Kind::Mp3,
        _ => foreign(head),
    };
    Ok((kind, start))
}

/// Where a tag of the kind ID3v2 ends that begins here.
pub(super) fn id3_end(
    source: &mut Source<'_, impl Input>,
    start: u64,
) -> Result<Option<u64>, Fault> {
    let Some([b'I', b'D', b'3', _, _, flags, a, b, c, d]) = source.array::<10>(start)? else {
        return Ok(None);
    };
    if (a | b | c | d) & 0x80 != 0 {
        return Ok(None);
    }
    let size = [a, b, c, d]
        .iter()
        .fold(0, |size, seven_bits| (size << 7) | u64::from(*seven_bits));
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    let end = start + 10 + size + footer;
    let length = source.length()?;
    if end > length {
        return Err(Fault::corrupt(
            format!("at least {end} bytes, as the ID3 tag claims"),
            bytes_found(length),
        ));
    }
    Ok(Some(end))
}

fn is_mpeg(second: u8) -> bool {
    // Eleven bits of synchronisation, and no reserved version.
    second & 0xe0 == 0xe0 && second & 0x18 != 0x08
}

fn mpeg(second: u8) -> Kind {
    match (second >> 1) & 0b11 {
        0b01 => Kind::Mp3,
        0b10 => Kind::Other("MPEG audio of layer II (MP2)"),
        0b11 => Kind::Other("MPEG audio of layer I (MP1)"),
        _ => Kind::Other("AAC (ADTS)"),
    }
}

/// What a file holds that is not decoded here.
fn foreign(head: &[u8]) -> Kind {
    Kind::Other(match head {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "AAC or another codec in MP4 (M4A)",
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "Opus or another codec in Matroska (WebM)",
        [0x30, 0x26, 0xb2, 0x75, ..] => "Windows Media Audio",
        [b'F', b'O', b'R', b'M', ..] => "AIFF",
        [b'c', b'a', b'f', b'f', ..] => "Core Audio Format",
        [b'.', b's', b'n', b'd', ..] => "Sun audio (AU)",
        [b'r', b'i', b'f', b'f', ..] => "Wave64",
        [b'#', b'!', b'A', b'M', b'R', ..] => "AMR",
        _ => {
            let start = head.get(..4).unwrap_or(head).escape_ascii();
            return Kind::Unknown(format!("a file that begins with '{start}'"));
        }
    })
}
