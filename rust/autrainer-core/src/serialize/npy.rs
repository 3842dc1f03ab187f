//! `.npy` files, version 1.0 of the format, byte for byte what `numpy.save` writes.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result, Shape};
use crate::io::{write_whole, write_whole_unsynced};

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
const ALIGNMENT: usize = 64;

/// NumPy leaves room for the first axis to grow to as many digits.
const GROWTH_DIGITS: usize = 21;

/// The memory of a contiguous array and what a reader has to know about it.
#[derive(Debug, Clone, Copy)]
pub struct Array<'a> {
    /// The dtype in NumPy's array protocol notation, such as `<f4`.
    pub dtype: &'a str,
    /// Sizes of the axes.
    pub shape: &'a [usize],
    /// Whether the first axis varies fastest in memory.
    pub is_fortran_order: bool,
    /// The elements.
    pub data: &'a [u8],
}

/// Write an array to `path`, whole or not at all; unless it is `synced`, as [`write_whole_unsynced`].
///
/// # Errors
/// [`Error::NpyHeader`] for an array of thousands of dimensions, otherwise as [`write_whole`].
pub fn write_npy(path: &Path, array: &Array<'_>, synced: bool) -> Result<()> {
    let header = header(array)?;
    let fill = |file: &mut File| {
        file.write_all(&header)
            .and_then(|()| file.write_all(array.data))
            .map_err(|source| Error::Write {
                path: path.to_path_buf(),
                source,
            })
    };
    if synced {
        write_whole(path, fill)
    } else {
        write_whole_unsynced(path, fill)
    }
}

fn header(array: &Array<'_>) -> Result<Vec<u8>> {
    let order = if array.is_fortran_order {
        "True"
    } else {
        "False"
    };
    let mut text = format!(
        "{{'descr': '{}', 'fortran_order': {order}, 'shape': {}, }}",
        array.dtype,
        Shape(array.shape)
    );
    let growing = if array.is_fortran_order {
        array.shape.last()
    } else {
        array.shape.first()
    };
    if let Some(size) = growing {
        let room = GROWTH_DIGITS.saturating_sub(size.to_string().len());
        text.extend(std::iter::repeat_n(' ', room));
    }
    let fixed = MAGIC.len() + 2;
    // One to ALIGNMENT spaces, then the line end: NumPy never pads by nothing.
    let padding = ALIGNMENT - (fixed + text.len() + 1) % ALIGNMENT;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let length = u16::try_from(text.len()).map_err(|_| Error::NpyHeader {
        shape: array.shape.to_vec(),
    })?;
    Ok([MAGIC, &length.to_le_bytes(), text.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(shape: &[usize], is_fortran_order: bool) -> Vec<u8> {
        header(&Array {
            dtype: "<f4",
            shape,
            is_fortran_order,
            data: &[],
        })
        .unwrap()
    }

    #[test]
    fn headers_end_on_the_alignment_with_a_line_end() {
        for shape in [&[][..], &[1], &[123, 45, 6], &[usize::MAX, 1]] {
            let header = header_of(shape, shape.len() > 1);
            assert_eq!(header.len() % ALIGNMENT, 0);
            assert_eq!(header.last(), Some(&b'\n'));
        }
    }

    #[test]
    fn a_header_too_long_for_its_length_field_is_refused() {
        let array = Array {
            dtype: "<f4",
            shape: &[1; 40_000],
            is_fortran_order: false,
            data: &[],
        };
        assert!(matches!(header(&array), Err(Error::NpyHeader { .. })));
    }
}
