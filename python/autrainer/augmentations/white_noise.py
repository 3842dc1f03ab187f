"""White noise at a level that a table gives for every sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from autrainer.augmentations.base import AbstractAugmentation
from autrainer.errors import ConfigError, DataError, did_you_mean
from autrainer.transforms.base import Item
from autrainer.transforms.colour import floating


class SampleGaussianWhiteNoise(AbstractAugmentation):
    """Adds normally distributed noise at a signal-to-noise ratio of each sample's own.

    Features of any shape become floating point. The ratio is that of the means of squares, in dB:
    `10 log10(mean(features^2) / mean(noise^2))`; silence stays silent.

    Args:
        snr_df: CSV file with a row for each sample of the split, in its order.
        snr_col: Column with the ratios, in dB.
        sample_seed: With it, a sample gets the same noise in every pass: that which torch draws
            with the seed `hash((sample_seed, index)) & 0xFFFFFFFF`, as in autrainer 0.10. None
            draws other noise in every pass.
        order: As in `AbstractAugmentation`; by default after everything else.
        p: As in `AbstractAugmentation`.
        generator_seed: As in `AbstractAugmentation`.

    Raises:
        FileNotFoundError: if there is no such file.
        ConfigError: if it has no such column.
        DataError: if a ratio is no finite number.
    """

    def __init__(
        self,
        snr_df: str,
        snr_col: str,
        sample_seed: int | None = None,
        order: int = 101,
        p: float = 1.0,
        generator_seed: int | None = None,
    ) -> None:
        super().__init__(order=order, p=p, generator_seed=generator_seed)
        self.snr_df = snr_df
        self.snr_col = snr_col
        self.sample_seed = sample_seed
        self._ratios = _read_ratios(Path(snr_df), snr_col)

    def setup(self, dataset: Any) -> None:
        """Compare the number of ratios with that of the samples.

        Raises:
            DataError: if they differ.
        """
        for subset in ("train", "dev", "test"):
            transform = getattr(dataset, f"{subset}_transform", None)
            if not any(member is self for member in getattr(transform, "transforms", ())):
                continue
            num_samples = len(getattr(dataset, f"{subset}_dataset"))
            if num_samples != len(self._ratios):
                raise DataError(
                    f"SampleGaussianWhiteNoise: {self.snr_df} has {len(self._ratios)} rows, and "
                    f"{subset} has {num_samples} samples; it needs a row for each"
                )

    def apply(self, item: Item) -> Item:
        """Add noise.

        Raises:
            DataError: if there is no ratio for the sample.
        """
        index = int(item.index)
        if not 0 <= index < len(self._ratios):
            raise DataError(
                f"SampleGaussianWhiteNoise: {self.snr_df} has {len(self._ratios)} rows, so none "
                f"for sample {index}"
            )
        features = floating(item.features)
        noise = torch.randn(features.shape, generator=self._source(index), dtype=features.dtype)
        item.features = with_noise(features, noise, float(self._ratios[index]))
        return item

    def _source(self, index: int) -> torch.Generator:
        if self.sample_seed is None:
            return self.rng
        return torch.Generator().manual_seed(hash((self.sample_seed, index)) & 0xFFFFFFFF)


def with_noise(features: torch.Tensor, noise: torch.Tensor, snr_db: float) -> torch.Tensor:
    """Features with noise scaled to a signal-to-noise ratio; silent noise adds nothing.

    Args:
        features: Of any shape, floating point.
        noise: Of the same shape.
        snr_db: Ratio of the means of squares, in dB.
    """
    signal_power = features.square().mean()
    noise_power = noise.square().mean()
    if noise_power == 0:
        return features
    return features + noise * (signal_power / (10 ** (snr_db / 10) * noise_power)).sqrt()


def _read_ratios(path: Path, column: str) -> npt.NDArray[np.float64]:
    # Read by pandas only where this augmentation is used.
    import pandas as pd

    if not path.is_file():
        raise FileNotFoundError(
            f"SampleGaussianWhiteNoise: there is no file {str(path)!r} of ratios (snr_df)"
        )
    frame = pd.read_csv(path)
    if column not in frame.columns:
        present = list(map(str, frame.columns))
        hint = did_you_mean(column, present) or f"there are {', '.join(map(repr, present))}"
        raise ConfigError(f"SampleGaussianWhiteNoise: {path} has no column {column!r}; {hint}")
    ratios = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(ratios))
    if len(wrong):
        raise DataError(
            f"SampleGaussianWhiteNoise: {path}, row {wrong[0]}: {column} is "
            f"{frame[column].iloc[wrong[0]]!r}; use a number of dB"
        )
    return ratios
