//! `.npy` files of versions 1 to 3, as `numpy.load` reads them.

use std::io::{self, IoSliceMut, Read, SeekFrom};

use super::dtype::{DType, Layout};
use super::input::{Fault, Input, bytes_found, grow, length, read_full};
use super::literal::{Entry, dictionary};
use super::reorder;

const MAGIC: &[u8] = b"\x93NUMPY";
const EXPECTED: &str = "a NumPy array (.npy)";

/// The longest text that describes an array, as in NumPy.
const HEADER_LIMIT: usize = 10_000;

/// Length of nearly all headers that NumPy writes; just a guess.
const USUAL_HEADER_BYTES: usize = 128;

/// What the header of a file says.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) layout: Layout,
    data_start: usize,
    data_bytes: usize,
    is_swapped: bool,
    is_fortran: bool,
}

/// The header that was read last: the files of a dataset mostly begin with the same bytes, which
/// are then compared instead of read.
#[derive(Debug, Default)]
pub(crate) struct LastHeader {
    head: Vec<u8>,
    known: Option<(Vec<u8>, Header)>,
}

/// Read the header of an array that begins where `input` stands.
pub(crate) fn open(input: &mut impl Input) -> Result<Header, Fault> {
    let mut head = Vec::new();
    header(input, &mut head)
}

/// Read the elements into `out`, which has the size of the layout.
pub(crate) fn fill(
    input: &mut impl Input,
    header: &Header,
    spare: &mut Vec<u8>,
    out: &mut [u8],
) -> Result<(), Fault> {
    input.seek(SeekFrom::Start(header.data_start as u64))?;
    let filled = read_full(input, out)?;
    if filled < out.len() {
        return Err(truncated(header, header.data_start + filled));
    }
    arrange(header, spare, out)?;
    Ok(())
}

/// Whether the file is as long as its header says; to be asked before memory is allocated.
pub(crate) fn check_length(input: &mut impl Input, header: &Header) -> Result<(), Fault> {
    let found = length(input)?;
    if found < (header.data_start as u64).saturating_add(header.data_bytes as u64) {
        return Err(truncated(header, usize::try_from(found).unwrap_or(0)));
    }
    Ok(())
}

/// Read an array of the layout `expected` that begins where `input` stands: one read if its header
/// is the one before it, or has the usual length.
pub(crate) fn read_into(
    input: &mut impl Input,
    last_header: &mut LastHeader,
    spare: &mut Vec<u8>,
    expected: &Layout,
    out: &mut [u8],
) -> Result<(), Fault> {
    let guess = match &last_header.known {
        Some((head, _)) => head.len(),
        None => USUAL_HEADER_BYTES,
    };
    let filled = read_both(input, grow(&mut last_header.head, guess)?, out)?;
    let head = last_header
        .head
        .get(..guess.min(filled))
        .unwrap_or_default();
    let is_known = last_header
        .known
        .as_ref()
        .is_some_and(|(known, _)| known == head);
    if !is_known {
        input.rewind()?;
        let mut head = Vec::new();
        let header = header(input, &mut head)?;
        last_header.known = Some((head, header));
    }
    let Some((_, header)) = &last_header.known else {
        return Ok(());
    };
    if header.layout != *expected {
        return Err(Fault::Layout(header.layout.clone()));
    }
    if header.data_start != guess {
        return fill(input, header, spare, out);
    }
    if filled < guess + out.len() {
        return Err(truncated(header, filled));
    }
    arrange(header, spare, out)?;
    Ok(())
}

