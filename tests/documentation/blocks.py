"""Pages of the documentation as a reader follows them: files are written, commands are run.

A block with a title is a file of this name. Of those without one, `bash` holds commands, one a
line, and `python` a program. A block `text` with the title "output" is what the last command or
program before it prints, whatever the numbers.
"""

import re
import shlex
from dataclasses import dataclass

from tests import forked

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)
NUMBER = re.compile(r"\d+(\.\d+)?(e-\d+)?")
FAST = ("progress_bar=false", "plotting=None", "device=cpu")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its title or an empty text, and what is in it."""

    language: str
    title: str
    text: str


def blocks_of(page):
    """The blocks of a page, in order."""
    return [Block(language, title, text) for language, title, text in BLOCK.findall(page)]


def follow(page, folder, *overrides):
    """Do in a folder what a page says.

    Args:
        page: Its text.
        folder: Where to work.
        overrides: What each `autrainer train` of the page gets besides, to be fast.

    Returns:
        What was printed by each command and program.
    """
    printed = []
    for block in blocks_of(page):
        if block.title == "output":
            missing = [*_missing(block.text, printed[-1])]
            assert missing == [], f"not printed: {missing}\nbut: {printed[-1]}"
        elif block.title:
            (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.title).write_text(block.text)
        elif block.language == "bash":
            printed += [_run(line, folder, overrides) for line in block.text.splitlines()]
        elif block.language == "python":
            printed.append(_succeeded(forked.run(block.text, cwd=folder, path=folder)))
    return printed


def _run(line, folder, overrides):
    """Run a command, with patterns of file names as a shell reads them."""
    program, *words = shlex.split(line, comments=True)
    found = [
        sorted(str(path.relative_to(folder)) for path in _glob(folder, word)) for word in words
    ]
    arguments = [name for word, names in zip(words, found, strict=True) for name in names or [word]]
    if program == "python":
        return _succeeded(forked.run((folder / arguments[0]).read_text(), cwd=folder, path=folder))
    assert program == "autrainer", f"what to do with {line!r}?"
    if arguments[0] == "train":
        arguments += [*FAST, *overrides]
    return _succeeded(forked.run_command(*arguments, cwd=folder))


def _glob(folder, word):
    return folder.glob(word) if "*" in word and "/" in word else ()


def _succeeded(process):
    assert process.returncode == 0, f"{process.args}\n{process.stdout}\n{process.stderr}"
    return process.stdout + process.stderr


def _missing(shown, printed):
    """Lines that were not printed; numbers and spaces do not count."""
    lines = {_without_numbers(line) for line in printed.splitlines()}
    return (line for line in shown.splitlines() if _without_numbers(line) not in lines)


def _without_numbers(line):
    return " ".join(NUMBER.sub("0", line).split())
