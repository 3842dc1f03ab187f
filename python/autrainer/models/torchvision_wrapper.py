"""Image models of torchvision."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

from autrainer.errors import ConfigError, did_you_mean
from autrainer.models.base import AbstractModel
from autrainer.models.utils import input_of_layer
from autrainer.models.weights.files import weights_file
from autrainer.runs.extras import imported

_HEADS = (nn.Linear, nn.Conv2d)
_SCALING = ("googlenet", "inception_v3")
"""Models that scale their inputs themselves where they have pretrained weights."""


class TorchvisionModel(AbstractModel):
    """A model of torchvision: (B, 3, H, W) to (B, K).

    Args:
        output_dim: Number of outputs K.
        torchvision_name: Its name in `torchvision.models`, such as `resnet18`.
        transfer: Take its default pretrained weights; the last layer is a new one.
        **kwargs: Further arguments of the model, such as `aux_logits`.

    Raises:
        ConfigError: if torchvision has no such model.
        MissingExtraError: if torchvision is not installed.
    """

    def __init__(
        self, output_dim: int, torchvision_name: str, transfer: bool = False, **kwargs: Any
    ) -> None:
        models = imported("torchvision.models", type(self).__name__, "torchvision", "torchvision")
        _check_name(models, torchvision_name)
        if transfer:
            kwargs = {**_told_by_weights(models, torchvision_name), **kwargs}
        super().__init__(output_dim, transfer, **kwargs)
        self.torchvision_name = torchvision_name
        own = {key: value for key, value in kwargs.items() if not key.startswith("_object_")}
        if transfer:
            self.model = _pretrained(models, torchvision_name, own)
            _replace_head(self.model, output_dim)
        else:
            self.model = _untrained(models, torchvision_name, output_dim, own)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K)."""
        outputs: torch.Tensor = self.model(features)
        return outputs

    def embeddings(self, features: torch.Tensor) -> torch.Tensor:
        """What goes into the last layer, averaged over positions if there are any: (B, D)."""
        _, head = last_layer(self.model)
        found = input_of_layer(self.model, head, features)
        return found.mean(dim=(2, 3)) if found.dim() == 4 else found


def last_layer(model: nn.Module) -> tuple[str, nn.Module]:
    """Name and module of the layer that makes the outputs.

    Raises:
        ConfigError: if there is none.
    """
    found = [(n, module) for n, module in model.named_modules() if isinstance(module, _HEADS)]
    linear = [(name, module) for name, module in found if isinstance(module, nn.Linear)]
    if not found:
        raise ConfigError(f"{type(model).__name__} has no linear layer that makes its outputs")
    return (linear or found)[-1]


def _check_name(models: Any, name: str) -> None:
    known = models.list_models(module=models)
    if name not in known:
        raise ConfigError(
            f"model.torchvision_name is {name!r}, which torchvision.models does not have; "
            f"{did_you_mean(name, known)}".rstrip("; ")
        )


def _told_by_weights(models: Any, name: str) -> dict[str, Any]:
    """Arguments that come with pretrained weights; a trained model is built again with them."""
    if name in _SCALING:
        return {"transform_input": True}
    if name.startswith("vit_"):
        size, _ = models.get_model_weights(name).DEFAULT.meta["min_size"]
        return {"image_size": size}
    return {}


def _untrained(models: Any, name: str, output_dim: int, kwargs: dict[str, Any]) -> nn.Module:
    with warnings.catch_warnings():
        # Of initialisations that will change; with `init_weights` users choose.
        warnings.filterwarnings("ignore", "The default weight initialization", FutureWarning)
        model: nn.Module = models.get_model(name, weights=None, num_classes=output_dim, **kwargs)
    return model


def _pretrained(models: Any, name: str, kwargs: dict[str, Any]) -> nn.Module:
    weights = models.get_model_weights(name).DEFAULT
    weights_file(weights.url)
    if name == "googlenet" and not kwargs.get("aux_logits", True):
        # It refuses to be told what it does anyway.
        kwargs = {key: value for key, value in kwargs.items() if key != "aux_logits"}
    model: nn.Module = models.get_model(name, weights=weights, **kwargs)
    return model


def _replace_head(model: nn.Module, output_dim: int) -> None:
    name, head = last_layer(model)
    if isinstance(head, nn.Linear):
        new: nn.Module = nn.Linear(head.in_features, output_dim)
    else:
        assert isinstance(head, nn.Conv2d)
        new = nn.Conv2d(head.in_channels, output_dim, kernel_size=1)
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, new)