/// Fill two buffers one after the other, with one call to the operating system if that is enough.
fn read_both(input: &mut impl Read, first: &mut [u8], second: &mut [u8]) -> io::Result<usize> {
    let both = first.len() + second.len();
    let mut filled = loop {
        let mut parts = [IoSliceMut::new(first), IoSliceMut::new(second)];
        match input.read_vectored(&mut parts) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    if filled > 0 && filled < first.len() {
        let rest = first.get_mut(filled..).unwrap_or_default();
        let missing = rest.len();
        let count = read_full(input, rest)?;
        filled += count;
        if count < missing {
            return Ok(filled);
        }
    }
    if filled > 0 && filled < both {
        let rest = second.get_mut(filled - first.len()..).unwrap_or_default();
        filled += read_full(input, rest)?;
    }
    Ok(filled)
}

/// Bring elements into the order of C and their bytes into that of this machine.
fn arrange(header: &Header, spare: &mut Vec<u8>, out: &mut [u8]) -> io::Result<()> {
    let Layout { dtype, shape } = &header.layout;
    if header.is_fortran {
        let source = grow(spare, out.len())?;
        source.copy_from_slice(out);
        reorder::from_fortran(dtype.size(), shape, source, out);
    }
    if header.is_swapped {
        reorder::swap_bytes(dtype.number_size(), out);
    }
    Ok(())
}

fn truncated(header: &Header, found: usize) -> Fault {
    Fault::corrupt(
        format!(
            "{} bytes, a header of {} and {}",
            header.data_start.saturating_add(header.data_bytes),
            header.data_start,
            header.layout
        ),
        bytes_found(found as u64),
    )
}

/// Read everything before the elements, and keep its bytes in `head`.
fn header(input: &mut impl Input, head: &mut Vec<u8>) -> Result<Header, Fault> {
    head.resize(USUAL_HEADER_BYTES, 0);
    let filled = read_full(input, head)?;
    head.truncate(filled);
    let (text_start, text_len) = prefix(head)?;
    let text_end = text_start + text_len;
    if text_end > head.len() {
        let filled = head.len();
        let rest = grow(head, text_end)?.get_mut(filled..).unwrap_or_default();
        let found = filled + read_full(input, rest)?;
        if found < text_end {
            return Err(Fault::corrupt(
                format!("{EXPECTED} with a header of {text_end} bytes"),
                bytes_found(found as u64),
            ));
        }
    }
    head.truncate(text_end);
    parse(head.get(text_start..).unwrap_or_default(), text_end)
}

/// Where the text of the header begins, and its length.
fn prefix(head: &[u8]) -> Result<(usize, usize), Fault> {
    if !head.starts_with(MAGIC) || head.len() < MAGIC.len() + 4 {
        return Err(Fault::corrupt(EXPECTED, content(head)));
    }
    let (start, len) = match (head.get(6..8), head.get(8..10), head.get(8..12)) {
        (Some([1, 0]), Some(&[a, b]), _) => (10, usize::from(u16::from_le_bytes([a, b]))),
        (Some([2 | 3, 0]), _, Some(&[a, b, c, d])) => {
            let len = u32::from_le_bytes([a, b, c, d]);
            (12, usize::try_from(len).unwrap_or(usize::MAX))
        }
        (Some([2 | 3, 0]), ..) => {
            return Err(Fault::corrupt(EXPECTED, content(head)));
        }
        (version, ..) => {
            let [major, minor] = version.unwrap_or_default() else {
                return Err(Fault::corrupt(EXPECTED, content(head)));
            };
            return Err(Fault::Unsupported(format!(
                "version {major}.{minor} of the .npy format"
            )));
        }
    };
    if len > HEADER_LIMIT {
        return Err(Fault::corrupt(
            format!("{EXPECTED} with a header of at most {HEADER_LIMIT} bytes"),
            format!("a header that claims {len} bytes"),
        ));
    }
    Ok((start, len))
}

/// What a file holds that is no array.
fn content(head: &[u8]) -> String {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return "an archive of arrays (.npz)".to_owned();
    }
    if head.len() < USUAL_HEADER_BYTES {
        let count = bytes_found(head.len() as u64);
        return match head.len() {
            0 => count,
            _ => format!("{count} that do not hold one"),
        };
    }
    let start = head.get(..8).unwrap_or_default().escape_ascii();
    format!("a file that begins with '{start}'")
}

fn parse(text: &[u8], data_start: usize) -> Result<Header, Fault> {
    let broken = || {
        let shown = text.get(..80).unwrap_or(text).trim_ascii().escape_ascii();
        Fault::corrupt(
            "a header with descr, fortran_order and shape",
            format!("{shown}"),
        )
    };
    let (mut descr, mut is_fortran, mut shape) = (None, None, None);
    for (key, entry) in dictionary(text).ok_or_else(broken)? {
        match (key, entry) {
            (b"descr", Entry::Text(text)) if descr.is_none() => descr = Some(text),
            (b"descr", Entry::Nested) => {
                return Err(Fault::Unsupported("an array of records".to_owned()));
            }
            (b"fortran_order", Entry::Truth(truth)) if is_fortran.is_none() => {
                is_fortran = Some(truth);
            }
            (b"shape", Entry::Sizes(sizes)) if shape.is_none() => shape = Some(sizes),
            _ => return Err(broken()),
        }
    }
    let (Some(descr), Some(is_fortran), Some(shape)) = (descr, is_fortran, shape) else {
        return Err(broken());
    };
    let Some((dtype, is_swapped)) = dtype(descr) else {
        return Err(Fault::Unsupported(format!(
            "an array of '{}'",
            descr.escape_ascii()
        )));
    };
    let is_fortran = is_fortran && !reorder::is_one_line(&shape);
    let layout = Layout { dtype, shape };
    let Some(data_bytes) = layout.num_bytes() else {
        return Err(Fault::corrupt(
            "an array that fits into memory",
            format!("a header that claims {layout}"),
        ));
    };
    Ok(Header {
        layout,
        data_start,
        data_bytes,
        is_swapped,
        is_fortran,
    })
}

/// The type of the elements, and whether their bytes are in the order of another machine.
fn dtype(descr: &[u8]) -> Option<(DType, bool)> {
    let (order, kind) = match descr {
        [order @ (b'<' | b'>' | b'=' | b'|'), kind @ ..] => (*order, kind),
        kind => (b'=', kind),
    };
    let dtype = DType::from_kind(kind)?;
    let foreign = if cfg!(target_endian = "little") {
        b'>'
    } else {
        b'<'
    };
    Some((dtype, order == foreign && dtype.number_size() > 1))
}
