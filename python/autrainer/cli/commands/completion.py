"""`autrainer completion`: what lets a shell complete commands, options and names of folders."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from argparse import ArgumentParser

SHELLS = ("bash", "zsh", "fish")
ABOUT = (
    "Print a script that lets a shell complete commands, options and folders. bash: eval "
    '"$(autrainer completion bash)" in ~/.bashrc. zsh: autrainer completion zsh > _autrainer, in '
    "a folder of $fpath. fish: autrainer completion fish > "
    "~/.config/fish/completions/autrainer.fish"
)
EXAMPLE = "autrainer completion bash"

FOLDERS = frozenset({"results_dir", "input", "output", "model", "first", "second", "config_dir"})
"""Arguments that are folders, or may be."""
PLACES = frozenset({"runs", "experiments"})


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(parser: ArgumentParser | None, shell: str) -> None:
    """Print the script.

    Raises:
        CommandLineError: if shtab is not installed.
    """
    from autrainer.cli.door import told

    with told(parser):
        print(script(shell))


def script(shell: str) -> str:
    """The script for a shell.

    Raises:
        MissingExtraError: if shtab is not installed.
    """
    from autrainer.cli.parser import CLASSES, CONFIG_DIRS, get_parser, subparsers
    from autrainer.runs.extras import imported

    shtab = imported("shtab", "autrainer completion", "shtab", "completion")
    parser = get_parser()
    kinds = {
        "list": [*CONFIG_DIRS, *CLASSES],
        "show": list(CONFIG_DIRS),
        "create": list(CONFIG_DIRS),
    }
    for listed in _descriptions(parser):
        listed.help = _first_sentence(listed.help)
    for name, command in subparsers(parser).items():
        command.description = _first_sentence(command.description)
        for action in command._actions:
            _prepare(action, kinds.get(name), shtab.DIRECTORY)
    text: str = shtab.complete(parser, shell=shell)
    return text


def _prepare(action: argparse.Action, kinds: list[str] | None, folder: object) -> None:
    """Tell what an argument may be; the parser is used for nothing else."""
    if action.dest in ("directory", "directories") and kinds is not None:
        action.choices = kinds
    elif action.dest in FOLDERS | PLACES:
        action.complete = folder  # type: ignore[attr-defined]
    action.help = _first_sentence(action.help)


def _descriptions(parser: ArgumentParser) -> list[argparse.Action]:
    """What the parser tells of each command."""
    import argparse

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return list(action._choices_actions)
    return []


def _first_sentence(text: str | None) -> str:
    """As much of a help as fits beside what is completed."""
    for end in (". ", "; ", ": "):
        text = (text or "").partition(end)[0]
    return (text or "").rstrip(".")
