"""Where stored runs find `MultiLabelEncoder`."""

from autrainer.data.targets import MultiLabelEncoder

__all__ = ["MultiLabelEncoder"]
