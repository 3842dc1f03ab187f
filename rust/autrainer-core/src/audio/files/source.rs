//! Bytes of a file at any position, by way of a window that is read ahead.

use std::io::{self, SeekFrom};

use crate::decode::input::{Input, Window, length};

/// A file and the part of it that is in memory.
pub(super) struct Source<'a, I> {
    input: &'a mut I,
    window: &'a mut Window,
    ahead: usize,
    length: Option<u64>,
}

impl<'a, I: Input> Source<'a, I> {
    /// `ahead` bytes are read in one go.
    pub(super) fn new(input: &'a mut I, window: &'a mut Window, ahead: usize) -> Self {
        Self {
            input,
            window,
            ahead,
            length: None,
        }
    }

    /// The bytes of a range, fewer where the file ends.
    pub(super) fn bytes(&mut self, from: u64, len: usize) -> io::Result<&[u8]> {
        let len = self.length.map_or(len, |length| {
            // What is behind the end need not be read again to be missed.
            let rest = usize::try_from(length.saturating_sub(from)).unwrap_or(usize::MAX);
            len.min(rest)
        });
        self.window.bytes(self.input, from, len, self.ahead)
    }

    /// The same as an array; none where the file ends before.
    pub(super) fn array<const N: usize>(&mut self, from: u64) -> io::Result<Option<[u8; N]>> {
        Ok(self.bytes(from, N)?.try_into().ok())
    }

    /// Where the file ends.
    pub(super) fn length(&mut self) -> io::Result<u64> {
        if let Some(length) = self.length {
            return Ok(length);
        }
        let found = length(self.input)?;
        // The next read of the window goes on from there.
        self.input.seek(SeekFrom::Start(self.window.end()))?;
        self.length = Some(found);
        Ok(found)
    }

    /// The file and the window themselves.
    pub(super) fn parts(&mut self) -> (&mut I, &mut Window) {
        (self.input, self.window)
    }

    /// Read more or less in one go from here on.
    pub(super) fn read_ahead(&mut self, bytes: usize) {
        self.ahead = bytes;
    }
}
