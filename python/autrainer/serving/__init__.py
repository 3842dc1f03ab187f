"""Trained models at work: what leads from recordings to predictions and embeddings."""

from autrainer.serving.inference import Inference
from autrainer.serving.model import Serving
from autrainer.serving.model_paths import (
    AbstractModelPath,
    HubModelPath,
    LocalModelPath,
    get_model_path,
)

__all__ = [
    "AbstractModelPath",
    "HubModelPath",
    "Inference",
    "LocalModelPath",
    "Serving",
    "get_model_path",
]
