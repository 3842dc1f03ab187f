//! Sealed files: parts one after another, then a checksum over them all.

use std::io::Write;
use std::path::Path;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::error::{Error, Result};
use crate::io::write_whole;

/// Length of the checksum at the end of a sealed file.
pub const SEAL_BYTES: usize = 16;

/// Every part begins at a multiple of this, so that its numbers can be read in place.
pub const PART_ALIGNMENT: usize = 64;

/// Hashed and written in pieces that stay in the cache in between.
const PIECE_BYTES: usize = 256 << 10;

/// Write `parts` to `path`, each but the last padded by zeros to [`PART_ALIGNMENT`], and their
/// checksum behind them; whole or not at all.
///
/// # Errors
/// As [`write_whole`].
pub fn write_sealed(path: &Path, parts: &[&[u8]]) -> Result<()> {
    write_whole(path, |file| {
        let mut hasher = Xxh3::new();
        let mut put = |bytes: &[u8]| {
            hasher.update(bytes);
            file.write_all(bytes)
        };
        let written = parts.iter().enumerate().try_for_each(|(position, part)| {
            part.chunks(PIECE_BYTES).try_for_each(&mut put)?;
            let is_last = position + 1 == parts.len();
            put(&[0; PART_ALIGNMENT][..if is_last { 0 } else { padding(part.len()) }])
        });
        written
            .and_then(|()| file.write_all(&hasher.digest128().to_le_bytes()))
            .map_err(|source| Error::Write {
                path: path.to_path_buf(),
                source,
            })
    })
}

/// The checksum of `bytes`: XXH3 with 128 bits, little endian.
#[must_use]
pub fn seal(bytes: &[u8]) -> [u8; SEAL_BYTES] {
    xxh3_128(bytes).to_le_bytes()
}

/// Zeros between a part of this length and the next one.
fn padding(length: usize) -> usize {
    length.next_multiple_of(PART_ALIGNMENT) - length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(parts: &[&[u8]]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealed");
        write_sealed(&path, parts).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn parts_are_aligned_and_followed_by_their_checksum() {
        let file = written(&[b"head", &[7; 130], b"end"]);
        let (content, found) = file.split_at(file.len() - SEAL_BYTES);
        assert_eq!(content.len(), 64 + 192 + 3);
        assert!(content.starts_with(b"head\0\0") && content.ends_with(b"\0\0end"));
        assert_eq!(found, seal(content));
    }

    #[test]
    fn large_parts_are_hashed_as_one() {
        let part: Vec<u8> = (0..PIECE_BYTES * 3 + 5).map(|i| (i % 251) as u8).collect();
        let file = written(&[&part]);
        let (content, found) = file.split_at(file.len() - SEAL_BYTES);
        assert_eq!(content, part);
        assert_eq!(found, seal(&part));
    }

    #[test]
    fn without_parts_there_is_only_the_checksum() {
        assert_eq!(written(&[]), seal(b""));
    }
}
