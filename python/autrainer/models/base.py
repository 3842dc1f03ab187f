"""What a model is."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any

import torch

from autrainer.errors import ConfigError
from autrainer.runs.addressed import AddressedObject

_OF_EVERY_BATCH = frozenset(("features", "target", "index"))


class AbstractModel(torch.nn.Module, AddressedObject, ABC):
    """Base of every model.

    Constructor arguments have to be kept as attributes of the same name: they are what is written
    to `model.yaml`, from which the model is built again.

    The first parameter of `forward` and of `embeddings` is `features`. Further ones are filled
    from the fields of the batch that have their names.

    Args:
        output_dim: Number of outputs; the trainer gives it.
        transfer: Whether, or from where, to take pretrained weights.
        **kwargs: Kept as attributes and written with the model.

    Raises:
        NameError: if the first parameter of `forward` or `embeddings` is not `features`.
    """

    # A model is equal to itself alone. audobject would compare and hash by YAML text, and torch
    # hashes every module each time that parameters are listed.
    __hash__ = object.__hash__
    __eq__ = object.__eq__
    __str__ = torch.nn.Module.__repr__
    __repr__ = torch.nn.Module.__repr__

    def __init__(self, output_dim: int, transfer: bool | str | None = None, **kwargs: Any) -> None:
        kwargs = {key: value for key, value in kwargs.items() if not key.startswith("_object_")}
        torch.nn.Module.__init__(self)
        AddressedObject.__init__(self, **kwargs)
        self.output_dim = output_dim
        self.transfer = transfer
        for key, value in kwargs.items():
            setattr(self, key, value)
        self._inputs = _parameter_names(self, "forward")
        self._embedding_inputs = _parameter_names(self, "embeddings")

    @abstractmethod
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs of shape (batch, output_dim)."""

    @abstractmethod
    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """What the model makes of the features before its last layer."""

    @property
    def inputs(self) -> list[str]:
        """Names of the parameters of `forward`."""
        return self._inputs

    @property
    def embedding_inputs(self) -> list[str]:
        """Names of the parameters of `embeddings`."""
        return self._embedding_inputs

    def select_inputs(self, batch: Any) -> dict[str, Any]:
        """Keyword arguments with which to call this model on a batch.

        Args:
            batch: Has features, target, index, and possibly more fields.

        Returns:
            The features, and every further field that the model takes.
        """
        selected = {"features": batch.features}
        names = self.inputs
        if len(names) > 1:
            fields = vars(batch)
            for name in names:
                if name in fields and name not in _OF_EVERY_BATCH:
                    selected[name] = fields[name]
        return selected


def refuse_transfer(model: AbstractModel) -> None:
    """For models without pretrained weights.

    Raises:
        ConfigError: if the model was asked to transfer.
    """
    if model.transfer:
        raise ConfigError(
            f"model.transfer is {model.transfer!r}, but there are no pretrained weights for "
            f"{type(model).__name__}; remove the key"
        )


def _parameter_names(model: AbstractModel, method: str) -> list[str]:
    parameters = inspect.signature(getattr(model, method)).parameters.values()
    named = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not named or named[0] != "features":
        first = named[0] if named else "missing"
        raise NameError(
            f"the first parameter of {type(model).__name__}.{method} is {first!r}; "
            "call it 'features'"
        )
    return named
