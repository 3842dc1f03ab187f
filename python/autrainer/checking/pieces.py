"""Each distinct piece of the configurations of a sweep, looked at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from autrainer.checking.composing import Entry, root_of
from autrainer.checking.findings import Findings
from autrainer.checking.parts import (
    SUBSETS,
    Data,
    Outcome,
    attempt,
    look_at_data,
    look_at_loaders,
    look_at_lone_samples,
    look_at_model,
    look_at_optimizer,
)
from autrainer.checking.space import bytes_of_run
from autrainer.config.locate import locate
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.run import GROUPS, RunConfig
from autrainer.config.schema.sections.loaders import LOADER_KEYS
from autrainer.loggers.fallback import LibraryLogger
from autrainer.runs.extras import is_installed
from autrainer.runs.writing.tables import require_library
from autrainer.training.checks.configuration import PIECES, left_open
from autrainer.training.listeners import build_early_stopping

_TRAINING = ("iterations", "batch_size", "training_type", "micro_batch_size")


class Pieces:
    """Looks at the runs of a sweep; what two of them share is looked at once.

    Args:
        findings: Where what is wrong is noted.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.notes: dict[str, None] = {}
        self._known: dict[str, Outcome] = {}
        self._is_sound = True

    def look_at(self, entry: Entry) -> int:
        """Look at a run.

        Returns:
            About how many bytes it will take on the disk; 0 where something is wrong with it.
        """
        faulty = set(entry.faulty)
        self._is_sound = not faulty
        for outcome in self._classes(entry):
            faulty |= self._note(entry, outcome)
        num_bytes = self._built(entry, frozenset(faulty))
        return num_bytes if self._is_sound else 0

    def _note(self, entry: Entry, outcome: Outcome) -> set[str]:
        """Note what is wrong for a run, and give the groups that it is about."""
        for problem in dict.fromkeys(outcome.problems):
            self.findings.add(problem, entry.run.plain, entry.sources, entry.name)
        self.notes.update(dict.fromkeys(outcome.notes))
        self._is_sound = self._is_sound and not outcome.problems
        return {root_of(problem) for problem in outcome.problems}

    def _once(
        self, name: str, key: Any, make: Callable[..., Outcome], *given: Any, **more: Any
    ) -> Outcome:
        text = f"{name} {json.dumps(key, default=repr)}"
        if text not in self._known:
            self._known[text] = make(*given, **more)
        return self._known[text]

    def _classes(self, entry: Entry) -> Iterator[Outcome]:
        """What can be told of the classes and their arguments, without building anything."""
        config = entry.run
        is_open = set()
        for group in GROUPS:
            if group not in entry.faulty and group in config.plain:
                node = {group: config.plain[group]}
                outcome = self._once("open", node, _found, left_open, node)
                is_open |= {group} if outcome.problems else set()
                yield outcome
        for number, piece in enumerate(PIECES):
            if piece.keys[0] not in entry.faulty | is_open:
                values = [config.plain.get(each) for each in piece.keys]
                yield self._once(f"classes {number}", values, _found, piece.find, config)
        if "loggers" not in entry.faulty:
            yield self._once("libraries", config.plain.get("loggers"), _found, _libraries, config)
        if "outputs_format" not in entry.faulty:
            yield self._once("tables", config.saving.outputs_format, _tables, config)

    def _built(self, entry: Entry, faulty: frozenset[str]) -> int:
        """Build what is sound, and see whether it fits; returns the bytes of the run."""
        config, sound = entry.run, Sound(entry.run.plain, faulty)
        data = None
        if sound.are("dataset", "seed"):
            data = self._data(entry, sound)
        loaders = None
        if data is not None and sound.are("batch_size", "inference_batch_size", *LOADER_KEYS):
            loaders = self._loaders(entry, sound, data)
        if data is not None and sound.are("early_stopping"):
            self._stopping(entry, sound, data)
        if not sound.are("model"):
            return 0
        dev = None if loaders is None else loaders["dev"]
        fitting = sound.key("model", *LOADER_KEYS), sound.of_data if data else None
        model = self._once(
            "model", [*fitting, dev is None], lambda: look_at_model(config, data, dev)
        )
        self._note(entry, model)
        if model.value is None or not sound.are("optimizer", "learning_rate"):
            return 0
        if loaders is not None and sound.are(*_TRAINING):
            lone = self._once(
                "lone",
                [*fitting, sound.key(*_TRAINING)],
                look_at_lone_samples,
                config,
                model.value,
                loaders["train"],
            )
            self._note(entry, lone)
        optimizer = self._once(
            "optimizer",
            [*fitting, sound.key("optimizer", "learning_rate", "scheduler")],
            look_at_optimizer,
            config,
            model.value,
            data,
            has_scheduler=sound.are("scheduler"),
        )
        self._note(entry, optimizer)
        if (
            data is None
            or data.criterion is None
            or loaders is None
            or optimizer.value is None
            or faulty
        ):
            return 0
        return bytes_of_run(config, data, model.value, optimizer.value, loaders)

    def _data(self, entry: Entry, sound: Sound) -> Data | None:
        own = sound.key("dataset", "criterion")
        # With other transforms the files are the same.
        first = self._once("files", own, Outcome, sound.of_data).value
        outcome = self._once(
            "data",
            sound.of_data,
            look_at_data,
            entry.run,
            sound.faulty,
            reads_files=first == sound.of_data,
        )
        self._note(entry, outcome)
        found: Data | None = outcome.value
        return found

    def _loaders(self, entry: Entry, sound: Sound, data: Data) -> Mapping[str, Any] | None:
        key = [sound.of_data, sound.key("batch_size", "inference_batch_size", *LOADER_KEYS)]
        outcome = self._once("loaders", key, look_at_loaders, entry.run, data.data)
        self._note(entry, outcome)
        return None if outcome.value is None else dict(zip(SUBSETS, outcome.value, strict=True))

    def _stopping(self, entry: Entry, sound: Sound, data: Data) -> None:
        key = [sound.of_data, sound.key("early_stopping")]
        self._note(entry, self._once("stopping", key, _stopping, entry.run, data))

    def close(self) -> None:
        """Let go of what the loaders hold."""
        for name, outcome in self._known.items():
            for loader in (outcome.value or ()) if name.startswith("loaders ") else ():
                if (close := getattr(loader, "close", None)) is not None:
                    close()


