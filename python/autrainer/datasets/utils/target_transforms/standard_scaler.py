"""Where stored runs find `StandardScaler`."""

from autrainer.data.targets import StandardScaler

__all__ = ["StandardScaler"]
