"""Address of the command in existing projects; it lives in `autrainer.cli`."""

from autrainer.cli.main import main
from autrainer.cli.parser import get_parser

__all__ = ["get_parser", "main"]
