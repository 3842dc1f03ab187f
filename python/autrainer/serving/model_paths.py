"""Where a model lies: in a folder of this machine, or on a hub.

A hub is named as `hf:repo_id[@revision][:subdir][#local_dir]`; anything else is a folder.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from autrainer.errors import ConfigError
from autrainer.runs.layout import (
    BEST,
    FILE_HANDLER_FILE,
    INFERENCE_TRANSFORM_FILE,
    MODEL_FILE,
    PREPROCESS_FILE_HANDLER_FILE,
    PREPROCESS_PIPELINE_FILE,
    TARGET_TRANSFORM_FILE,
)

PREFIX = "hf:"
OBJECT_FILES = (
    MODEL_FILE,
    FILE_HANDLER_FILE,
    TARGET_TRANSFORM_FILE,
    INFERENCE_TRANSFORM_FILE,
    PREPROCESS_FILE_HANDLER_FILE,
    PREPROCESS_PIPELINE_FILE,
)
"""What a run folder needs beside a checkpoint so that its model can be used."""

STATE_FILE = "model.pt"
_REFERENCE = re.compile(r"([^@:#]+)(?:@([^:#]+))?(?::([^#]+))?(?:#(.+))?", re.DOTALL)
_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")


class AbstractModelPath(ABC):
    """Where a model lies.

    Args:
        model: How it was named.
    """

    def __init__(self, model: str) -> None:
        self.model = model

    @abstractmethod
    def resolve(self) -> Path:
        """The folder of the model on this machine, with everything that inference needs.

        Raises:
            ConfigError: if there is none, or a file is missing in it.
        """


class LocalModelPath(AbstractModelPath):
    """A run folder of this machine.

    Args:
        model: The folder.
    """

    def resolve(self) -> Path:
        """The folder itself.

        Raises:
            ConfigError: if it is no folder, or lacks one of the files of a run.
        """
        folder = Path(self.model)
        if not folder.is_dir():
            raise ConfigError(f"the model {self.model!r} is no folder; name the folder of a run")
        return require_objects(folder)


@dataclass(frozen=True)
class HubReference:
    """What the name of a model on a hub says.

    Args:
        repository: Its repository.
        revision: A branch, a tag or a commit; None for the main branch.
        subdir: The folder of the model in the repository.
        local_dir: Where to put the files; None for a cache.
    """

    repository: str
    revision: str | None = None
    subdir: str | None = None
    local_dir: str | None = None

    @classmethod
    def read(cls, model: str) -> HubReference:
        """Read a name such as `hf:me/model@main:runs/best#models/best`.

        Raises:
            ConfigError: if it is written in another way.

        >>> HubReference.read("hf:me/model@v1:a/b")
        HubReference(repository='me/model', revision='v1', subdir='a/b', local_dir=None)
        """
        match = _REFERENCE.fullmatch(model.removeprefix(PREFIX))
        if match is None or not _REPOSITORY.fullmatch(match[1]):
            raise ConfigError(
                f"{model!r} names no model on a hub; write {PREFIX}repository[@revision][:subdir]"
                "[#local_dir], each part with something in it"
            )
        subdir = match[3].strip("/") if match[3] else None
        if subdir is not None and (not subdir or ".." in subdir.split("/")):
            raise ConfigError(f"{model!r} names the folder {match[3]!r}, which is none of a model")
        return cls(match[1], match[2], subdir, match[4])


class HubModelPath(AbstractModelPath):
    """A model on a hub, whose files are downloaded where they are not there.

    Args:
        model: Its name, `hf:repo_id[@revision][:subdir][#local_dir]`.
        trust_remote: Allow Python files beside the model, whose code runs when it is loaded.
        checkpoint: The checkpoint that is needed; others are not downloaded.
    """

    def __init__(self, model: str, trust_remote: bool = False, checkpoint: str = BEST) -> None:
        super().__init__(model)
        self.reference = HubReference.read(model)
        self.trust_remote = trust_remote
        self.checkpoint = checkpoint

    def resolve(self) -> Path:
        """The folder that the files have been downloaded into.

        Raises:
            ConfigError: if the hub has no such model, or it comes with code that is not trusted.
            DownloadError: naming a file that did not come as a whole.
        """
        from autrainer.serving.hub import download

        return require_objects(
            download(self.reference, trusted=self.trust_remote, checkpoint=self.checkpoint)
        )


def is_on_hub(model: str) -> bool:
    """Whether the name of a model is one on a hub."""
    return model.startswith(PREFIX)


def get_model_path(model: str, trust_remote: bool = False, checkpoint: str = BEST) -> str:
    """The local folder of a model, downloaded from a hub if it is named as one on it.

    Args:
        model: A run folder, or `hf:repo_id[@revision][:subdir][#local_dir]`.
        trust_remote: Allow code that comes with a model of a hub.
        checkpoint: The checkpoint to download.

    Raises:
        ConfigError: if there is no such model, or a file of it is missing.
        DownloadError: naming a file that did not come as a whole.
    """
    path: AbstractModelPath = LocalModelPath(model)
    if is_on_hub(model):
        path = HubModelPath(model, trust_remote, checkpoint)
    return str(path.resolve())


def require_objects(folder: Path) -> Path:
    """The folder of a model, if all that describes the model is in it.

    Raises:
        ConfigError: naming every file that is not there.
    """
    missing = [name for name in OBJECT_FILES if not (folder / name).is_file()]
    if missing:
        raise ConfigError(f"{folder} is no folder of a model: it lacks {', '.join(missing)}")
    return folder
