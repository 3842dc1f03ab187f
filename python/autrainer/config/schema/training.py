"""The training attributes of a run, read and checked once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import PurePath
from typing import Any

from autrainer.config.identity import as_plain
from autrainer.config.schema.annotations import LARGEST_NUMBER
from autrainer.config.schema.intervals import SaveInterval
from autrainer.config.schema.problems import Origin, Problem, refuse
from autrainer.errors import did_you_mean

GROUPS = ("dataset", "model", "optimizer", "scheduler", "augmentation", "plotting")
TRAINING_TYPES = ("epoch", "step")
OUTPUTS_FORMATS = ("csv", "parquet", "arrow")
LOADER_OPTIONS = (
    "num_workers",
    "pin_memory",
    "drop_last",
    "timeout",
    "prefetch_factor",
    "pin_memory_device",
    "resident_mb",
    "nonfinite",
    "pad",
    "sampler",
)
DEVICES = ("cpu", "cuda", "mps", "xpu", "hpu", "npu", "xla", "mtia", "hip", "vulkan", "meta")
STEP_FREQUENCIES = ("batch", "evaluation")
NONFINITE = ("error", "skip", "ignore")
PRECISIONS = ("fp32", "bf16", "fp16")
LARGEST_SEED = 2**32 - 1
LARGEST_COUNT = 2**31 - 1
_MISSING = "???"


@dataclass(frozen=True)
class RunConfig:
    """The training attributes of a run.

    Args:
        iterations: How many epochs or steps are trained.
        batch_size: Samples per optimizer step.
        learning_rate: Learning rate of the optimizer.
        seed: As configured: an integer or `"A-B"`.
        training_seed: Seed of everything but the dataset.
        dataset_seed: Seed of the dataset.
        training_type: What an iteration is: `epoch` or `step`.
        eval_frequency: Iterations from one evaluation to the next.
        save_frequency: Iterations from one saved state to the next.
        inference_batch_size: Samples per batch of the dev and test sets.
        device: Where the model goes.
        reproducible: Choose algorithms that give the same numbers again.
        progress_bar: Show progress bars.
        continue_training: Go on from a shorter run of the same configuration.
        remove_continued_runs: Remove that run at the end.
        resume: Go on where an interrupted attempt was.
        resume_every: How often the state is kept within an iteration.
        fail_fast: End a sweep with its first run that fails.
        on_nonfinite: What a loss that is not finite is: an `error`, a step to `skip`, or nothing
            (`ignore`).
        precision: The numbers that the model computes with: `fp32`, `bf16` or `fp16`.
        micro_batch_size: Samples that go through the model at once; None for a whole batch.
        max_grad_norm: Largest norm of all gradients together; None for any.
        max_grad_value: Largest absolute value of a gradient; None for any.
        early_stopping: When to end before the last iteration: `patience`, and possibly `min_delta`
            and `metric`; None for never.
        keep_checkpoints: Keep the states of so many last iterations; None keeps all of them.
        save_train_outputs: Keep outputs of the training set.
        save_dev_outputs: Keep outputs of the dev set.
        save_test_outputs: Keep outputs of the test set.
        outputs_format: Format of the tables among them: `csv`, `parquet` or `arrow`.
        train_loader_kwargs: Options of the training loader, those of the dataset if it has any.
        dev_loader_kwargs: The same of the dev loader.
        test_loader_kwargs: The same of the test loader.
        loggers: Shorthands of loggers.
        callbacks: Shorthands of callbacks.
        results_dir: Folder of all results, if configured.
        experiment_id: Name of the experiment, if configured.
    """

    iterations: int
    batch_size: int
    learning_rate: float
    seed: int | str
    training_seed: int
    dataset_seed: int
    training_type: str = "epoch"
    eval_frequency: int = 1
    save_frequency: int = 1
    inference_batch_size: int = 1
    device: str = "cuda:0"
    reproducible: bool = True
    # Absent, these three are off, as they have always been; `_autrainer_` switches them on.
    progress_bar: bool = False
    continue_training: bool = False
    remove_continued_runs: bool = False
    resume: bool = True
    resume_every: SaveInterval = field(default_factory=lambda: SaveInterval(seconds=600.0))
    fail_fast: bool = False
    on_nonfinite: str = "error"
    precision: str = "fp32"
    micro_batch_size: int | None = None
    max_grad_norm: float | None = None
    max_grad_value: float | None = None
    early_stopping: Mapping[str, Any] | None = None
    keep_checkpoints: int | None = None
    save_train_outputs: bool = True
    save_dev_outputs: bool = True
    save_test_outputs: bool = True
    outputs_format: str = "csv"
    train_loader_kwargs: Mapping[str, Any] = field(default_factory=dict)
    dev_loader_kwargs: Mapping[str, Any] = field(default_factory=dict)
    test_loader_kwargs: Mapping[str, Any] = field(default_factory=dict)
    loggers: tuple[Any, ...] = ()
    callbacks: tuple[Any, ...] = ()
    results_dir: str | None = None
    experiment_id: str | None = None

    @classmethod
    def read(cls, config: Mapping[str, Any], sources: Origin | None = None) -> RunConfig:
        """Read the training attributes of a configuration.

        Args:
            config: The whole configuration, resolved or resolvable.
            sources: Knows which file sets a key; for messages.

        Raises:
            ConfigError: if anything is wrong, with everything that is.
        """
        plain = as_plain(config)
        if not any(group in plain for group in GROUPS):
            refuse([_NOTHING_INHERITED], sources)
        reader = _Reader(plain)
        values = reader.read()
        refuse(reader.problems, sources)
        return cls(**values)


_NOTHING_INHERITED = Problem(
    "the configuration",
    f"has none of the groups {', '.join(GROUPS)}",
    "begin the main file with `defaults: [_autrainer_, _self_]`",
)


class _Reader:
    """Reads a configuration and collects what is wrong with it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.problems: list[Problem] = []

    def read(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            key: self._value(key, _count, "use an integer of at least 1", required=True)
            for key in ("iterations", "batch_size")
        }
        values["learning_rate"] = self._value(
            "learning_rate", _rate, "use a number above 0", required=True
        )
        values |= self._seeds()
        values |= self._frequencies(values)
        values |= self._simple()
        for key in ("train_loader_kwargs", "dev_loader_kwargs", "test_loader_kwargs"):
            values[key] = self._loader_options(key)
        for key in ("loggers", "callbacks"):
            values[key] = self._list(key)
        values["early_stopping"] = self._early_stopping()
        self._check_groups()
        self._check_names()
        return {key: value for key, value in values.items() if value is not None}

    def _value(
        self, key: str, convert: Callable[[Any], Any], allowed: str, *, required: bool = False
    ) -> Any:
        """A value, or None if it is absent or wrong."""
        value = self.config.get(key, _MISSING)
        if value == _MISSING or (value is None and required):
            if required:
                self._refuse(key, "is missing", allowed)
            return None
        converted = convert(value)
        if converted is None:
            self._refuse(key, f"is {value!r}", allowed)
        return converted

    def _refuse(self, key: str, what: str, fix: str) -> None:
        self.problems.append(Problem(key, what, fix))

    def _seeds(self) -> dict[str, Any]:
        allowed = (
            f"use an integer from 0 to {LARGEST_SEED}, or 'A-B' with two of them: A for training, "
            "B for the dataset"
        )
        pair = self._value("seed", _seed_pair, allowed, required=True)
        if pair is None:
            return {}
        return {"seed": self.config["seed"], "training_seed": pair[0], "dataset_seed": pair[1]}

    def _frequencies(self, values: Mapping[str, Any]) -> dict[str, Any]:
        allowed = "use an integer of at least 1"
        evaluate = self._value("eval_frequency", _count, allowed)
        save = self._value("save_frequency", _count, allowed)
        inference = None
        # Zero, null and nothing at all mean the training batch size.
        size = self.config.get("inference_batch_size")
        # By default it is the training batch size: one mistake is told once.
        if size and not (values["batch_size"] is None and size == self.config.get("batch_size")):
            inference = self._value("inference_batch_size", _count, allowed)
        iterations = values["iterations"]
        if evaluate and iterations and evaluate > iterations:
            self._refuse(
                "eval_frequency",
                f"is {evaluate}, more than the {iterations} iterations",
                "the run would end before its first evaluation: use at most iterations",
            )
        return {
            "eval_frequency": evaluate,
            "save_frequency": save or evaluate,
            "inference_batch_size": inference or values["batch_size"],
        }

    def _simple(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        values["training_type"] = self._value(
            "training_type",
            lambda value: value if value in TRAINING_TYPES else None,
            "use 'epoch' or 'step'",
        )
        values["outputs_format"] = self._value(
            "outputs_format",
            lambda value: value if value in OUTPUTS_FORMATS else None,
            "use 'csv', 'parquet' or 'arrow'",
        )
        for key in ("device", "results_dir"):
            values[key] = self._value(key, _text, "use a text")
        values["experiment_id"] = self._value(
            "experiment_id", _folder_inside, "use the name of a folder in results_dir"
        )
        values["on_nonfinite"] = self._value(
            "on_nonfinite",
            lambda value: value if value in NONFINITE else None,
            "use 'error', 'skip' or 'ignore'",
        )
        values["precision"] = self._value(
            "precision",
            lambda value: value if value in PRECISIONS else None,
            "use 'fp32', 'bf16' or 'fp16'",
        )
        for key, convert, allowed in _LIMITS:
            if self.config.get(key) is not None:
                values[key] = self._value(key, convert, allowed)
        values["resume_every"] = self._value(
            "resume_every", SaveInterval.of, "use a number of steps, or a time such as '10 min'"
        )
        self._check_device(values["device"])
        for attribute in fields(RunConfig):
            if attribute.type == "bool":
                values[attribute.name] = self._value(attribute.name, _flag, "use true or false")
        return values

    def _check_device(self, device: str | None) -> None:
        """A slip in its name must not end on the CPU, as a device that is absent does."""
        kind = (device or "cpu").partition(":")[0]
        if kind not in DEVICES and (hint := did_you_mean(kind, DEVICES)):
            self._refuse("device", f"is {device!r}", hint)

    def _loader_options(self, key: str) -> dict[str, Any] | None:
        dataset = self.config.get("dataset")
        own = dataset.get(key) if isinstance(dataset, Mapping) else None
        where = f"dataset.{key}" if own else key
        options = own or self.config.get(key)
        if options is None or options == _MISSING:
            return None
        if not isinstance(options, Mapping):
            self._refuse(where, f"is {options!r}", f"use a mapping of {', '.join(LOADER_OPTIONS)}")
            return None
        for name in options:
            if name not in LOADER_OPTIONS:
                fix = did_you_mean(name, LOADER_OPTIONS) or f"use {', '.join(LOADER_OPTIONS)}"
                self._refuse(f"{where}.{name}", "is no option of a loader", fix)
        if options.get("sampler") is not None and key != "train_loader_kwargs":
            fix = "evaluation sees every sample once: only train_loader_kwargs takes one"
            self._refuse(f"{where}.sampler", "cannot be set", fix)
        for name, convert, allowed in _LOADER_CHECKS:
            if options.get(name) is not None and convert(options[name]) is None:
                self._refuse(f"{where}.{name}", f"is {options[name]!r}", allowed)
        return dict(options)

    def _early_stopping(self) -> dict[str, Any] | None:
        options = self.config.get("early_stopping")
        if options is None or options == _MISSING:
            return None
        names = ("patience", "min_delta", "metric")
        if not isinstance(options, Mapping):
            fix = "use a mapping with patience, and possibly min_delta and metric"
            self._refuse("early_stopping", f"is {options!r}", fix)
            return None
        for name in options:
            if name not in names:
                fix = did_you_mean(name, names) or f"use {', '.join(names)}"
                self._refuse(f"early_stopping.{name}", "is no option of early stopping", fix)
        if "patience" not in options:
            fix = "say how many evaluations without improvement are waited for"
            self._refuse("early_stopping.patience", "is missing", fix)
        for name, convert, allowed in _EARLY_STOPPING_CHECKS:
            if options.get(name) is not None and convert(options[name]) is None:
                self._refuse(f"early_stopping.{name}", f"is {options[name]!r}", allowed)
        return {name: value for name, value in options.items() if value is not None}

    def _list(self, key: str) -> tuple[Any, ...] | None:
        value = self.config.get(key)
        if value is None or value == _MISSING:
            return None
        if not isinstance(value, list | tuple):
            self._refuse(key, f"is {value!r}", "use a list of import paths, with or without kwargs")
            return None
        return tuple(value)

    def _check_groups(self) -> None:
        for group in GROUPS:
            chosen: Any = self.config.get(group, _MISSING)
            if isinstance(chosen, Mapping):
                if group not in ("plotting", "augmentation") and not chosen.get("id"):
                    self._refuse(f"{group}.id", "is missing", "give it the name of its file")
            elif chosen is None or chosen == _MISSING:
                self._refuse(group, "is missing", f"choose one: autrainer list {group}")
            else:
                fix = f"name a configuration: autrainer list {group}"
                self._refuse(group, f"is {chosen!r}", fix)
        self._check_metrics()
        scheduler = self.config.get("scheduler")
        if isinstance(scheduler, Mapping):
            frequency = scheduler.get("step_frequency", "evaluation")
            if frequency not in STEP_FREQUENCIES:
                key = "scheduler.step_frequency"
                self._refuse(key, f"is {frequency!r}", "use 'batch' or 'evaluation'")

    def _check_metrics(self) -> None:
        dataset = self.config.get("dataset")
        metrics = dataset.get("metrics") if isinstance(dataset, Mapping) else None
        is_list = isinstance(metrics, Sequence) and not isinstance(metrics, str)
        if metrics is not None and not (is_list and metrics):
            fix = "use a list of import paths, with or without kwargs"
            self._refuse("dataset.metrics", f"is {metrics!r}", fix)

    def _check_names(self) -> None:
        """Top-level keys may be of the user's own, but not nearly one of ours."""
        for key in self.config:
            if key in KNOWN_KEYS or key in ("criterion", "hydra"):
                continue
            near = _nearest(str(key))
            if near is not None:
                self._refuse(str(key), "is no training attribute", f"did you mean {near!r}?")


KNOWN_KEYS = (
    *GROUPS,
    *(
        attribute.name
        for attribute in fields(RunConfig)
        if attribute.name not in ("training_seed", "dataset_seed")
    ),
)


def _nearest(name: str) -> str | None:
    """The known key that a name must be a slip of, or None.

    A known key with a number or a further word, such as `seed_2`, is a name of the user's own.
    """
    import difflib

    for near in difflib.get_close_matches(name, KNOWN_KEYS, n=1, cutoff=0.85):
        rest = name.removeprefix(near)
        if rest == name or not (rest.isdigit() or rest.startswith("_")):
            return near
    return None


def _count(value: Any) -> int | None:
    return value if _is_integer(value) and 1 <= value <= LARGEST_COUNT else None


def _natural(value: Any) -> int | None:
    return value if _is_integer(value) and 0 <= value <= LARGEST_COUNT else None


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _rate(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= LARGEST_NUMBER else None


def _nonnegative(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LARGEST_NUMBER else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _folder_inside(value: Any) -> str | None:
    """Name of a folder that lies in another one; it may have folders of its own."""
    text = _text(value)
    if text is None or PurePath(text).is_absolute() or ".." in PurePath(text).parts:
        return None
    return text


def _policy(value: Any) -> str | None:
    # The last one is what earlier versions called `ignore`.
    return value if value in ("error", "warn", "ignore", "allow") else None


def _seed_pair(value: Any) -> tuple[int, int] | None:
    if _is_integer(value):
        return (value, value) if 0 <= value <= LARGEST_SEED else None
    parts = value.split("-") if isinstance(value, str) else []
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    first, second = (int(part) for part in parts)
    return (first, second) if max(first, second) <= LARGEST_SEED else None


_LIMITS: tuple[tuple[str, Callable[[Any], Any], str], ...] = (
    ("keep_checkpoints", _count, "use an integer of at least 1, or null for all"),
    ("micro_batch_size", _count, "use an integer of at least 1, or null for the whole batch"),
    ("max_grad_norm", _rate, "use a number above 0, or null for no limit"),
    ("max_grad_value", _rate, "use a number above 0, or null for no limit"),
)

_EARLY_STOPPING_CHECKS: tuple[tuple[str, Callable[[Any], Any], str], ...] = (
    ("patience", _count, "use an integer of at least 1"),
    ("min_delta", _nonnegative, "use a number of at least 0"),
    ("metric", _text, "use the name of a metric, dev_loss or train_loss"),
)

_LOADER_CHECKS: tuple[tuple[str, Callable[[Any], Any], str], ...] = (
    ("num_workers", _natural, "use an integer of at least 0"),
    ("prefetch_factor", _count, "use an integer of at least 1"),
    ("timeout", _nonnegative, "use a number of at least 0"),
    ("pin_memory", _flag, "use true or false"),
    ("drop_last", _flag, "use true or false"),
    ("pin_memory_device", _text, "use a text"),
    ("resident_mb", _natural, "use an integer of at least 0, in MiB"),
    ("nonfinite", _policy, "use error, warn or ignore"),
)
