//! Types of elements, and what a file holds.

use std::fmt;

use crate::error::Shape;

/// Type of the elements of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// A byte that is 0 or 1.
    Bool,
    /// Unsigned, 8 bit.
    U8,
    /// Signed, 8 bit.
    I8,
    /// Unsigned, 16 bit.
    U16,
    /// Signed, 16 bit.
    I16,
    /// Unsigned, 32 bit.
    U32,
    /// Signed, 32 bit.
    I32,
    /// Unsigned, 64 bit.
    U64,
    /// Signed, 64 bit.
    I64,
    /// IEEE 754 half precision.
    F16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// Two of [`DType::F32`].
    C64,
    /// Two of [`DType::F64`].
    C128,
}

impl DType {
    /// Every type, in the order of their declaration.
    pub const ALL: [Self; 14] = [
        Self::Bool,
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::U64,
        Self::I64,
        Self::F16,
        Self::F32,
        Self::F64,
        Self::C64,
        Self::C128,
    ];

    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 | Self::C64 => 8,
            Self::C128 => 16,
        }
    }

    /// Bytes of the numbers of which an element consists: half of it where it is complex.
    pub(crate) fn number_size(self) -> usize {
        match self {
            Self::C64 | Self::C128 => self.size() / 2,
            _ => self.size(),
        }
    }

    /// Whether an element can be infinite or not a number.
    pub fn is_float(self) -> bool {
        matches!(
            self,
            Self::F16 | Self::F32 | Self::F64 | Self::C64 | Self::C128
        )
    }

    /// The name that NumPy and torch use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::C64 => "complex64",
            Self::C128 => "complex128",
        }
    }

    /// The type of a kind and size in the notation of NumPy's array protocol, such as `f4`.
    pub(crate) fn from_kind(kind: &[u8]) -> Option<Self> {
        Some(match kind {
            b"b1" => Self::Bool,
            b"u1" => Self::U8,
            b"i1" => Self::I8,
            b"u2" => Self::U16,
            b"i2" => Self::I16,
            b"u4" => Self::U32,
            b"i4" => Self::I32,
            b"u8" => Self::U64,
            b"i8" => Self::I64,
            b"f2" => Self::F16,
            b"f4" => Self::F32,
            b"f8" => Self::F64,
            b"c8" => Self::C64,
            b"c16" => Self::C128,
            _ => return None,
        })
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Type and sizes of an array; `Display` prints it as `(2, 3) of float32`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Type of the elements.
    pub dtype: DType,
    /// Sizes of the axes.
    pub shape: Vec<usize>,
}

impl Layout {
    /// Bytes of all elements; `None` where they are more than can be addressed.
    pub fn num_bytes(&self) -> Option<usize> {
        // An axis of no elements does not excuse one that is beyond all bounds.
        let largest = self
            .shape
            .iter()
            .filter(|size| **size > 0)
            .try_fold(self.dtype.size(), |bytes, size| bytes.checked_mul(*size))?;
        let is_empty = self.shape.contains(&0);
        isize::try_from(largest).ok()?;
        Some(if is_empty { 0 } else { largest })
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", Shape(&self.shape), self.dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_beyond_the_address_space_have_no_size() {
        let bytes = |shape: &[usize]| {
            Layout {
                dtype: DType::F32,
                shape: shape.to_vec(),
            }
            .num_bytes()
        };
        assert_eq!(bytes(&[]), Some(4));
        assert_eq!(bytes(&[2, 3]), Some(24));
        assert_eq!(bytes(&[0, 3]), Some(0));
        assert_eq!(bytes(&[usize::MAX, 2]), None);
        assert_eq!(bytes(&[0, usize::MAX, 2]), None);
        assert_eq!(bytes(&[usize::MAX / 4]), None);
    }
}
