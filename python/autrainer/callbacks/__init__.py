"""Hooks into a run."""

from autrainer.callbacks.base import CallbackSignature, TrainerView
from autrainer.callbacks.dispatch import CallbackManager, CallbackMixin

__all__ = ["CallbackManager", "CallbackMixin", "CallbackSignature", "TrainerView"]
