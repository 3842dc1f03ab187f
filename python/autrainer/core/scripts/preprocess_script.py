"""Where existing projects import the function behind `autrainer preprocess` from."""

from autrainer.cli.commands.preprocess import preprocess_main

__all__ = ["preprocess_main"]
