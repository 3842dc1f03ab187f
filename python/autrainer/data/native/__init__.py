"""Data by the Rust extension: decoding, reading of many files, collation, shuffling."""

from autrainer.runs.writing.files import find_numpy

find_numpy()
