"""Where stored runs find `MinMaxScaler`."""

from autrainer.data.targets import MinMaxScaler

__all__ = ["MinMaxScaler"]
