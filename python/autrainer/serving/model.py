"""A trained model, and all that leads from a file to what the model says about it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autrainer.data.file_handlers import AbstractFileHandler
from autrainer.data.items import DataBatch, DataItem
from autrainer.data.padding import Pad, PaddedBatch
from autrainer.data.targets import AbstractTargetTransform
from autrainer.datasets.preprocessing import build_preprocessing
from autrainer.errors import AutrainerError, ConfigError, CorruptFileError
from autrainer.models.base import AbstractModel
from autrainer.runs.layout import (
    AVERAGED_STATES,
    BEST,
    CONFIG_FILE,
    FILE_HANDLER_FILE,
    INFERENCE_TRANSFORM_FILE,
    MODEL_FILE,
    PREPROCESS_FILE_HANDLER_FILE,
    PREPROCESS_PIPELINE_FILE,
    TARGET_TRANSFORM_FILE,
)
from autrainer.runs.process.intra_op import one_intra_op_thread
from autrainer.runs.random.keys import keyed
from autrainer.runs.state.torch_files import read_state
from autrainer.runs.yaml.reading import read_yaml
from autrainer.serving.model_paths import STATE_FILE, require_objects
from autrainer.serving.trust import Trust
from autrainer.transforms.compose import SmartCompose
from autrainer.transforms.plan import BatchFunction, plan

log = logging.getLogger(__name__)

TOGETHER = 64
"""Most parts of a signal that are transformed at once."""

STORED = "default"
"""The preprocessing that is stored with the model."""

DEVICES = "use cpu, cuda, cuda:<number> or mps"
UNTRUSTED = (
    "a module beside you is allowed by --trust-local, one that comes with a model of a hub by "
    "-t/--trust-remote"
)


class Serving:
    """A trained model with its file handler, its transforms and the meaning of its outputs.

    Nothing but classes of autrainer is built, and nothing is unpickled, unless it is allowed.

    Args:
        model_path: Run folder; see `get_model_path` for models of a hub.
        checkpoint: Folder in it with the state of the model.
        device: `cpu`, `cuda`, `cuda:<number>` or `mps`; where there is none, the CPU, after a
            warning.
        preprocess_cfg: `default` for the preprocessing that is stored with the model; None for the
            file handler of its dataset alone; or a YAML file with `file_handler` and `pipeline`.
        trusted: Folders with modules of which classes may be built: all their code is trusted.

    Attributes:
        model: The model, in evaluation mode.
        file_handler: Reads the files that the preprocessing begins with.
        pipeline: From what is read to the features that the dataset has.
        transform: From these to what the model takes.
        target_transform: What the outputs mean.
        device: Where the model is.

    Raises:
        ConfigError: if there is no such folder, file or device.
        UntrustedCodeError: if a file of the folder names a class that may not be built.
        CorruptFileError: if a file is damaged, or the state does not fit the model.
    """

    def __init__(
        self,
        model_path: str | Path,
        checkpoint: str = BEST,
        device: str = "cpu",
        preprocess_cfg: str | Path | None = STORED,
        trusted: Sequence[str | Path] = (),
    ) -> None:
        self.folder = require_objects(Path(model_path))
        self.checkpoint = checkpoint
        self.device = usable_device(device)
        self.trust = Trust(tuple(Path(folder).absolute() for folder in trusted), UNTRUSTED)
        self.trust.open_imports()
        self.model: AbstractModel = self._load(
            MODEL_FILE, AbstractModel, override_args={"transfer": None}
        )
        self.target_transform: AbstractTargetTransform = self._load(
            TARGET_TRANSFORM_FILE, AbstractTargetTransform
        )
        self.transform: Any = self._load(INFERENCE_TRANSFORM_FILE, object)
        self.file_handler, self.pipeline = self._preprocessing(preprocess_cfg)
        self.pad = self._stored_padding()
        _load_state(self.model, self.state_path)
        self.model.to(self.device).eval()

    @property
    def state_path(self) -> Path:
        """The file with the state of the model: averaged weights where a run evaluated them."""
        folder = self.folder / self.checkpoint
        averaged = [folder / name for name in AVERAGED_STATES if (folder / name).is_file()]
        return averaged[0] if averaged else folder / STATE_FILE

    def features_of(self, signal: Any) -> torch.Tensor:
        """What the model takes of a signal, on the CPU, as training and evaluation make it.

        Args:
            signal: What the file handler has read, or a part of it.
        """
        item = DataItem(signal, 0, 0)
        # Transforms that draw give the same for a signal each time.
        with one_intra_op_thread(), keyed(0, 0, 0):
            item = self.transform(self.pipeline(item))
        return torch.as_tensor(item.features).to(torch.float32)

    def features_of_all(self, parts: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """What the model takes of several parts of a signal, as `features_of` each of them.

        Parts of one shape are transformed together where that gives the same bits.
        """
        functions = self._functions
        if functions is None or len({(part.shape, part.dtype) for part in parts}) != 1:
            return [self.features_of(part) for part in parts]
        features: list[torch.Tensor] = []
        with one_intra_op_thread():
            for start in range(0, len(parts), TOGETHER):
                some: Any = parts[start : start + TOGETHER]
                for function in functions:
                    some = function(torch.stack(list(some)), np.arange(len(some)))
                features += [part.to(torch.float32) for part in some]
        return features

    @cached_property
    def _functions(self) -> list[BatchFunction] | None:
        """All that is done to a signal, for several of one shape; None if it takes whole items."""
        plans = [plan(compose) for compose in (self.pipeline, self.transform)]
        if any(found.reason is not None or found.varying is not None for found in plans):
            return None
        return [found.fixed for found in plans if found.fixed is not None]

    def batch_of(self, features: Sequence[torch.Tensor]) -> DataBatch:
        """A batch of features, padded where the test set of the run was.

        Raises:
            DataError: if they do not fit into one batch.
        """
        num = len(features)
        targets, indices = torch.zeros(num), torch.arange(num)
        if self.pad is None:
            return DataBatch(torch.stack(list(features)), targets, indices)
        padded, lengths = self.pad(features)
        return PaddedBatch(padded, targets, indices, lengths)

    def evenness_of(self, features: torch.Tensor) -> Any:
        """What features have in common that fit into one batch and get what they would get alone.

        Features of other lengths are only put together where the model knows their lengths, or
        where all are made equally long.
        """
        shape = list(features.shape)
        if self.pad is not None and (self.pad.to != "longest" or "lengths" in self.model.inputs):
            shape[self.pad.axis] = -1
        return tuple(shape)

    @torch.inference_mode()
    def forward(
        self, features: Sequence[torch.Tensor], *, with_embeddings: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Outputs, shape (B, K), and embeddings, shape (B, ...), of features; on the CPU.

        Where the model makes its outputs of its embeddings, both come from one forward pass.

        Raises:
            DataError: if the features do not fit into one batch.
        """
        batch = self.batch_of(features)
        batch.to(self.device)
        inputs = self.model.select_inputs(batch)
        if not with_embeddings:
            return self.model(**inputs).cpu(), None
        with _recorded_embeddings(self.model) as recorded:
            outputs = self.model(**inputs)
        if len(recorded) != 1:
            names = self.model.embedding_inputs
            wanted = {name: getattr(batch, name) for name in names if hasattr(batch, name)}
            recorded = [self.model.embeddings(**wanted)]
        return outputs.cpu(), recorded[0].cpu()

    def _load(self, name: str, kind: type, override_args: Mapping[str, Any] | None = None) -> Any:
        return self.trust.load(self.folder / name, kind, override_args)

    def _preprocessing(self, chosen: str | Path | None) -> tuple[AbstractFileHandler, Any]:
        if chosen is None:
            return self._load(FILE_HANDLER_FILE, AbstractFileHandler), SmartCompose([])
        if chosen == STORED:
            handler = self._load(PREPROCESS_FILE_HANDLER_FILE, AbstractFileHandler)
            return handler, self._load(PREPROCESS_PIPELINE_FILE, object)
        return read_preprocessing(chosen)

    def _stored_padding(self) -> Pad | None:
        """How the run padded its test set, from its configuration."""
        try:
            config = read_yaml(self.folder / CONFIG_FILE)
        except (FileNotFoundError, CorruptFileError):
            return None
        for holder in (config.get("dataset"), config) if isinstance(config, Mapping) else ():
            options = holder.get("test_loader_kwargs") if isinstance(holder, Mapping) else None
            if isinstance(options, Mapping) and options.get("pad"):
                return Pad.read(options["pad"])
        return None


