//! The part of autrainer that knows neither Python nor tensors: slices, paths and numbers.
//!
//! - [`collate`]: samples into one contiguous batch.
//! - [`audio`]: sound in WAV, FLAC, MP3 and Ogg Vorbis files, whole or a part of it; sampling rates,
//!   spectrograms, cepstra.
//! - [`decode`]: `.npy`, sound and image files as arrays, without trust in their headers.
//! - [`shuffle`]: the order of an epoch as a pure function of (seed, epoch, number of samples).
//! - [`stream`]: files decoded by threads, in order, ahead of whoever consumes them.
//! - [`serialize`]: `.npy` arrays and tables of results, written whole or not at all.
//! - [`panics`]: those of decoders as errors.
//! - [`io`]: the files below them, whose errors name the path.
//! - [`worker`]: signals in worker processes.
//!
//! ```
//! use autrainer_core::{collate, shuffle};
//!
//! let table = b"aabbccdd";
//! let order = shuffle::permutation(4, 0, 0, 0, 4)?;
//! let mut batch = [0; 4];
//! collate::gather(table, 4, &order[..2], &mut batch)?;
//! assert_eq!(batch[0], batch[1]);
//! # Ok::<(), autrainer_core::Error>(())
//! ```

pub mod audio;
pub mod collate;
mod copy;
pub mod decode;
mod error;
pub mod io;
pub mod panics;
pub mod serialize;
pub mod shuffle;
pub mod stream;
pub mod worker;

pub use error::{Error, Result, Shape};
