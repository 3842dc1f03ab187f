//! What decoders read from, the memory they use again, and what can be wrong with a file.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::dtype::Layout;
use crate::error::{Error, Result};

/// Bytes that are read ahead in one go: whole small files, and blocks of large ones that stay in
/// the second cache while they are converted.
pub(crate) const BLOCK_BYTES: usize = 256 << 10;

/// Bytes that are read to find the headers of a file whose first elements are not wanted.
pub(crate) const HEAD_BYTES: usize = 4096;

/// Memory that is kept between files; what a rare large file needs goes back.
const KEPT_BYTES: usize = 32 << 20;

/// Where a file may be read from: a [`File`], or bytes in memory behind a [`std::io::Cursor`].
pub trait Input: Read + Seek {}

impl<T: Read + Seek> Input for T {}

/// What is wrong with a file, before its path is known.
pub(crate) enum Fault {
    /// The operating system refused.
    Io(io::Error),
    /// The content is truncated or contradicts itself.
    Corrupt { expected: String, found: String },
    /// A format that another reader may know.
    Unsupported(String),
    /// Sound, but of another layout than asked for.
    Layout(Layout),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Fault {
    pub(crate) fn corrupt(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Corrupt {
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// The error with the path, and with the layout that was asked for where there was one.
    pub(crate) fn at(self, path: &Path, asked: Option<&Layout>) -> Error {
        let path = path.to_path_buf();
        match self {
            Self::Io(source) => Error::Read { path, source },
            Self::Corrupt { expected, found } => Error::Corrupt {
                path,
                expected,
                found,
            },
            Self::Unsupported(found) => Error::Unsupported { path, found },
            Self::Layout(found) => Error::SampleLayout {
                path,
                expected: asked.unwrap_or(&found).clone(),
                found,
            },
        }
    }
}

/// Do something with a file that is opened for reading. Where that fails, and it is no regular file
/// at all, the error says so.
pub(crate) fn with_file<T>(path: &Path, work: impl FnOnce(File) -> Result<T>) -> Result<T> {
    let opened = open(path).map_err(|error| Fault::Io(error).at(path, None));
    opened.and_then(work).map_err(|error| {
        let Some(found) = fs::metadata(path).ok().and_then(|file| irregular(&file)) else {
            return error;
        };
        Fault::corrupt("a file", found).at(path, None)
    })
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    // Files do not care; a pipe would be waited for until somebody writes to it.
    let flags = libc::O_NONBLOCK;
    File::options().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// What a path leads to if it is no regular file.
fn irregular(file: &fs::Metadata) -> Option<&'static str> {
    if file.is_file() {
        None
    } else if file.is_dir() {
        Some("a directory")
    } else {
        Some("a pipe, a socket or a device")
    }
}

/// Read until `buffer` is full or the input ends; returns how much was read.
pub(crate) fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let needed = buffer.len();
    read_some(input, buffer, needed)
}

/// `count` zeros, or the error of the operating system if there is no memory for them.
pub(crate) fn zeros(count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reserve(&mut bytes, count)?;
    bytes.resize(count, 0);
    Ok(bytes)
}

/// Make `buffer` at least `count` bytes long.
pub(crate) fn grow(buffer: &mut Vec<u8>, count: usize) -> io::Result<&mut [u8]> {
    if buffer.len() < count {
        reserve(buffer, count - buffer.len())?;
        buffer.resize(count, 0);
    }
    Ok(buffer.get_mut(..count).unwrap_or_default())
}

fn reserve(buffer: &mut Vec<u8>, additional: usize) -> io::Result<()> {
    buffer
        .try_reserve_exact(additional)
        .map_err(|_| io::ErrorKind::OutOfMemory.into())
}

/// Give the memory of a rare large file back.
pub(crate) fn shrink(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT_BYTES {
        *buffer = Vec::new();
    }
}

/// A part of a file in memory, which moves on as later parts are asked for.
#[derive(Debug, Default)]
pub(crate) struct Window {
    block: Vec<u8>,
    start: u64,
    filled: usize,
}

impl Window {
    /// Forget the last file; the next read is from the beginning of another one.
    pub(crate) fn reset(&mut self) {
        (self.start, self.filled) = (0, 0);
        shrink(&mut self.block);
    }

    /// Where the part that is in memory ends.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.filled as u64
    }

    /// The part that is in memory.
    pub(crate) fn held(&self) -> &[u8] {
        self.block.get(..self.filled).unwrap_or_default()
    }

    /// Bytes in memory from a position on.
    pub(crate) fn held_from(&self, from: u64) -> usize {
        let len = if from >= self.start {
            self.end().saturating_sub(from)
        } else {
            0
        };
        usize::try_from(len).unwrap_or(usize::MAX)
    }

    /// Whether the file is known to be at least this long.
    pub(crate) fn holds(&self, length: u64) -> bool {
        length <= self.end()
    }

    /// Keep the whole rest of `input`, of which there may be at most `limit` bytes.
    pub(crate) fn whole(
        &mut self,
        input: &mut impl Input,
        limit: u64,
    ) -> io::Result<Option<&[u8]>> {
        let count = length(input)?;
        if count > limit {
            return Ok(None);
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        input.rewind()?;
        self.reset();
        self.bytes(input, 0, count, 0).map(Some)
    }

    /// The bytes of a range, fewer where the file ends; reads `ahead` bytes if it has to read.
    pub(crate) fn bytes(
        &mut self,
        input: &mut impl Input,
        from: u64,
        len: usize,
        ahead: usize,
    ) -> io::Result<&[u8]> {
        let held = self.end();
        if from < self.start || from.saturating_add(len as u64) > held {
            // What is in memory of the range is not read again.
            let kept = self.held_from(from).min(self.filled);
            if kept > 0 {
                self.block.copy_within(self.filled - kept..self.filled, 0);
            } else if from != held {
                input.seek(SeekFrom::Start(from))?;
            }
            self.filled = kept;
            self.start = from;
            let block = grow(&mut self.block, len.max(ahead))?;
            let rest = block.get_mut(kept..).unwrap_or_default();
            self.filled += read_some(input, rest, len.saturating_sub(kept))?;
        }
        let skipped = usize::try_from(from - self.start).unwrap_or(usize::MAX);
        let held = self.held().get(skipped..).unwrap_or_default();
        Ok(held.get(..len).unwrap_or(held))
    }
}

/// Read until `buffer` holds at least `needed` bytes or the input ends.
fn read_some(input: &mut impl Read, buffer: &mut [u8], needed: usize) -> io::Result<usize> {
    let mut filled = 0;
    while filled < needed {
        let rest = buffer.get_mut(filled..).unwrap_or_default();
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Where an input ends; it is read on from wherever the caller seeks to.
pub(crate) fn length(input: &mut impl Input) -> io::Result<u64> {
    input.seek(SeekFrom::End(0))
}

/// `count` with the word bytes, as found in an empty or a short file.
pub(crate) fn bytes_found(count: u64) -> String {
    match count {
        0 => "0 bytes: the file is empty".to_owned(),
        1 => "1 byte".to_owned(),
        _ => format!("{count} bytes"),
    }
}
