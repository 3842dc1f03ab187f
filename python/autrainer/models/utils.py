"""Between batches, models and their layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel


def create_model_inputs(model: AbstractModel, batch: Any) -> dict[str, Any]:
    """Keyword arguments with which to call a model on a batch; see `AbstractModel.select_inputs`.

    Args:
        model: The model.
        batch: Has features, target, index, and possibly more fields.
    """
    return model.select_inputs(batch)


class ExtractLayerEmbeddings:
    """Calls a model as far as one of its layers, and returns what that layer gives.

    Args:
        model: The model.
        layer_selector_fn: Takes the model, returns one of its modules. By default the module
            that is defined just before the last linear one.

    Raises:
        ConfigError: if there is no such layer.
    """

    def __init__(
        self, model: nn.Module, layer_selector_fn: Callable[[nn.Module], nn.Module] | None = None
    ) -> None:
        self.model = model
        self.layer = (layer_selector_fn or layer_before_last_linear)(model)

    def __call__(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The layer's output; the layers after it are not computed.

        Takes what the model takes.

        Raises:
            RuntimeError: if the model never comes to the layer.
        """

        def stop(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
            raise _ReachedError(output)

        handle = self.layer.register_forward_hook(stop)
        try:
            self.model(*args, **kwargs)
        except _ReachedError as reached:
            return reached.output
        finally:
            handle.remove()
        raise RuntimeError(
            f"{type(self.model).__name__} does not use its layer {type(self.layer).__name__}, "
            "so there are no embeddings of it"
        )


class _ReachedError(Exception):
    """Carries the output of the layer out of the model."""

    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self.output = output


def layer_before_last_linear(model: nn.Module) -> nn.Module:
    """The leaf module that is defined just before the last linear one.

    Raises:
        ConfigError: if there is none.
    """
    leaves = [module for module in model.modules() if not any(module.children())]
    linear = [index for index, module in enumerate(leaves) if isinstance(module, nn.Linear)]
    if not linear or linear[-1] == 0:
        raise ConfigError(
            f"{type(model).__name__} has no layer before a last Linear to take embeddings from; "
            "give a layer_selector_fn"
        )
    return leaves[linear[-1] - 1]
