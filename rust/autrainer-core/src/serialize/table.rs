//! What a table of results consists of, and whether its parts fit each other.

use crate::error::{Error, Result};

/// Floats of either width.
#[derive(Debug, Clone, Copy)]
pub enum Floats<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

/// Texts that lie one after the other in one piece of memory.
#[derive(Debug, Clone, Copy)]
pub struct TextTable<'a> {
    /// All texts, UTF-8.
    pub data: &'a [u8],
    /// Where each text begins in `data`, and where the last one ends.
    pub offsets: &'a [i64],
}

impl<'a> TextTable<'a> {
    /// Number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A text; `None` where there is none, or offsets do not fit the data.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&'a [u8]> {
        let start = usize::try_from(*self.offsets.get(position)?).ok()?;
        let stop = usize::try_from(*self.offsets.get(position + 1)?).ok()?;
        self.data.get(start..stop)
    }
}

/// A column whose cells depend on what they hold: predictions, targets, names.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// A label per row, by its position in `labels`.
    Labels {
        /// Positions in `labels`.
        codes: &'a [i64],
        /// What the cells say.
        labels: &'a [String],
    },
    /// A list of labels per row, written as a Python list.
    LabelSets {
        /// One byte per row and label, not zero where the label belongs to the row.
        mask: &'a [u8],
        /// The labels as Python literals, quotes included.
        literals: &'a [String],
    },
    /// A number per row.
    Values(Floats<'a>),
    /// A whole number per row.
    Integers(&'a [i64]),
    /// As many numbers per row as there are targets, written as a Python list.
    ValueLists {
        /// All numbers, row after row.
        values: Floats<'a>,
        /// Numbers per row.
        num_targets: usize,
    },
    /// A text per row.
    Texts(&'a [String]),
    /// A text per row, by its position among many.
    CodedTexts {
        /// Positions in `texts`.
        codes: &'a [i64],
        /// All texts.
        texts: TextTable<'a>,
    },
}

/// A column and what its heading says.
pub type NamedColumn<'a> = (String, Column<'a>);

/// The columns of a table of results.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// Row of each sample in its split.
    pub indices: &'a [i64],
    /// The columns between `index` and the probabilities.
    pub columns: &'a [NamedColumn<'a>],
    /// Names of the columns of `probabilities`.
    pub names: &'a [String],
    /// One number per row and name, row after row.
    pub probabilities: Floats<'a>,
}

impl Table<'_> {
    /// Look whether all columns have the cells that the indices ask for.
    ///
    /// # Errors
    /// [`Error::Length`] where they have not; [`Error::LabelCode`] for a code without a label.
    pub(super) fn check(&self) -> Result<()> {
        let rows = self.indices.len();
        let cells = rows.saturating_mul(self.names.len());
        check_length("probabilities", cells, self.probabilities.len())?;
        self.columns
            .iter()
            .try_for_each(|(_, column)| column.check(rows))
    }
}

impl Floats<'_> {
    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }
}

impl Column<'_> {
    fn check(&self, rows: usize) -> Result<()> {
        match *self {
            Self::Labels { codes, labels } => {
                check_length("codes", rows, codes.len())?;
                check_codes(codes, labels.len())
            }
            Self::CodedTexts { codes, texts } => {
                check_length("codes", rows, codes.len())?;
                check_codes(codes, texts.len())
            }
            Self::LabelSets { mask, literals } => {
                check_length("mask", rows.saturating_mul(literals.len()), mask.len())
            }
            Self::Values(values) => check_length("values", rows, values.len()),
            Self::Integers(values) => check_length("values", rows, values.len()),
            Self::ValueLists {
                values,
                num_targets,
            } => check_length("values", rows.saturating_mul(num_targets), values.len()),
            Self::Texts(texts) => check_length("texts", rows, texts.len()),
        }
    }
}

fn check_codes(codes: &[i64], num_labels: usize) -> Result<()> {
    for (row, &code) in codes.iter().enumerate() {
        if usize::try_from(code).map_or(true, |code| code >= num_labels) {
            return Err(Error::LabelCode {
                row,
                code,
                num_labels,
            });
        }
    }
    Ok(())
}

fn check_length(argument: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Length {
        argument,
        expected,
        found,
    })
}
