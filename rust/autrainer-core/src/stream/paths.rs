//! Many paths in little memory.

use std::path::Path;

/// Paths one after another in a single allocation, numbered from 0.
#[derive(Debug, Default, Clone)]
pub struct Paths {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Paths {
    /// Append a path.
    pub fn push(&mut self, path: &Path) {
        self.bytes.extend_from_slice(&encoded(path));
        self.ends.push(self.bytes.len());
    }

    /// Number of paths.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no paths.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The path of a row.
    #[must_use]
    pub fn at(&self, row: usize) -> Option<&Path> {
        let end = *self.ends.get(row)?;
        let start = match row.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.bytes.get(start..end).map(decoded)
    }
}

impl<P: AsRef<Path>> FromIterator<P> for Paths {
    fn from_iter<I: IntoIterator<Item = P>>(paths: I) -> Self {
        let mut table = Self::default();
        for path in paths {
            table.push(path.as_ref());
        }
        table.bytes.shrink_to_fit();
        table.ends.shrink_to_fit();
        table
    }
}

#[cfg(unix)]
fn encoded(path: &Path) -> std::borrow::Cow<'_, [u8]> {
    path.as_os_str().as_encoded_bytes().into()
}

#[cfg(unix)]
fn decoded(bytes: &[u8]) -> &Path {
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(bytes);
    Path::new(name)
}

/// A name that is no Unicode loses what is not, and is then not found.
#[cfg(not(unix))]
fn encoded(path: &Path) -> std::borrow::Cow<'_, [u8]> {
    match path.to_string_lossy() {
        std::borrow::Cow::Borrowed(text) => text.as_bytes().into(),
        std::borrow::Cow::Owned(text) => text.into_bytes().into(),
    }
}

#[cfg(not(unix))]
fn decoded(bytes: &[u8]) -> &Path {
    Path::new(std::str::from_utf8(bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_in_order() {
        let names = ["a/b.npy", "", "ü.wav", "c"];
        let table: Paths = names.iter().collect();
        assert_eq!(table.len(), 4);
        assert!(!table.is_empty() && Paths::default().is_empty());
        for (row, name) in names.iter().enumerate() {
            assert_eq!(table.at(row), Some(Path::new(name)));
        }
        assert_eq!(table.at(4), None);
        assert_eq!(Paths::default().at(0), None);
    }

    #[cfg(unix)]
    #[test]
    fn names_need_not_be_unicode() {
        let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff\xfe.npy");
        let table: Paths = [name].iter().collect();
        assert_eq!(table.at(0), Some(Path::new(name)));
    }
}
