//! Sound: as it lies in files, and what is computed of it.

pub(crate) mod files;

pub use files::{AudioInfo, AudioOptions, Span};
