//! The formats of [`crate::decode`] as decoders of a stream.

use std::path::Path;

use super::Decode;
use crate::decode::{Format, Layout, Pad, Scratch, first_nonfinite};
use crate::error::Result;

/// Decodes samples of one format.
#[derive(Debug, Clone, PartialEq)]
pub struct FormatDecoder {
    /// Their format.
    pub format: Format,
    /// Where those that go to memory of the caller may have another size than it has room for.
    pub pad: Option<Pad>,
}

impl Decode for FormatDecoder {
    type Layout = Layout;
    type Scratch = Scratch;

    fn layout(&self, path: &Path, scratch: &mut Scratch) -> Result<Layout> {
        self.format.layout(path, scratch)
    }

    fn inspect(&self, path: &Path, scratch: &mut Scratch) -> Result<()> {
        self.format.inspect(path, scratch)
    }

    fn read_into(
        &self,
        path: &Path,
        draw: u64,
        scratch: &mut Scratch,
        expected: &Layout,
        out: &mut [u8],
    ) -> Result<()> {
        let format = self.format.with_draw(draw);
        match self.pad {
            None => format.read_into(path, scratch, expected, out),
            Some(pad) => format.read_padded_into(path, scratch, expected, pad, out),
        }
    }

    fn read(&self, path: &Path, draw: u64, scratch: &mut Scratch) -> Result<(Layout, Vec<u8>)> {
        self.format.with_draw(draw).read(path, scratch)
    }

    fn has_nonfinite(&self, layout: &Layout, sample: &[u8], scratch: &Scratch) -> bool {
        scratch.had_nonfinite() || first_nonfinite(layout.dtype, sample).is_some()
    }
}
