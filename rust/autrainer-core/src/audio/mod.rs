//! Sound: as it lies in files, and what is computed of it, from slices to slices.
//!
//! - [`resample`]: the band-limited interpolation that published audio models were trained behind.
//! - [`mel`]: spectrograms in mel bands, in decibels or as another logarithm.
//! - [`cepstrum`]: coefficients of a cosine transform of them, and slopes over time.
//! - [`crop`]: a random stretch, of which alone a file is read.
//! - [`pipeline`]: these one after another, as the files of a batch are read.
//! - [`window`], [`bank`], [`fft`], [`logarithm`]: what these are made of.
//!
//! What a plan computes depends on nothing but its settings and the samples: not on threads, on
//! what was computed before, or on which vector instructions the processor has.

pub mod bank;
pub mod cepstrum;
pub mod crop;
pub mod fft;
pub(crate) mod files;
mod kept;
pub mod logarithm;
pub mod mel;
pub mod pipeline;
pub mod resample;
mod vectors;
pub mod window;

pub use crop::{Crop, Fill};
pub use files::{AudioInfo, AudioOptions, Span};
