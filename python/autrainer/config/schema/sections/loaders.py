"""Options of the loaders of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autrainer.config.plain import Plain
from autrainer.config.schema.kinds import (
    Kind,
    UnfitError,
    count,
    flag,
    natural,
    nonnegative,
    one_of,
    saying,
    text,
)
from autrainer.config.schema.reading import LEFT_OPEN, Reader
from autrainer.config.schema.targets import Target

SUBSETS = ("train", "dev", "test")
LOADER_KEYS = tuple(f"{subset}_loader_kwargs" for subset in SUBSETS)


def _bucket(value: object) -> int:
    """Whether samples are sorted by length among some batches, or among how many."""
    if isinstance(value, bool) or (isinstance(value, int) and value >= 2):
        return value
    raise UnfitError("use true, false, or a number of batches, at least 2")


LOADER_OPTIONS: Mapping[str, Kind[object] | None] = {
    "num_workers": natural,
    "pin_memory": flag,
    "drop_last": flag,
    "timeout": nonnegative,
    "prefetch_factor": count,
    "pin_memory_device": text,
    "resident_mb": saying(natural, "use an integer of at least 0, in MiB"),
    # The last one is what earlier versions called `ignore`.
    "nonfinite": saying(
        one_of("error", "warn", "ignore", hidden=("allow",)), "use error, warn or ignore"
    ),
    "pad": None,
    "features_cache": text,
    "features_cache_mb": saying(count, "use an integer of at least 1, in MiB"),
    "bucket": _bucket,
    "sampler": None,
}
"""What each option may be; None where whoever takes it checks it."""


@dataclass(frozen=True)
class LoaderSection:
    """Options of one loader: those of the dataset if it has any, else the general ones.

    Args:
        key: Where they stand.
        arguments: What the dataset's method that makes the loader gets, `sampler` among it.
        sampler: What `sampler` names, if it is given.
    """

    key: str
    arguments: Plain = field(default_factory=dict)
    sampler: Target | None = None

    @classmethod
    def read(cls, reader: Reader, dataset: Plain, key: str) -> LoaderSection:
        """Read the options under a key."""
        own = dataset.get(key)
        where = f"dataset.{key}" if own else key
        given = own or reader.plain.get(key)
        if given is None or given == LEFT_OPEN:
            return cls(where)
        if not isinstance(given, Mapping):
            fix = f"use a mapping of {', '.join(LOADER_OPTIONS)}"
            reader.refuse(where, f"is {given!r}", fix)
            return cls(where)
        inner = Reader(given, f"{where}.", reader.problems)
        inner.refuse_others([*LOADER_OPTIONS], "is no option of a loader")
        if given.get("sampler") is not None and key != LOADER_KEYS[0]:
            fix = "evaluation sees every sample once: only train_loader_kwargs takes one"
            inner.refuse("sampler", "cannot be set", fix)
        for name, kind in LOADER_OPTIONS.items():
            if kind is not None and given.get(name) is not None:
                inner.value(name, kind, given[name])
        shorthand = given.get("sampler")
        named = None if shorthand is None else Target.of_shorthand(f"{where}.sampler", shorthand)
        return cls(where, given, named)


@dataclass(frozen=True)
class LoadersSection:
    """Options of all loaders.

    Args:
        train: Those of the training set.
        dev: Those of the dev set.
        test: Those of the test set.
    """

    train: LoaderSection
    dev: LoaderSection
    test: LoaderSection

    @classmethod
    def read(cls, reader: Reader, dataset: Plain) -> LoadersSection:
        """Read the options of all loaders."""
        return cls(*(LoaderSection.read(reader, dataset, key) for key in LOADER_KEYS))

    def of(self, subset: str) -> LoaderSection:
        """Options of the loader of a split."""
        return {"train": self.train, "dev": self.dev, "test": self.test}[subset]
