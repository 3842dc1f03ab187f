//! The Python literal in the header of a `.npy` file: a dictionary of texts, truths and tuples.

/// A value of the dictionary.
#[derive(Debug, PartialEq)]
pub(crate) enum Entry<'a> {
    /// A string without escapes, between its quotes.
    Text(&'a [u8]),
    /// `True` or `False`.
    Truth(bool),
    /// A tuple of numbers.
    Sizes(Vec<usize>),
    /// A list, which describes records; its end is not looked for.
    Nested,
}

/// The entries of a dictionary, up to the first that is nested; `None` if the text is none.
pub(crate) fn dictionary(text: &[u8]) -> Option<Vec<(&[u8], Entry<'_>)>> {
    let mut rest = Rest(text);
    let mut entries = Vec::new();
    rest.expect(b'{')?;
    while !rest.take(b'}') {
        let key = rest.text()?;
        rest.expect(b':')?;
        let entry = rest.entry()?;
        let is_nested = entry == Entry::Nested;
        entries.push((key, entry));
        if is_nested {
            return Some(entries);
        }
        if !rest.take(b',') {
            rest.expect(b'}')?;
            break;
        }
    }
    rest.0.trim_ascii().is_empty().then_some(entries)
}

/// The part of a text that is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn peek(&mut self) -> Option<u8> {
        self.0 = self.0.trim_ascii_start();
        self.0.first().copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.0 = self.0.get(1..).unwrap_or_default();
        }
        is_next
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn entry(&mut self) -> Option<Entry<'a>> {
        match self.peek()? {
            b'\'' | b'"' => self.text().map(Entry::Text),
            b'(' => self.sizes().map(Entry::Sizes),
            b'[' => Some(Entry::Nested),
            _ => self.truth().map(Entry::Truth),
        }
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let quote = self.peek().filter(|byte| matches!(byte, b'\'' | b'"'))?;
        let inner = self.0.get(1..)?;
        let len = inner.iter().position(|byte| *byte == quote)?;
        let (text, after) = inner.split_at_checked(len)?;
        self.0 = after.get(1..)?;
        (!text.contains(&b'\\')).then_some(text)
    }

    fn truth(&mut self) -> Option<bool> {
        for (word, truth) in [(&b"True"[..], true), (b"False", false)] {
            if let Some(after) = self.0.strip_prefix(word) {
                self.0 = after;
                return Some(truth);
            }
        }
        None
    }

    fn sizes(&mut self) -> Option<Vec<usize>> {
        self.expect(b'(')?;
        let mut sizes = Vec::new();
        while !self.take(b')') {
            sizes.push(self.size()?);
            if !self.take(b',') {
                // A number in brackets is a number, not a tuple.
                (sizes.len() > 1).then_some(())?;
                self.expect(b')')?;
                break;
            }
        }
        Some(sizes)
    }

    fn size(&mut self) -> Option<usize> {
        self.peek()?;
        let len = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, after) = self.0.split_at_checked(len)?;
        // Python 2 marked its long integers.
        self.0 = after.strip_prefix(b"L").unwrap_or(after);
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_numpy_writes_is_read() {
        let text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }   \n";
        let expected = vec![
            (&b"descr"[..], Entry::Text(b"<f4")),
            (b"fortran_order", Entry::Truth(false)),
            (b"shape", Entry::Sizes(vec![1, 2])),
        ];
        assert_eq!(dictionary(text), Some(expected));
    }

    #[test]
    fn spaces_quotes_and_the_last_comma_are_free() {
        fn sizes(text: &[u8]) -> Option<Entry<'_>> {
            dictionary(text).map(|mut entries| entries.remove(0).1)
        }
        assert_eq!(sizes(b"{\"a\":(3,)}"), Some(Entry::Sizes(vec![3])));
        assert_eq!(
            sizes(b" { 'a' : ( 3L , 4 , ) , } "),
            Some(Entry::Sizes(vec![3, 4]))
        );
        assert_eq!(sizes(b"{'a': ()}"), Some(Entry::Sizes(vec![])));
        assert_eq!(sizes(b"{'a': [('x', '<f4')]}"), Some(Entry::Nested));
        assert_eq!(sizes(b"{'a': True}"), Some(Entry::Truth(true)));
    }

    #[test]
    fn what_is_no_dictionary_is_refused() {
        let texts: [&[u8]; 16] = [
            b"",
            b"{",
            b"{'a'}",
            b"{'a':}",
            b"{'a': 1}",
            b"{'a': (3)}",
            b"{'a': (3 4)}",
            b"{'a': (-3,)}",
            b"{'a': (,)}",
            b"{'a': ('3',)}",
            b"{'a': 'b' 'c': 'd'}",
            b"{'a': 'b'} x",
            b"{'a': '\\x41'}",
            b"{'a': 'b",
            b"{a: 'b'}",
            b"{'a': (99999999999999999999999,)}",
        ];
        for text in texts {
            assert_eq!(dictionary(text), None, "{}", text.escape_ascii());
        }
    }
}
