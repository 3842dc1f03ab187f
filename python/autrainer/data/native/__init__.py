"""Data by the Rust extension: decoding, reading of many files, collation, shuffling."""
