"""Decoding, features of sound, collation, shuffling and output files of autrainer, in Rust."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, TypeAlias, final

import numpy as np
import numpy.typing as npt

__all__ = [
    "FileReader",
    "MelSpectrogram",
    "Outcome",
    "Resampler",
    "audio_info",
    "can_decode",
    "cepstra",
    "copy_file",
    "cosine_matrix",
    "decode_audio",
    "decode_file",
    "deltas",
    "encode_png",
    "find_numpy",
    "first_nonfinite",
    "foreign_audio",
    "gather",
    "leave_signals_to_parent",
    "make_folder",
    "permutation",
    "position_of",
    "rename",
    "seal",
    "stack",
    "write_by_name",
    "write_bytes",
    "write_npy",
    "write_results",
    "write_sealed",
]

_Samples: TypeAlias = list[npt.NDArray[Any] | None]

class _NativeFormat(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def sample_rate_hz(self) -> int | None: ...
    @property
    def offset_s(self) -> float: ...
    @property
    def duration_s(self) -> float | None: ...
    @property
    def steps(self) -> Sequence[tuple[Any, ...]]: ...
    @property
    def crop(self) -> _Crop | None: ...

class _Crop(Protocol):
    @property
    def size(self) -> int: ...
    @property
    def value(self) -> float | None: ...
    @property
    def by_share(self) -> bool: ...

class _AxisPad(Protocol):
    @property
    def axis(self) -> int: ...
    @property
    def crop(self) -> bool: ...
    @property
    def keeps_rest(self) -> bool: ...

class _MelSettings(Protocol):
    @property
    def sample_rate_hz(self) -> float: ...
    @property
    def fft_len(self) -> int: ...
    @property
    def window(self) -> str: ...
    @property
    def window_len(self) -> int: ...
    @property
    def hop_len(self) -> int: ...
    @property
    def framing(self) -> str: ...
    @property
    def removes_mean(self) -> bool: ...
    @property
    def preemphasis(self) -> float: ...
    @property
    def fmin_hz(self) -> float: ...
    @property
    def fmax_hz(self) -> float: ...
    @property
    def num_bands(self) -> int: ...
    @property
    def scale(self) -> str: ...
    @property
    def equal_area(self) -> bool: ...
    @property
    def level(self) -> str: ...
    @property
    def reference(self) -> float: ...
    @property
    def amin(self) -> float: ...
    @property
    def top_db(self) -> float | None: ...

@final
class Outcome:
    """What is to be said about the files of a batch."""

    @property
    def unsupported(self) -> list[int]:
        """Positions in the batch of files that are not supported, in ascending order."""

    @property
    def nonfinite(self) -> list[int]:
        """Positions in the batch of samples that are not finite, in ascending order."""

    @property
    def busy_s(self) -> float:
        """Time that threads spent on the files, in seconds."""

@final
class FileReader:
    """Files decoded by a pool of threads, in order, ahead of the consumer."""

    def __new__(
        cls,
        paths: Iterable[str],
        format: _NativeFormat,
        *,
        num_threads: int,
        check_finite: bool,
        pad: _AxisPad | None = None,
    ) -> FileReader: ...
    def __len__(self) -> int:
        """Number of files."""

    def path(self, row: int) -> str:
        """Path of a row."""

    def layouts(self, rows: npt.NDArray[np.int64]) -> list[tuple[tuple[int, ...], str] | None]:
        """Shapes and dtypes of the files of `rows`, none where the format is not supported."""

    def inspect(
        self, rows: npt.NDArray[np.int64], num_threads: int
    ) -> list[tuple[int, str | None]]:
        """Positions in `rows` of files that are damaged, and how."""

    def read(
        self,
        rows: npt.NDArray[np.int64],
        out: npt.NDArray[Any],
        draws: npt.NDArray[np.uint64] | None = None,
    ) -> Outcome:
        """Decode the files of `rows` into `out`."""

    def read_each(
        self, rows: npt.NDArray[np.int64], draws: npt.NDArray[np.uint64] | None = None
    ) -> tuple[_Samples, Outcome]:
        """Decode the files of `rows` into arrays of their own."""

    def submit(
        self,
        rows: npt.NDArray[np.int64],
        out: npt.NDArray[Any],
        draws: npt.NDArray[np.uint64] | None = None,
    ) -> None:
        """Queue a batch of files of one layout, to be decoded into `out`."""

    def wait(self, timeout_s: float) -> Outcome:
        """What is to be said about the oldest batch that was submitted, once it is complete."""

    def cancel(self) -> None:
        """Forget all batches; returns when no thread writes any more."""

    def close(self) -> None:
        """Forget all batches and end the threads; a later `submit` starts new ones."""

def audio_info(source: str | bytes) -> tuple[str, int, int, int]:
    """Codec, sample rate, number of channels and of frames, from the headers of a file."""

def foreign_audio(path: str) -> str | None:
    """The name of the sound that a file holds, if it is not decoded here."""

def decode_audio(
    source: str | bytes,
    *,
    offset_s: float,
    duration_s: float | None,
    first_frame: int | None,
    num_frames: int | None,
    out: npt.NDArray[Any] | None,
) -> tuple[npt.NDArray[Any], int]:
    """Samples of a part of a file, and their rate."""

@final
class Resampler:
    """The filter from one sampling rate to another."""

    def __new__(cls, old_hz: int, new_hz: int) -> Resampler: ...
    def num_samples(self, num_samples: int) -> int:
        """How many samples come out of so many."""

    def apply(self, signals: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
        """Resample signals of shape (..., samples) into `out`."""

    def kernel(self) -> tuple[npt.NDArray[np.float32], int]:
        """The taps of every phase, (phases, 2 * width + step), and the width."""

@final
class MelSpectrogram:
    """Spectrograms in mel bands."""

    def __new__(cls, settings: _MelSettings) -> MelSpectrogram: ...
    def num_frames(self, num_samples: int) -> int:
        """Frames of a signal of so many samples."""

    def apply(self, signals: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
        """Write spectrograms of signals (items, channels, samples) to `out`."""

    def window(self) -> npt.NDArray[np.float64]:
        """The window as every frame sees it."""

    def filter_bank(self) -> npt.NDArray[np.float64]:
        """The filter bank, (bins, bands)."""

def cosine_matrix(num_coefficients: int, num_bands: int) -> npt.NDArray[np.float64]:
    """The orthonormal cosine transform of type II, (coefficients, bands)."""

def cepstra(
    features: npt.NDArray[np.float32], num_coefficients: int, out: npt.NDArray[np.float32]
) -> None:
    """Write the first coefficients of a cosine transform along the last axis to `out`."""

def deltas(features: npt.NDArray[np.float32], reach: int, out: npt.NDArray[np.float32]) -> None:
    """Write slopes over the last axis but one, of (..., frames, features), to `out`."""

def stack(arrays: Sequence[npt.NDArray[Any]], out: npt.NDArray[Any]) -> None:
    """Copy arrays of one shape and dtype one after another into `out`."""

def gather(source: npt.NDArray[Any], indices: npt.NDArray[np.int64], out: npt.NDArray[Any]) -> None:
    """Copy the rows of `source` that `indices` name, in this order, into `out`."""

def decode_file(path: str, format: _NativeFormat) -> npt.NDArray[Any] | None:
    """Content of a file; None if it is written in a way that is not known here."""

def can_decode(path: str, format: _NativeFormat) -> bool:
    """Whether `decode_file` would return something, from the header of the file."""

def first_nonfinite(array: npt.NDArray[Any]) -> int | None:
    """Position in the flattened array of the first element that is infinite or not a number."""

def permutation(
    num_samples: int, seed: int, epoch: int, start: int = 0, stop: int | None = None
) -> npt.NDArray[np.int64]:
    """Samples at the positions from `start` to `stop` of the order of one epoch."""

def position_of(num_samples: int, seed: int, epoch: int, sample: int) -> int:
    """Position at which the order of one epoch has a sample."""

def encode_png(pixels: npt.NDArray[np.uint8], dots_per_metre: int) -> bytes:
    """Pixels of shape (height, width, 3 or more) as an RGB file of PNG."""

def write_bytes(path: str, data: bytes | npt.NDArray[np.uint8]) -> None:
    """Write `data` to `path`, whole or not at all."""

def write_by_name(path: str, fill: Callable[[str], object]) -> None:
    """Have `fill` write the file whose path it is given, then put it in the place of `path`."""

def copy_file(source: str, target: str) -> None:
    """Copy the content of `source` to `target`, whole or not at all."""

def make_folder(path: str) -> None:
    """Make a folder and those above it, unless they are there."""

def rename(source: str, target: str) -> None:
    """Give a folder or file another name in the same folder."""

def write_npy(path: str, array: npt.NDArray[Any], synced: bool = True) -> None:
    """Write `array` to `path` as `numpy.save` would, whole or not at all, and wait for the disk."""

def write_results(
    path: str,
    indices: npt.NDArray[np.int64],
    columns: Sequence[
        tuple[
            str,
            tuple[Literal["labels"], npt.NDArray[np.int64], Sequence[str]]
            | tuple[Literal["label_sets"], npt.NDArray[np.uint8], Sequence[str]]
            | tuple[Literal["values", "value_lists"], npt.NDArray[Any]]
            | tuple[Literal["texts"], Sequence[str]]
            | tuple[
                Literal["coded_texts"],
                npt.NDArray[np.int64],
                npt.NDArray[np.uint8],
                npt.NDArray[np.int64],
            ]
            | tuple[Any, ...],
        ]
    ],
    names: Sequence[str],
    probabilities: npt.NDArray[Any],
) -> None:
    """Write a table of results to `path` as CSV, whole or not at all."""

def write_sealed(path: str, parts: Sequence[npt.NDArray[Any]]) -> None:
    """Write `parts` to `path`, aligned and with their checksum behind them, whole or not at all."""

def seal(content: npt.NDArray[Any]) -> bytes:
    """The checksum that `write_sealed` puts behind this content."""

def find_numpy() -> None:
    """Find NumPy: before arrays are given to this module, and before there are other threads."""

def leave_signals_to_parent() -> None:
    """Let requests to stop end this process only if its parent wants it, or is no more."""
