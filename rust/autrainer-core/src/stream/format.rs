//! The formats of [`crate::decode`] as decoders of a stream.

use std::path::Path;

use super::Decode;
use crate::decode::{Format, Layout, Scratch, first_nonfinite};
use crate::error::Result;

impl Decode for Format {
    type Layout = Layout;
    type Scratch = Scratch;

    fn layout(&self, path: &Path, scratch: &mut Scratch) -> Result<Layout> {
        self.layout(path, scratch)
    }

    fn read_into(
        &self,
        path: &Path,
        scratch: &mut Scratch,
        expected: &Layout,
        out: &mut [u8],
    ) -> Result<()> {
        self.read_into(path, scratch, expected, out)
    }

    fn read(&self, path: &Path, scratch: &mut Scratch) -> Result<(Layout, Vec<u8>)> {
        self.read(path, scratch)
    }

    fn has_nonfinite(&self, layout: &Layout, sample: &[u8]) -> bool {
        first_nonfinite(layout.dtype, sample).is_some()
    }
}
