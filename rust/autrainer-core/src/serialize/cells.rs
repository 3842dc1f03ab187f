//! Cells of a CSV file: numbers, texts and lists, quoted only where they have to be.

/// A Python list in one cell; more than one element means a comma, which means quotes.
pub(super) fn format_value_list<F: Number>(values: &[F], out: &mut Vec<u8>) {
    let quote: &[u8] = if values.len() > 1 { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    out.push(b'[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.extend_from_slice(b", ");
        }
        value.format_literal(out);
    }
    out.push(b']');
    out.extend_from_slice(quote);
}

/// As `format_value_list` for labels whose quotes have been doubled; some only then need quoting.
pub(super) fn format_label_set<'a>(
    labels: impl Iterator<Item = (&'a u8, &'a Vec<u8>)>,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.push(b'[');
    let mut needs_quotes = false;
    for (position, (_, label)) in labels.filter(|(chosen, _)| **chosen != 0).enumerate() {
        if position > 0 {
            out.extend_from_slice(b", ");
            needs_quotes = true;
        }
        needs_quotes |= label.iter().any(|&byte| is_special(byte));
        out.extend_from_slice(label);
    }
    out.push(b']');
    if needs_quotes {
        out.insert(start, b'"');
        out.push(b'"');
    }
}

/// A float and its texts.
pub(super) trait Number: Copy {
    /// The shortest text that reads back to the number, for one that is finite.
    fn format_finite(self, out: &mut Vec<u8>);
    fn is_nan(self) -> bool;
    fn is_infinite(self) -> bool;
    fn is_negative(self) -> bool;

    /// The cell: nothing for NaN.
    fn format_cell(self, out: &mut Vec<u8>) {
        if !self.is_nan() {
            self.format_literal(out);
        }
    }

    /// The number as an element of a Python list prints.
    fn format_literal(self, out: &mut Vec<u8>) {
        if self.is_nan() {
            out.extend_from_slice(b"nan");
        } else if self.is_infinite() {
            let text: &[u8] = if self.is_negative() { b"-inf" } else { b"inf" };
            out.extend_from_slice(text);
        } else {
            self.format_finite(out);
        }
    }
}

macro_rules! number {
    ($float:ty) => {
        impl Number for $float {
            fn format_finite(self, out: &mut Vec<u8>) {
                out.extend_from_slice(zmij::Buffer::new().format_finite(self).as_bytes());
            }

            fn is_nan(self) -> bool {
                <$float>::is_nan(self)
            }

            fn is_infinite(self) -> bool {
                <$float>::is_infinite(self)
            }

            fn is_negative(self) -> bool {
                self.is_sign_negative()
            }
        }
    };
}

number!(f32);
number!(f64);

pub(super) fn cell(text: &str) -> Vec<u8> {
    let mut cell = Vec::new();
    extend_cell(text.as_bytes(), &mut cell);
    cell
}

/// A text as a cell, quoted where it holds a separator, a quote or a line end.
pub(super) fn extend_cell(text: &[u8], out: &mut Vec<u8>) {
    if !text.iter().any(|&byte| is_special(byte)) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for &byte in text {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b',' | b'"' | b'\n' | b'\r')
}
