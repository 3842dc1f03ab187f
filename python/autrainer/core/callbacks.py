"""Address of the callback classes in existing projects."""

from autrainer.callbacks.dispatch import CallbackManager, CallbackMixin

__all__ = ["CallbackManager", "CallbackMixin"]
