//! The extension module `autrainer._core`: convert, release the GIL, translate errors.

mod audio;
mod claims;
mod collate;
mod conversions;
mod decode;
mod error;
mod features;
mod guard;
mod numpy_api;
mod pieces;
mod sealed;
mod serialize;
mod shuffle;
mod stream;
mod views;
mod worker;

use pyo3::prelude::*;

/// Decoding, features of sound, collation, shuffling and output files of autrainer, in Rust.
// Not yet run without a GIL: see docs/architecture.md, "Files to batches".
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use super::audio::{audio_info, decode_audio, foreign_audio};
    #[pymodule_export]
    use super::collate::{gather, stack};
    #[pymodule_export]
    use super::conversions::Outcome;
    #[pymodule_export]
    use super::decode::{can_decode, decode_file, first_nonfinite};
    #[pymodule_export]
    use super::features::{MelSpectrogram, Resampler, cepstra, cosine_matrix, deltas};
    #[pymodule_export]
    use super::numpy_api::find_numpy;
    #[pymodule_export]
    use super::sealed::{seal, write_sealed};
    #[pymodule_export]
    use super::serialize::{
        copy_file, encode_png, make_folder, rename, write_by_name, write_bytes, write_npy,
        write_results,
    };
    #[pymodule_export]
    use super::shuffle::{permutation, position_of};
    #[pymodule_export]
    use super::stream::FileReader;
    #[pymodule_export]
    use super::worker::leave_signals_to_parent;
}
