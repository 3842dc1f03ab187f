"""Where stored runs find file handlers."""

from autrainer.data.files import (
    AbstractFileHandler,
    AudioFileHandler,
    IdentityFileHandler,
    ImageFileHandler,
    NumpyFileHandler,
)

__all__ = [
    "AbstractFileHandler",
    "AudioFileHandler",
    "IdentityFileHandler",
    "ImageFileHandler",
    "NumpyFileHandler",
]