def read_preprocessing(path: str | Path) -> tuple[AbstractFileHandler, SmartCompose]:
    """File handler and transforms of a preprocessing configuration.

    Args:
        path: A YAML file with `file_handler` and `pipeline`, both in shorthand syntax.

    Raises:
        ConfigError: if it is no such file.
    """
    try:
        config = read_yaml(path)
    except (FileNotFoundError, CorruptFileError) as error:
        raise ConfigError(f"the preprocessing {path} cannot be read: {error}") from error
    return build_preprocessing(config, str(path))


def check_device(device: str) -> None:
    """Refuse what names no device with a `ConfigError`."""
    kind, colon, number = device.partition(":")
    is_known = kind in ("cpu", "cuda", "mps") and (not colon or number.isdecimal())
    if not is_known:
        raise ConfigError(f"the device is {device!r}; {DEVICES}")


def usable_device(device: str) -> torch.device:
    """A device, or the CPU after a warning where there is no such device.

    Raises:
        ConfigError: if it names none.
    """
    check_device(device)
    wanted = torch.device(device)
    if wanted.type == "cuda":
        is_there = torch.cuda.is_available() and (wanted.index or 0) < torch.cuda.device_count()
    else:
        is_there = wanted.type == "cpu" or torch.backends.mps.is_available()
    if is_there:
        return wanted
    log.warning("There is no device %s here; using the CPU", device)
    return torch.device("cpu")


def _load_state(model: AbstractModel, path: Path) -> None:
    try:
        state = read_state(path)
    except FileNotFoundError as error:
        found = sorted(file.parent.name for file in path.parent.parent.glob(f"*/{STATE_FILE}"))
        raise ConfigError(
            f"there is no checkpoint {path}; there are {', '.join(found) or 'none'}"
        ) from error
    try:
        model.load_state_dict(state, strict=True)
    except (RuntimeError, AutrainerError) as error:
        raise CorruptFileError(f"{path} does not fit the model beside it: {error}") from error


@contextmanager
def _recorded_embeddings(model: AbstractModel) -> Iterator[list[torch.Tensor]]:
    """What the model's `embeddings` gives while its `forward` calls it."""
    recorded: list[torch.Tensor] = []
    inner = model.embeddings

    def embeddings(*args: Any, **kwargs: Any) -> torch.Tensor:
        made = inner(*args, **kwargs)
        recorded.append(made)
        return made

    own: dict[str, Any] = model.__dict__
    own["embeddings"] = embeddings
    try:
        yield recorded
    finally:
        del own["embeddings"]
