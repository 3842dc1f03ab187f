"""Between batches, models, their layers and pretrained weights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from autrainer.errors import ConfigError
from autrainer.models.base import AbstractModel
from autrainer.models.weights.files import read_weights, weights_file
from autrainer.models.weights.loading import Loaded, load_weights


def create_model_inputs(model: AbstractModel, batch: Any) -> dict[str, Any]:
    """Keyword arguments with which to call a model on a batch; see `AbstractModel.select_inputs`.

    Args:
        model: The model.
        batch: Has features, target, index, and possibly more fields.
    """
    return model.select_inputs(batch)


def load_transfer_weights(
    model: nn.Module, url: str, *, fresh: Sequence[str] = (), unused: Sequence[str] = ()
) -> Loaded:
    """Copy pretrained weights into a model: those of a file, under its key `model` if it has one.

    A download lies in torch's hub folder afterwards. Nothing in the file is executed.

    Args:
        model: The model.
        url: Path of the file, or its address; `#sha256=...` behind an address is checked.
        fresh: Patterns of the model's tensors that stay as initialised, such as `out.*`.
        unused: Patterns of tensors of the file that the model has no place for.

    Returns:
        What was taken and what was not.

    Raises:
        ConfigError: if there is no such file, or with every tensor that does not fit.
        CorruptFileError: if the file is damaged or holds something else.
        DownloadError: if it did not come as a whole.
    """
    path = weights_file(url)
    state = read_weights(path)
    inner = state.get("model")
    return load_weights(
        model, inner if isinstance(inner, Mapping) else state, str(path), fresh=fresh, unused=unused
    )


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

        Takes what the model takes. Other threads may use the model meanwhile.

        Raises:
            RuntimeError: if the model never comes to the layer.
        """
        stop = _Stop()
        handle = self.layer.register_forward_hook(lambda _module, _inputs, output: stop(output))
        return _run(self.model, self.layer, handle, args, kwargs)


def input_of_layer(model: nn.Module, layer: nn.Module, *args: Any, **kwargs: Any) -> torch.Tensor:
    """What a layer is given when a model is called; it and the layers after it are not computed.

    Args:
        model: The model.
        layer: One of its modules.
        *args: What the model takes.
        **kwargs: The same.

    Raises:
        RuntimeError: if the model never comes to the layer.
    """
    stop = _Stop()
    handle = layer.register_forward_pre_hook(lambda _module, inputs: stop(inputs[0]))
    return _run(model, layer, handle, args, kwargs)


def _run(model: nn.Module, layer: nn.Module, handle: Any, args: Any, kwargs: Any) -> torch.Tensor:
    try:
        model(*args, **kwargs)
    except _ReachedError as reached:
        return reached.value
    finally:
        handle.remove()
    raise RuntimeError(
        f"{type(model).__name__} does not use its layer {type(layer).__name__}, "
        "so there are no embeddings of it"
    )


class _Stop:
    """Leaves the model with a value, in the thread that has made this object."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def __call__(self, value: torch.Tensor) -> None:
        if threading.get_ident() == self._thread:
            raise _ReachedError(value)


class _ReachedError(Exception):
    """Carries a value out of the model."""

    def __init__(self, value: torch.Tensor) -> None:
        super().__init__()
        self.value = value


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
