"""Address of `CommandLineError` in existing projects."""

from autrainer.cli.errors import CommandLineError

__all__ = ["CommandLineError"]
