"""Handwritten digits: a small real dataset that comes with scikit-learn."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from autrainer.config.shorthand import Shorthand
from autrainer.datasets.base import check_choice
from autrainer.datasets.memory import Columns, Features, MemoryDataset, Rows
from autrainer.errors import ConfigError
from autrainer.runs.extras import require
from autrainer.transforms.compose import SmartCompose

SHAPES: dict[str, tuple[int, ...]] = {"image": (1, 8, 8), "tabular": (64,)}
BRIGHTEST = 16


class Digits(MemoryDataset):
    """The 1,797 handwritten digits of 8x8 pixels that scikit-learn ships; ten classes.

    Every split has its share of every digit. Pixels are float32 in [0, 1].
    Reference: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.

    Args:
        seed: Decides the order of the train samples.
        metrics: Metrics in shorthand syntax.
        tracking_metric: The metric that tells which model is best, in shorthand syntax.
        representation: `image` for features of shape (1, 8, 8), `tabular` for (64,).
        dev_split: Share of the samples that goes to dev.
        test_split: Share of the samples that goes to test.
        split_seed: Decides which samples are in which split. It does not follow `seed`, so that
            runs with different seeds are compared on the same test set.
        train_transform: Applied to the train samples; None for nothing.
        dev_transform: Applied to the dev samples.
        test_transform: Applied to the test samples.

    Raises:
        ConfigError: for a value that cannot be, or if a split would lack a digit.
        MissingExtraError: if scikit-learn is not installed.
    """

    def __init__(
        self,
        seed: int,
        metrics: list[Shorthand],
        tracking_metric: Shorthand,
        representation: str = "image",
        dev_split: float = 0.2,
        test_split: float = 0.2,
        split_seed: int = 0,
        train_transform: SmartCompose | None = None,
        dev_transform: SmartCompose | None = None,
        test_transform: SmartCompose | None = None,
    ) -> None:
        check_choice("representation", representation, tuple(SHAPES))
        self.representation = representation
        self.dev_split = dev_split
        self.test_split = test_split
        self.split_seed = split_seed
        pixels, self._labels = _load_digits()
        self._pixels = (pixels / BRIGHTEST).astype(np.float32)
        self._rows = stratified_split(self._labels, dev=dev_split, test=test_split, seed=split_seed)
        super().__init__(
            path="/",
            features_subdir="",
            seed=seed,
            task="classification",
            metrics=metrics,
            tracking_metric=tracking_metric,
            index_column="index",
            target_column="digit",
            file_type="",
            file_handler="autrainer.data.file_handlers.IdentityFileHandler",
            train_transform=train_transform,
            dev_transform=dev_transform,
            test_transform=test_transform,
        )

    def _columns(self, subset: str) -> Columns:
        return {"digit": self._labels[self._rows[subset]]}

    def _features(self, subset: str) -> Features:
        pixels = self._pixels[self._rows[subset]].reshape(-1, *SHAPES[self.representation])
        return partial(_pixels_at, pixels)


def _pixels_at(pixels: npt.NDArray[np.float32], rows: Rows) -> torch.Tensor:
    return torch.from_numpy(pixels[rows])


def stratified_split(
    labels: npt.NDArray[np.int64], *, dev: float, test: float, seed: int
) -> dict[str, Rows]:
    """Rows of train, dev and test, each with its share of every label, in ascending order.

    Raises:
        ConfigError: if one of them would get no row of some label.
    """
    rng = np.random.default_rng(seed)
    parts: dict[str, list[Rows]] = {"train": [], "dev": [], "test": []}
    for label in np.unique(labels).tolist():
        rows = rng.permutation(np.flatnonzero(labels == label))
        num_dev, num_test = round(len(rows) * dev), round(len(rows) * test)
        if min(num_dev, num_test, len(rows) - num_dev - num_test) <= 0:
            raise ConfigError(
                f"dataset.dev_split is {dev!r} and dataset.test_split is {test!r}: of {len(rows)} "
                f"samples of {label!r}, one of the splits gets none; use other shares"
            )
        cut = np.split(rows, [num_dev, num_dev + num_test])
        for subset, part in zip(("dev", "test", "train"), cut, strict=True):
            parts[subset].append(part)
    return {subset: np.sort(np.concatenate(rows)) for subset, rows in parts.items()}


def _load_digits() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Pixels from 0 to 16, shape (1797, 64), and the digits they show."""
    folder = require("sklearn", "Digits", "scikit-learn", "digits")
    # Read from its file: importing scikit-learn takes longer than training on these digits.
    path = folder / "datasets" / "data" / "digits.csv.gz"
    if path.is_file():
        table = np.loadtxt(path, delimiter=",")
        return table[:, :-1], table[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return pixels, labels.astype(np.int64)
