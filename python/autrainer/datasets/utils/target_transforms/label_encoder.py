"""Where stored runs find `LabelEncoder`."""

from autrainer.data.targets import LabelEncoder

__all__ = ["LabelEncoder"]
