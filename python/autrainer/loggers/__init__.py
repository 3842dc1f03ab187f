"""Loggers: a run's parameters, metrics and files, told to the world outside its folder."""

from autrainer.loggers.base import AbstractLogger
from autrainer.loggers.export import get_params_to_export
from autrainer.loggers.fallback import FallbackLogger
from autrainer.loggers.json_lines import JSONLinesLogger
from autrainer.loggers.mlflow import MLFlowLogger
from autrainer.loggers.tensorboard import TensorBoardLogger
from autrainer.loggers.trackio import TrackioLogger
from autrainer.loggers.wandb import WandBLogger

__all__ = [
    "AbstractLogger",
    "FallbackLogger",
    "JSONLinesLogger",
    "MLFlowLogger",
    "TensorBoardLogger",
    "TrackioLogger",
    "WandBLogger",
    "get_params_to_export",
]
