//! What can go wrong, one variant per cause; each carries the facts, `Display` makes the sentence.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::decode::Layout;

/// Result of the functions of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A cause of failure with its facts.
#[derive(Debug)]
pub enum Error {
    /// A batch was to be made of nothing.
    EmptyBatch,
    /// The number of elements of an argument does not fit what it is for.
    Length {
        /// Name of the argument.
        argument: &'static str,
        /// Number of elements that there should be.
        expected: usize,
        /// Number of elements of the argument.
        found: usize,
    },
    /// An index names no row.
    RowIndex {
        /// Position of the index in the vector of indices.
        position: usize,
        /// The index.
        index: i64,
        /// Number of rows that there are.
        num_rows: usize,
    },
    /// A label code names no label.
    LabelCode {
        /// Row of the code.
        row: usize,
        /// The code.
        code: i64,
        /// Number of labels that there are.
        num_labels: usize,
    },
    /// An order was asked of no samples, or of more than can be numbered.
    NumSamples {
        /// What was asked for.
        num_samples: u64,
    },
    /// A range of positions reaches outside of the order.
    Positions {
        /// First position.
        start: u64,
        /// One past the last position.
        stop: u64,
        /// Number of samples of the order.
        num_samples: u64,
    },
    /// The header of a `.npy` file cannot hold this array.
    NpyHeader {
        /// Shape of the array.
        shape: Vec<usize>,
    },
    /// A file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is truncated or contradicts itself.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A file holds an array of another layout than the others.
    SampleLayout {
        /// The file.
        path: PathBuf,
        /// Layout that was asked for.
        expected: Layout,
        /// Layout of the file.
        found: Layout,
    },
    /// A file could not be written; what stood there before still does.
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The path names something that a file cannot replace, such as a device.
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A file is whole, as far as can be seen, but of a kind that the decoder leaves to others.
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// A decoder panicked, which no file should make it do.
    DecoderPanic {
        /// The file.
        path: PathBuf,
        /// What the panic said.
        message: String,
    },
    /// A step on the way from sound to features takes no array of this shape.
    StepShape {
        /// What is computed.
        step: &'static str,
        /// Of what.
        shape: Vec<usize>,
    },
    /// Bytes make no picture of this size.
    Picture {
        /// Number of columns.
        width: u32,
        /// Number of rows.
        height: u32,
    },
    /// There is no memory.
    Memory {
        /// For so many numbers.
        count: usize,
    },
    /// A batch was waited for, but none had been submitted.
    NothingSubmitted,
    /// Sound cannot be brought from one sampling rate to another.
    ResampleRates {
        /// Its rate in Hz.
        old_hz: u32,
        /// The rate that it should have, in Hz.
        new_hz: u32,
    },
    /// The filter from one rate to another is too large as one dense matrix.
    ResampleKernel {
        /// The rate of the sound in Hz.
        old_hz: u32,
        /// The rate that it should have, in Hz.
        new_hz: u32,
        /// Numbers of the matrix.
        count: usize,
        /// How many it may have.
        most: usize,
    },
    /// A setting of a computation of features makes no sense.
    FeatureSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// A signal has too few samples for a spectrogram.
    SignalTooShort {
        /// Samples that it has.
        num_samples: usize,
        /// Samples that it needs.
        needed: usize,
    },
}

