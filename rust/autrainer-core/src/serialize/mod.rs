//! Outputs of a run as files, each written whole or not at all.

mod cells;
mod chunks;
mod column;
mod csv;
mod npy;
mod png;
mod sealed;
mod table;

pub use csv::write_results;
pub use npy::{Array, write_npy};
pub use png::encode_png;
pub use sealed::{PART_ALIGNMENT, SEAL_BYTES, seal, write_sealed};
pub use table::{Column, Floats, NamedColumn, Table, TextTable};
