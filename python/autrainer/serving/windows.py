"""Which parts of a signal a model gets to see, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from autrainer.errors import ConfigError

TAILS = ("drop", "pad", "align")
MOST_DECIMALS = 6


@dataclass(frozen=True)
class Windows:
    """How signals are cut.

    Args:
        sample_rate: Samples a second; only needed by the others.
        length: Samples of a window; None for whole signals.
        stride: Samples from one window to the next.
        least: Signals and windows that have fewer samples are filled up with zeros at their end.
        tail: What becomes of the samples behind the last whole window: `drop` leaves them out,
            `pad` adds a window that is filled up with zeros, `align` one that ends where the
            signal ends.
        decimals: Digits that tell the seconds of two windows apart.
    """

    sample_rate: int = 1
    length: int | None = None
    stride: int = 1
    least: int = 0
    tail: str = "drop"
    decimals: int = 2

    @classmethod
    def read(
        cls,
        window_s: float | None,
        stride_s: float | None,
        least_s: float | None,
        sample_rate: int | None,
        tail: str = "drop",
    ) -> Windows:
        """Read options in seconds.

        Args:
            window_s: Length of a window; None for whole signals.
            stride_s: From one window to the next; None for the length of a window.
            least_s: Shortest signal; None for any.
            sample_rate: Samples a second; needed if one of the others is given.
            tail: `drop`, `pad` or `align`.

        Raises:
            ConfigError: for a value that cannot be, and if one is missing.
        """
        for name, seconds in (("window", window_s), ("stride", stride_s), ("least", least_s)):
            if seconds is not None and not 0 < seconds < float("inf"):
                raise ConfigError(f"the {name} length is {seconds} s; use a number above 0")
        if tail not in TAILS:
            raise ConfigError(f"the tail is {tail!r}; use one of {', '.join(TAILS)}")
        if stride_s is not None and window_s is None:
            raise ConfigError("there is a stride length but no window length; give both")
        if window_s is None and least_s is None:
            return cls()
        if sample_rate is None or sample_rate < 1:
            raise ConfigError(
                f"lengths in seconds need a sample rate, and it is {sample_rate}; give one, since "
                "the files are read at whatever rate they have"
            )
        least = 0 if least_s is None else _samples("least", least_s, sample_rate)
        if window_s is None:
            return cls(sample_rate, least=least)
        stride_s = window_s if stride_s is None else stride_s
        return cls(
            sample_rate,
            _samples("window", window_s, sample_rate),
            _samples("stride", stride_s, sample_rate),
            least,
            tail,
            max(map(_decimals, (window_s, stride_s))),
        )

    def cut(self, signal: torch.Tensor) -> Iterator[tuple[str | None, torch.Tensor]]:
        """Parts of a signal, each with its seconds, `0.00-1.00`; None for that of a whole signal.

        Args:
            signal: Shape (..., N), N at least 1.
        """
        num_samples = signal.shape[-1]
        if self.length is None:
            yield None, _filled(signal, self.least)
            return
        for start in self._starts(num_samples):
            stop = min(start + self.length, num_samples)
            part = signal[..., start:stop]
            # A signal shorter than a window stays as short as it is, unless tails are filled.
            is_filled = num_samples >= self.length or self.tail == "pad"
            least = self.length if is_filled else 0
            yield self.seconds(start, stop), _filled(part, max(least, self.least))

    def seconds(self, start: int, stop: int) -> str:
        """Where a part begins and ends.

        >>> Windows(sample_rate=8000).seconds(4000, 10000)
        '0.50-1.25'
        """
        begin, end = (f"{at / self.sample_rate:.{self.decimals}f}" for at in (start, stop))
        return f"{begin}-{end}"

    def _starts(self, num_samples: int) -> list[int]:
        assert self.length is not None
        if num_samples <= self.length:
            return [0]
        starts = list(range(0, num_samples - self.length + 1, self.stride))
        if starts[-1] + self.length < num_samples:
            following = starts[-1] + self.stride
            if self.tail == "pad" and following < num_samples:
                starts.append(following)
            elif self.tail == "align":
                starts.append(num_samples - self.length)
        return starts


def _samples(name: str, seconds: float, sample_rate: int) -> int:
    num_samples = round(seconds * sample_rate)
    if num_samples < 1:
        raise ConfigError(f"the {name} length is {seconds} s, no sample at {sample_rate} Hz")
    return num_samples


def _decimals(seconds: float) -> int:
    """How many digits behind the point tell a number of seconds exactly, at least two."""
    exact = (d for d in range(2, MOST_DECIMALS) if abs(round(seconds, d) - seconds) < 1e-9)
    return next(exact, MOST_DECIMALS)


def _filled(signal: torch.Tensor, least: int) -> torch.Tensor:
    missing: Any = least - signal.shape[-1]
    return signal if missing <= 0 else torch.nn.functional.pad(signal, (0, missing))
