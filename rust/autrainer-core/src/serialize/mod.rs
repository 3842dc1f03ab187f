//! Outputs of a run as files, each written whole or not at all.

mod chunks;
mod csv;
mod npy;

pub use csv::{Floats, Predictions, Table, write_results};
pub use npy::{Array, write_npy};
