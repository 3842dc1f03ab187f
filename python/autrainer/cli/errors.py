"""Errors of the command line."""

from __future__ import annotations

from autrainer.errors import AutrainerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


class CommandLineError(AutrainerError):
    """A command that cannot be carried out.

    Args:
        parser: Parser of the command, whose help is shown for usage errors; or None.
        message: What is wrong and how to put it right.
        code: Exit code: 2 for usage errors, 1 for all others.
    """

    def __init__(self, parser: ArgumentParser | None, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.parser = parser
        self.message = message
        self.code = code
