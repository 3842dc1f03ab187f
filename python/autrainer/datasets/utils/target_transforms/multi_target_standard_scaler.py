"""Where stored runs find `MultiTargetStandardScaler`."""

from autrainer.data.targets import MultiTargetStandardScaler

__all__ = ["MultiTargetStandardScaler"]
