//! Samples of different lengths as samples of one length: filled up at their end.

use super::dtype::Layout;

/// Which axis of a sample may have another size than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pad {
    /// The axis; counted from the last one where negative.
    pub axis: isize,
    /// Leave out the end of a longer sample instead of refusing it.
    pub crop: bool,
    /// Leave what is behind a shorter sample as it is in memory, instead of zeros.
    pub keeps_rest: bool,
}

/// How the bytes of a sample become those of a padded one: row by row.
#[derive(Debug, Clone, Copy)]
pub(super) struct PaddedRows {
    num: usize,
    /// Bytes of a row of the sample.
    pub(super) sample_bytes: usize,
    /// Bytes of a row of the padded sample.
    pub(super) padded_bytes: usize,
    keeps_rest: bool,
}

impl Pad {
    /// The rows of a sample of the layout `found`; none if it cannot become one of `expected`.
    pub(super) fn rows(&self, found: &Layout, expected: &Layout) -> Option<PaddedRows> {
        let num_axes = expected.shape.len();
        let axis = match usize::try_from(self.axis) {
            Ok(axis) => axis,
            Err(_) => num_axes.checked_sub(self.axis.unsigned_abs())?,
        };
        let (before, from_here) = expected.shape.split_at_checked(axis)?;
        let (&size, behind) = from_here.split_first()?;
        let length = *found.shape.get(axis)?;
        let is_alike = found.dtype == expected.dtype
            && found.shape.len() == num_axes
            && found.shape.starts_with(before)
            && found.shape.ends_with(behind);
        if !is_alike || (length > size && !self.crop) {
            return None;
        }
        let step = behind
            .iter()
            .try_fold(found.dtype.size(), |bytes, size| bytes.checked_mul(*size))?;
        Some(PaddedRows {
            num: before.iter().product(),
            sample_bytes: length.checked_mul(step)?,
            padded_bytes: size.checked_mul(step)?,
            keeps_rest: self.keeps_rest,
        })
    }
}

impl PaddedRows {
    /// Where the sample itself goes if its bytes stay together; the rest of `out` is filled up.
    pub(super) fn whole(self, out: &mut [u8]) -> Option<&mut [u8]> {
        if self.num != 1 || self.sample_bytes > self.padded_bytes {
            return None;
        }
        let (sample, rest) = out.split_at_mut_checked(self.sample_bytes)?;
        self.fill(rest);
        Some(sample)
    }

    /// Copy a sample, row by row.
    pub(super) fn copy(self, sample: &[u8], out: &mut [u8]) {
        let kept = self.sample_bytes.min(self.padded_bytes);
        let mut rows = sample.chunks_exact(self.sample_bytes.max(1));
        for place in out.chunks_exact_mut(self.padded_bytes.max(1)) {
            let row = rows.next().and_then(|row| row.get(..kept));
            let (start, rest) = place.split_at_mut(row.map_or(0, <[u8]>::len));
            start.copy_from_slice(row.unwrap_or_default());
            self.fill(rest);
        }
    }

    fn fill(self, rest: &mut [u8]) {
        if !self.keeps_rest {
            rest.fill(0);
        }
    }
}
