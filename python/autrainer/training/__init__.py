"""Training of what a configuration describes."""

from autrainer.callbacks.base import CallbackSignature
from autrainer.callbacks.dispatch import CallbackManager
from autrainer.runs.writing.outputs import OutputsTracker
from autrainer.training.trainer import ModularTaskTrainer

__all__ = ["CallbackManager", "CallbackSignature", "ModularTaskTrainer", "OutputsTracker"]
