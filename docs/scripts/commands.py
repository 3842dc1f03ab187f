"""The page of all commands, from the parsers that read them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from autrainer.cli.parser import get_parser, subparsers
from docs.scripts.tables import code, plain, table

ABOUT = """# Commands

This page is made from the parsers of the commands: `autrainer COMMAND --help` says the same. Each
command is a function too, in [`autrainer.cli`](api/cli.md).

The exit code is 0 after success, 1 after a failure, 2 after a misuse, and 128 and the number of the
signal if one has ended the command: 130 after Ctrl-C.
"""


def page() -> str:
    """The page in Markdown."""
    parsers = subparsers(get_parser())
    sections = [_section(name, parsers[name]) for name in sorted(parsers)]
    return "\n".join([ABOUT, *sections])


def _section(name: str, parser: argparse.ArgumentParser) -> str:
    about, example = parser.description or "", (parser.epilog or "").removeprefix("example: ")
    examples = "\n".join(part.strip() for part in example.split(";"))
    parts = [f"## {name}", plain(about), f"```\n{examples}\n```"]
    rows = [*_rows(parser)]
    if rows:
        parts.append(table(("argument", "meaning"), rows))
    return "\n\n".join(parts) + "\n"


def _rows(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    formatter = parser._get_formatter()
    for action in parser._actions:
        if action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):
            yield _spelled(action), plain(formatter._expand_help(action))


def _spelled(action: argparse.Action) -> str:
    """An argument as it is typed."""
    if not action.option_strings:
        return code(str(action.metavar or action.dest))
    choices = f" {{{','.join(map(str, action.choices))}}}" if action.choices else ""
    takes_value = action.nargs != 0 and not choices
    value = f" {str(action.metavar or action.dest).upper()}" if takes_value else choices
    *others, last = action.option_strings
    return ", ".join(map(code, [*others, f"{last}{value}"]))