class Sound:
    """The parts of a configuration that nothing is wrong with.

    Args:
        plain: The configuration.
        faulty: Groups and keys at the top that something is wrong with.
    """

    def __init__(self, plain: Mapping[str, Any], faulty: frozenset[str]) -> None:
        self.plain, self.faulty = plain, faulty

    def are(self, *keys: str) -> bool:
        """Whether nothing is wrong with any of some keys."""
        return self.faulty.isdisjoint(keys)

    def key(self, *keys: str) -> list[Any]:
        """Their values."""
        return [self.plain.get(each) for each in keys]

    @property
    def of_data(self) -> list[Any]:
        """What a dataset depends on; seeds decide which noise there is, and not its shape."""
        model = self.plain.get("model") if self.are("model") else None
        transform = model.get("transform") if isinstance(model, Mapping) else None
        augmentation = self.plain.get("augmentation") if self.are("augmentation") else None
        return [*self.key("dataset", "criterion"), transform, augmentation]


def _found(find: Callable[..., Iterable[Problem]], *given: Any) -> Outcome:
    return Outcome(None, (*find(*given),))


def _tables(config: RunConfig) -> Outcome:
    chosen = config.saving.outputs_format
    return attempt("outputs_format", lambda _: require_library(chosen))


def _stopping(config: RunConfig, data: Data) -> Outcome:
    section = config.stopping.early_stopping
    return attempt("early_stopping", lambda _: build_early_stopping(section, data.data))


def _libraries(config: RunConfig) -> Iterator[Problem]:
    """Loggers whose library is not installed: a run goes on without them, and logs nothing."""
    for target in config.loggers.targets:
        try:
            kind = locate(target.path)
        # Told with the classes.
        except Exception:
            continue
        is_ours = isinstance(kind, type) and issubclass(kind, LibraryLogger)
        if is_ours and not is_installed(kind._module):
            yield Problem(
                target.key,
                f"is {target.path}, whose library {kind._module} is not installed, so that "
                "nothing would be logged there",
                f"install it with: pip install 'autrainer[{kind._extra}]'",
            )
