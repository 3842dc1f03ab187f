"""What a search chooses from, read from `hydra.sweeper.params` in the syntax of Hydra's sweeps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

from hydra.errors import HydraException

from autrainer.config.hydra.internals import OverridesParser
from autrainer.errors import ConfigError

LOG = "log"
Value = str | int | float


@dataclass(frozen=True)
class Choices:
    """A key with several values, of which none is between two others.

    Args:
        key: The key.
        spelling: The key as an override spells it, with `+` where it has one.
        texts: The values as they stand in an override, each once.
    """

    key: str
    spelling: str
    texts: tuple[str, ...]

    def distribution(self) -> Any:
        """The same for Optuna."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.texts)

    def grid(self) -> Sequence[Value]:
        """All values."""
        return self.texts

    def edges(self) -> Sequence[Value]:
        """Values of which each has to be usable."""
        return self.texts

    def describe(self) -> str:
        """The values, in words."""
        return f"choice({', '.join(self.texts)})"


@dataclass(frozen=True)
class Numbers:
    """A key that is a number between two others.

    Args:
        key: The key.
        spelling: The key as an override spells it, with `+` where it has one.
        low: The smallest value.
        high: The largest value, which is included.
        step: The distance of two values; None if every number in between is one.
        is_log: Values are proposed on a logarithmic scale.
    """

    key: str
    spelling: str
    low: int | float
    high: int | float
    step: int | float | None
    is_log: bool

    def distribution(self) -> Any:
        """The same for Optuna."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if isinstance(self.low, int):
            return IntDistribution(self.low, int(self.high), self.is_log, int(self.step or 1))
        return FloatDistribution(self.low, self.high, self.is_log, self.step)

    def grid(self) -> Sequence[Value]:
        """All values, from the smallest to the largest.

        Raises:
            ConfigError: if there are infinitely many.
        """
        if self.step is None:
            raise ConfigError(
                f"{self.key} is an interval, which a grid cannot have all values of; "
                "use range(start, stop, step) or choice(...), or another hydra.sweeper.sampler"
            )
        low, step = _exact(self.low), _exact(self.step)
        count = int((_exact(self.high) - low) / step) + 1
        return [type(self.low)(low + position * step) for position in range(count)]

    def edges(self) -> Sequence[Value]:
        """The smallest and the largest value."""
        return (self.low, self.high)

    def describe(self) -> str:
        """The values, in words."""
        told = f"{self.low!r} to {self.high!r}"
        told += "" if self.step is None else f" by {self.step!r}"
        return f"{told} (log)" if self.is_log else told


Dimension = Choices | Numbers


@dataclass(frozen=True)
class SearchSpace:
    """What a search chooses from.

    Args:
        fixed: Overrides that every trial has.
        dimensions: Keys that are searched.
    """

    fixed: tuple[str, ...]
    dimensions: tuple[Dimension, ...]

    @classmethod
    def of(cls, overrides: Sequence[str], loader: Any = None) -> SearchSpace:
        """Read overrides; a later one of a key replaces those before it.

        Args:
            overrides: Overrides in the syntax of Hydra, sweeps among them.
            loader: Hydra's loader, which knows the choices that `glob(*)` stands for.

        Raises:
            ConfigError: naming the key, if one has nothing to choose from, or nothing is searched.
        """
        parser = OverridesParser.create(config_loader=loader)
        read: dict[str, str | Dimension] = {}
        for text in overrides:
            key, found = _read(text, parser)
            read.pop(key, None)
            read[key] = found
        fixed = tuple(each for each in read.values() if isinstance(each, str))
        dimensions = tuple(each for each in read.values() if not isinstance(each, str))
        if not dimensions:
            raise ConfigError(
                "there is nothing to search: all values of hydra.sweeper.params are fixed; give a "
                "key several, such as 'learning_rate: tag(log, interval(1e-5, 1e-1))'"
            )
        return cls(fixed, dimensions)

    def overrides(self, values: Mapping[str, Value]) -> list[str]:
        """The overrides of a trial.

        Args:
            values: A value for every key that is searched.
        """
        return [*self.fixed, *self.searched(values)]

    def searched(self, values: Mapping[str, Value]) -> list[str]:
        """Those of them that differ between trials."""
        return [f"{each.spelling}={_text(values[each.key])}" for each in self.dimensions]

    def distributions(self) -> dict[str, Any]:
        """What Optuna proposes values from, by key."""
        return {each.key: each.distribution() for each in self.dimensions}

    def grid(self) -> list[dict[str, Value]]:
        """All combinations, the last key changing fastest.

        Raises:
            ConfigError: naming the key, if one has infinitely many values.
        """
        keys = [each.key for each in self.dimensions]
        values = product(*(each.grid() for each in self.dimensions))
        return [dict(zip(keys, each, strict=True)) for each in values]

    def probes(self) -> list[dict[str, Value]]:
        """Few combinations in which every choice and every end of an interval comes up."""
        edges = {each.key: each.edges() for each in self.dimensions}
        longest = max(len(values) for values in edges.values())
        return [
            {key: values[min(number, len(values) - 1)] for key, values in edges.items()}
            for number in range(longest)
        ]

    def describe(self) -> dict[str, str]:
        """The values of each key, in words."""
        return {each.key: each.describe() for each in self.dimensions}


def _read(text: str, parser: Any) -> tuple[str, str | Dimension]:
    """The key of an override, and what it is: fixed, or something to choose from."""
    spelling = text.partition("=")[0]
    try:
        override = parser.parse_override(text)
    except HydraException as error:
        raise ConfigError(
            f"{spelling.lstrip('+')} in hydra.sweeper.params cannot be read: {error}"
        ) from error
    key = override.get_key_element()
    name = key.lstrip("+~")
    if not override.is_sweep_override():
        return name, text
    sweep = override.value()
    tags = set(getattr(sweep, "tags", ()))
    if tags - {LOG}:
        raise ConfigError(f"{name} has the tag {sorted(tags - {LOG})[0]!r}; the only one is 'log'")
    if override.is_interval_sweep():
        found: Dimension = _interval(name, key, sweep, bool(tags))
    elif override.is_range_sweep():
        found = _range(name, key, sweep, bool(tags))
    else:
        if tags:
            raise ConfigError(f"{name} has the tag 'log', which only interval and range can have")
        found = _choices(name, key, override)
    values = found.edges()
    if values[0] == values[-1]:
        return name, f"{key}={_text(values[0])}"
    return name, found


def _interval(name: str, spelling: str, sweep: Any, is_log: bool) -> Numbers:
    low, high = sweep.start, sweep.end
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ConfigError(f"{name} is interval({low!r}, {high!r}); use two numbers, low and high")
    whole = isinstance(low, int) and isinstance(high, int)
    found = Numbers(name, spelling, low, high, 1 if whole else None, is_log)
    return _positive(found)


def _range(name: str, spelling: str, sweep: Any, is_log: bool) -> Numbers:
    """The values that Hydra's own `range` has: `stop` is none of them."""
    parts = (sweep.start, sweep.stop, sweep.step)
    told = f"{name} is range({', '.join(map(repr, parts))})"
    if not all(math.isfinite(each) for each in parts) or not sweep.step:
        raise ConfigError(f"{told}; use finite numbers, and a step that is not 0")
    start, stop, step = map(_exact, parts)
    count = math.ceil((stop - start) / step)
    if count < 1:
        raise ConfigError(f"{told}, which is empty")
    kind = int if all(isinstance(each, int) for each in parts) else float
    ends = sorted((start, start + (count - 1) * step))
    if is_log and (kind is float or abs(step) != 1):
        raise ConfigError(
            f"{told} with the tag 'log', which needs whole numbers with a step of 1; "
            f"use tag(log, interval({kind(ends[0])!r}, {kind(ends[1])!r}))"
        )
    return _positive(Numbers(name, spelling, kind(ends[0]), kind(ends[1]), kind(abs(step)), is_log))


def _positive(found: Numbers) -> Numbers:
    if found.is_log and found.low <= 0:
        raise ConfigError(
            f"{found.key} begins at {found.low!r}; a logarithmic scale has positive numbers only"
        )
    return found


def _choices(name: str, spelling: str, override: Any) -> Choices:
    try:
        texts = tuple(dict.fromkeys(override.sweep_string_iterator()))
    except HydraException as error:
        raise ConfigError(f"{name} in hydra.sweeper.params cannot be read: {error}") from error
    if not texts:
        raise ConfigError(f"{name} is {override.input_line.partition('=')[2]}, which is empty")
    return Choices(name, spelling, texts)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else repr(value)


def _exact(value: int | float) -> Decimal:
    """A number as it is written: 0.1 is a tenth."""
    return Decimal(str(value))
