"""Where stored runs find `MultiTargetMinMaxScaler`."""

from autrainer.data.targets import MultiTargetMinMaxScaler

__all__ = ["MultiTargetMinMaxScaler"]
