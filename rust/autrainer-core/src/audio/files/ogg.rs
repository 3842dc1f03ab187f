//! Pages of an Ogg file.

use std::io;

use super::crc;
use super::source::Source;
use crate::decode::input::{Fault, Input, bytes_found};

const MARK: &[u8] = b"OggS";
const HEADER_BYTES: usize = 27;
const MOST_HEADER_BYTES: usize = HEADER_BYTES + 255;

/// The longest page.
pub(super) const PAGE_BYTES: usize = MOST_HEADER_BYTES + 255 * 255;

/// Bytes in which the mark of a page is looked for in one go: about as many as most pages have.
const SCANNED_BYTES: usize = 4096;

/// Marks that no page follows, of which there is one in four billion bytes by chance.
const MOST_FALSE: usize = 64;

/// A page whose checksum is right.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) position: u64,
    flags: u8,
    granule: i64,
    pub(super) serial: u32,
    pub(super) sequence: u32,
    checksum: u32,
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
    read(source, position)?.map(Some).map_err(|found| {
        Fault::corrupt(
            "whole pages of Ogg",
            format!("{found} at byte {position} of {}", bytes_found(length)),
        )
    })
}

const SHORT: &str = "a part of one";

/// The page that begins at a position, or what is wrong with it; no byte behind it is asked for.
fn read(
    source: &mut Source<'_, impl Input>,
    position: u64,
) -> io::Result<Result<Page, &'static str>> {
    let page = match parse(source.bytes(position, MOST_HEADER_BYTES)?, position) {
        Ok(page) => page,
        Err(found) => return Ok(Err(found)),
    };
    let bytes = source.bytes(position, page.len())?;
    Ok(if bytes.len() < page.len() {
        Err(SHORT)
    } else if bytes.get(4) != Some(&0) || checksum(bytes) != page.checksum {
        Err("a damaged one (checksum)")
    } else {
        Ok(page)
    })
}

/// The checksum of a page, which counts as zeros where it stands.
fn checksum(page: &[u8]) -> u32 {
    let (before, from_checksum) = page.split_at_checked(22).unwrap_or_default();
    let behind = from_checksum.get(4..).unwrap_or_default();
    crc::ogg(crc::ogg(crc::ogg(0, before), &[0; 4]), behind)
}

/// The header of the page that some bytes begin with, or what is wrong with it.
fn parse(bytes: &[u8], position: u64) -> Result<Page, &'static str> {
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
        _,
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
    Ok(Page {
        position,
        flags,
        granule: i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        serial: u32::from_le_bytes([i, j, k, l]),
        sequence: u32::from_le_bytes([m, n, o, p]),
        checksum: u32::from_le_bytes([q, r, s, t]),
        segments,
        num_segments,
    })
}

/// The first page of a stream that begins in a range; none where too much looks like one.
pub(super) fn page_after(
    source: &mut Source<'_, impl Input>,
    from: u64,
    to: u64,
    serial: u32,
) -> Result<Option<Page>, Fault> {
    let mut position = from;
    let mut num_false = 0;
    while position < to && num_false < MOST_FALSE {
        let bytes = source.bytes(position, SCANNED_BYTES)?;
        let mark = bytes.windows(MARK.len()).position(|mark| mark == MARK);
        let Some(at) = mark else {
            if bytes.len() < SCANNED_BYTES {
                return Ok(None);
            }
            // A mark may begin in the last bytes.
            position += (SCANNED_BYTES - MARK.len() + 1) as u64;
            continue;
        };
        position += at as u64;
        if position >= to {
            return Ok(None);
        }
        match read(source, position)? {
            Ok(page) if page.serial == serial => return Ok(Some(page)),
            Ok(page) => position = page.end(),
            Err(_) => {
                num_false += 1;
                position += 1;
            }
        }
    }
    Ok(None)
}
