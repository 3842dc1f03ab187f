"""Where stored runs find file handlers."""

from autrainer.data.file_handlers import (
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
