//! Pages of an Ogg file.

use super::crc;
use super::source::Source;
use crate::decode::input::{Fault, Input, bytes_found};

const MARK: &[u8] = b"OggS";
const HEADER_BYTES: usize = 27;

/// The longest page.
pub(super) const PAGE_BYTES: usize = HEADER_BYTES + 255 + 255 * 255;

/// A page whose checksum is right.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) position: u64,
    flags: u8,
    granule: i64,
    pub(super) serial: u32,
    pub(super) sequence: u32,
    segments: [u8; 255],
    num_segments: usize,
}

/// A piece of a packet in a page.
pub(super) struct Piece {
    /// Where it begins and ends, in the bytes of the page.
    pub(super) range: std::ops::Range<usize>,
    /// Whether the packet ends here.
    pub(super) is_end: bool,
}

impl Page {
    /// Whether its first piece goes on with a packet of the page before.
    pub(super) fn continues(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether a stream begins here.
    pub(super) fn is_first(&self) -> bool {
        self.flags & 2 != 0
    }

    /// Whether the stream ends here.
    pub(super) fn is_last(&self) -> bool {
        self.flags & 4 != 0
    }

    /// The sample behind the last packet that ends here; none if none does.
    pub(super) fn granule(&self) -> Option<i64> {
        (self.granule >= 0).then_some(self.granule)
    }

    fn segments(&self) -> &[u8] {
        self.segments.get(..self.num_segments).unwrap_or_default()
    }

    /// Bytes of the page.
    pub(super) fn len(&self) -> usize {
        let body: usize = self.segments().iter().map(|size| usize::from(*size)).sum();
        HEADER_BYTES + self.num_segments + body
    }

    /// Where the next page begins.
    pub(super) fn end(&self) -> u64 {
        self.position + self.len() as u64
    }

    /// The pieces of packets, in order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        let mut begin = HEADER_BYTES + self.num_segments;
        let mut end = begin;
        let last = self.num_segments.saturating_sub(1);
        self.segments()
            .iter()
            .enumerate()
            .filter_map(move |(number, &size)| {
                end += usize::from(size);
                let is_end = size < 255;
                if !is_end && number < last {
                    return None;
                }
                let range = begin..end;
                begin = end;
                Some(Piece { range, is_end })
            })
    }
}

/// The page that begins at a position; none at the end of the file.
///
/// # Errors
/// [`Fault::Corrupt`] if there is something else, or a part of it is missing.
pub(super) fn page(
    source: &mut Source<'_, impl Input>,
    position: u64,
) -> Result<Option<Page>, Fault> {
    let length = source.length()?;
    if position >= length {
        return Ok(None);
    }
    match parse(source.bytes(position, PAGE_BYTES)?, position) {
        Ok(page) => Ok(Some(page)),
        Err(found) => Err(Fault::corrupt(
            "whole pages of Ogg",
            format!("{found} at byte {position} of {}", bytes_found(length)),
        )),
    }
}

/// The page that some bytes begin with, or what is wrong with it.
fn parse(bytes: &[u8], position: u64) -> Result<Page, &'static str> {
    const SHORT: &str = "a part of one";
    if !bytes.starts_with(MARK) {
        return Err(if MARK.starts_with(bytes) {
            SHORT
        } else {
            "something else"
        });
    }
    let head: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(SHORT)?;
    let &[
        _,
        _,
        _,
        _,
        version,
        flags,
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        i,
        j,
        k,
        l,
        m,
        n,
        o,
        p,
        q,
        r,
        s,
        t,
        count,
    ] = head;
    let num_segments = usize::from(count);
    let mut segments = [0; 255];
    let found = bytes
        .get(HEADER_BYTES..HEADER_BYTES + num_segments)
        .ok_or(SHORT)?;
    segments
        .get_mut(..num_segments)
        .unwrap_or_default()
        .copy_from_slice(found);
    let page = Page {
        position,
        flags,
        granule: i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        serial: u32::from_le_bytes([i, j, k, l]),
        sequence: u32::from_le_bytes([m, n, o, p]),
        segments,
        num_segments,
    };
    let whole = bytes.get(..page.len()).ok_or(SHORT)?;
    let (before, from_checksum) = whole.split_at(22);
    let behind = from_checksum.get(4..).unwrap_or_default();
    let checksum = crc::ogg(crc::ogg(crc::ogg(0, before), &[0; 4]), behind);
    if version != 0 || checksum != u32::from_le_bytes([q, r, s, t]) {
        return Err("a damaged one (checksum)");
    }
    Ok(page)
}

/// The first page of a stream that begins in a range.
pub(super) fn page_after(
    source: &mut Source<'_, impl Input>,
    from: u64,
    to: u64,
    serial: u32,
) -> Result<Option<Page>, Fault> {
    let mut position = from;
    while position < to {
        let bytes = source.bytes(position, 2 * PAGE_BYTES)?;
        let is_all = bytes.len() < 2 * PAGE_BYTES;
        let until = if is_all { bytes.len() } else { PAGE_BYTES };
        let marks = bytes.windows(MARK.len()).take(until).enumerate();
        for (at, _) in marks.filter(|(_, mark)| *mark == MARK) {
            let start = position + at as u64;
            if start >= to {
                return Ok(None);
            }
            let rest = bytes.get(at..).unwrap_or_default();
            match parse(rest, start) {
                Ok(page) if page.serial == serial => return Ok(Some(page)),
                _ => {}
            }
        }
        if is_all {
            return Ok(None);
        }
        position += until as u64;
    }
    Ok(None)
}
