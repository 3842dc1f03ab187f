"""What the processes of a run are told about it by the one that has composed it."""

from __future__ import annotations

import logging.config
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autrainer.config.hydra.snapshot import frozen, frozen_folders
from autrainer.config.plain import plain_copy
from autrainer.runs.process.run_process import RunProcess
from autrainer.runs.process.time_limit import elapsed_s, one_command, usual_limit_s
from autrainer.runs.yaml.reading import read_yaml
from autrainer.runs.yaml.writing import write_yaml


@dataclass(frozen=True)
class Job:
    """A run, ready to be trained in another process.

    Args:
        config: Its resolved configuration.
        directory: Its folder, absolute.
        logs: How its job logs, as `logging.config.dictConfig` takes it; empty for stderr alone.
        conf_dir: Folder of the user's configurations; None for none.
        path: Where modules are looked for.
        elapsed_s: How long ago the command began that trains it.
        limit_s: Seconds after which it stops if its configuration sets no limit.
        trial: Where its trial is, if it is one of a search that prunes: arguments of `TrialPlace`.
    """

    config: Mapping[str, Any]
    directory: str
    logs: Mapping[str, Any] = field(default_factory=dict)
    conf_dir: str | None = None
    path: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0
    limit_s: float | None = None
    trial: Mapping[str, Any] | None = None

    @classmethod
    def here(
        cls,
        config: Any,
        directory: Path,
        logs: Mapping[str, Any] | None = None,
        trial: Mapping[str, Any] | None = None,
    ) -> Job:
        """A run that has been composed in this process.

        Args:
            config: Its configuration.
            directory: Its folder.
            logs: How its job logs.
            trial: Where its trial is.
        """
        folders = frozen_folders()
        user_dir = str(folders[0].folder.absolute()) if folders else None
        plain = plain_copy(config)
        plain.pop("hydra", None)
        path = [os.path.abspath(entry) for entry in sys.path]
        times = elapsed_s(), usual_limit_s()
        return cls(plain, str(directory.absolute()), logs or {}, user_dir, path, *times, trial)

    @classmethod
    def read(cls, path: Path) -> Job:
        """Read what `write` has written."""
        return cls(**read_yaml(path))

    def write(self, path: Path) -> None:
        """Write it into a file."""
        write_yaml(path, asdict(self))

    @contextmanager
    def surroundings(self, process: RunProcess) -> Iterator[None]:
        """Within the block modules, configurations and logs are those of the job."""
        sys.path += [entry for entry in self.path if entry not in sys.path]
        if process.is_main and self.logs:
            logging.config.dictConfig(dict(self.logs))
        elif not process.is_main:
            silence_others(process)
        folder = None if self.conf_dir is None else Path(self.conf_dir)
        with frozen(folder), one_command(self.elapsed_s, self.limit_s):
            yield


def silence_others(process: RunProcess) -> None:
    """Let the main process speak for all: of the others only errors are shown."""
    import warnings

    text = f"[rank {process.rank}][%(levelname)s] %(message)s"
    logging.basicConfig(level=logging.ERROR, format=text, force=True)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
