//! Outputs of a run as files, each written whole or not at all.

mod chunks;
mod csv;
mod npy;
mod sealed;

pub use csv::{Column, Floats, NamedColumn, Table, TextTable, write_results};
pub use npy::{Array, write_npy};
pub use sealed::{PART_ALIGNMENT, SEAL_BYTES, seal, write_sealed};