/// An argument has as many elements as there should be.
pub(crate) fn check_length(argument: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Length {
        argument,
        expected,
        found,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyBatch => write!(f, "a batch needs at least one sample, found none"),
            Self::Length {
                argument,
                expected,
                found,
            } => write!(
                f,
                "{argument} has {found} elements; there should be {expected}"
            ),
            Self::RowIndex {
                position,
                index,
                num_rows,
            } => write!(
                f,
                "index {index} at position {position} names no row: there are {num_rows} rows, \
                 numbered from 0"
            ),
            Self::LabelCode {
                row,
                code,
                num_labels,
            } => write!(
                f,
                "code {code} in row {row} names no label: there are {num_labels} labels, \
                 numbered from 0"
            ),
            Self::NumSamples { num_samples } => write!(
                f,
                "num_samples is {num_samples}; it has to be between 1 and 2**63 - 1"
            ),
            Self::Positions {
                start,
                stop,
                num_samples,
            } => write!(
                f,
                "positions {start} to {stop} do not lie within the {num_samples} samples"
            ),
            Self::NpyHeader { shape } => write!(
                f,
                "an array of {} dimensions does not fit into a .npy file of version 1",
                shape.len()
            ),
            Self::Read { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Corrupt {
                path,
                expected,
                found,
            } => write!(f, "{}: expected {expected}, found {found}", path.display()),
            Self::SampleLayout {
                path,
                expected,
                found,
            } => write!(
                f,
                "{}: expected {expected} as in the other files, found {found}",
                path.display()
            ),
            Self::Write { path, source } => {
                write!(f, "{}: {source}; nothing was written", path.display())
            }
            Self::NotAFile { path } => write!(
                f,
                "{} is no regular file; nothing was written",
                path.display()
            ),
            Self::Unsupported { path, found } => {
                write!(f, "{}: {found} is not supported", path.display())
            }
            Self::DecoderPanic { path, message } => write!(
                f,
                "{}: the decoder of this file panicked ({message}); this is a bug of autrainer, \
                 please report it",
                path.display()
            ),
            Self::StepShape { step, shape } => {
                write!(f, "{step} of an array of shape {}", Shape(shape))
            }
            Self::Picture { width, height } => write!(
                f,
                "this is no picture of {width} x {height} pixels with three channels or more"
            ),
            Self::Memory { count } => write!(f, "no memory for {count} numbers"),
            Self::NothingSubmitted => {
                write!(f, "there is no batch to wait for; submit one first")
            }
            Self::ResampleRates { old_hz, new_hz } => write!(
                f,
                "sound cannot be resampled from {old_hz} Hz to {new_hz} Hz: the rates have to be \
                 positive, and their ratio one of smaller numbers"
            ),
            Self::ResampleKernel {
                old_hz,
                new_hz,
                count,
                most,
            } => write!(
                f,
                "a convolution from {old_hz} Hz to {new_hz} Hz has {count} weights, and may have \
                 {most}: take rates whose ratio is one of smaller numbers, such as 44100 and 16000 \
                 Hz, or resample signals before, which takes these rates"
            ),
            Self::FeatureSetting {
                setting,
                found,
                expected,
            } => write!(f, "{setting} is {found}; it has to be {expected}"),
            Self::SignalTooShort {
                num_samples,
                needed,
            } => write!(
                f,
                "a signal of {num_samples} samples is too short for this spectrogram, which needs \
                 {needed} or more; leave it out, or make it longer with the transform Expand"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A shape as tuples are printed in `.npy` headers and messages: `(3,)`.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a>(pub &'a [usize]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [only] => write!(f, "({only},)"),
            sizes => {
                f.write_str("(")?;
                for (axis, size) in sizes.iter().enumerate() {
                    let comma = if axis == 0 { "" } else { ", " };
                    write!(f, "{comma}{size}")?;
                }
                f.write_str(")")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_read_as_tuples() {
        assert_eq!(Shape(&[]).to_string(), "()");
        assert_eq!(Shape(&[3]).to_string(), "(3,)");
        assert_eq!(Shape(&[3, 0, 2]).to_string(), "(3, 0, 2)");
    }

    #[test]
    fn a_panic_of_a_decoder_names_the_file_and_whose_fault_it_is() {
        let error = Error::DecoderPanic {
            path: PathBuf::from("a.png"),
            message: "index out of bounds".to_owned(),
        };
        assert_eq!(
            error.to_string(),
            "a.png: the decoder of this file panicked (index out of bounds); this is a bug of \
             autrainer, please report it"
        );
    }
}
