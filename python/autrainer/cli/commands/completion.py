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

WORDS = {
    "bash": """
_autrainer_complete() {
  COMPREPLY=()
  case "${COMP_WORDS[1]}" in COMMANDS)
    local word
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(
      "$1" completion bash --words "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
  esac
  if [[ ${#COMPREPLY[@]} = 0 ]]; then
    _shtab_autrainer "$@"
  elif [[ "${COMPREPLY[0]}" == *= ]]; then
    compopt -o nospace 2>/dev/null || : # bash>=4
  fi
}

complete -o bashdefault -F _autrainer_complete autrainer
""",
    "zsh": """
_autrainer_words() {
  local -a found
  case "${words[2]}" in COMMANDS)
    found=(${(f)"$("${words[1]}" completion zsh --words "${(j: :)words[1,CURRENT]}" 2>/dev/null)"})
  esac
  (( ${#found} )) || return 1
  if [[ "${found[1]}" == *= ]]; then
    compadd -Q -S '' -- "${found[@]}"
  else
    compadd -Q -- "${found[@]}"
  fi
}

_autrainer_complete() {
  _autrainer_words || _shtab_autrainer "$@"
}

if [[ $zsh_eval_context[-1] == eval ]]; then
  compdef _autrainer_complete -N autrainer
else
  _autrainer_words
fi
""",
    "fish": """
complete -c autrainer -n '__fish_seen_subcommand_from COMMANDS' -a '(
  autrainer completion fish --words (commandline -cp | string collect) 2>/dev/null
)'
""",
}
"""What the scripts do beside that of shtab: they ask for names of configurations, keys and runs."""

FOLDERS = frozenset({"results_dir", "input", "output", "model", "first", "second", "config_dir"})
"""Arguments that are folders, or may be."""
PLACES = frozenset({"runs", "experiments"})


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    import argparse

    parser.add_argument("shell", choices=SHELLS, help="the shell")
    # Asked by the scripts: what can take the place of the last word of this line.
    parser.add_argument("--words", metavar="LINE", help=argparse.SUPPRESS)


def run(parser: ArgumentParser | None, shell: str, words: str | None = None) -> None:
    """Print the script, or what can stand at the end of a line.

    Raises:
        CommandLineError: if shtab is not installed.
    """
    from autrainer.cli.door import told

    if words is not None:
        _print_words(shell, words)
        return
    with told(parser):
        print(script(shell))


def _print_words(shell: str, line: str) -> None:
    from autrainer.cli.completing import candidates, for_bash

    found = candidates(line)
    for word in for_bash(found, line) if shell == "bash" else found:
        print(word)


def script(shell: str) -> str:
    """The script for a shell.

    Raises:
        MissingExtraError: if shtab is not installed.
    """
    from autrainer.cli.parser import CONFIG_DIRS, get_parser, subparsers
    from autrainer.config.kinds import LISTABLE
    from autrainer.runs.extras import imported

    shtab = imported("shtab", "autrainer completion", "shtab", "completion")
    parser = get_parser()
    kinds = {
        "list": [*CONFIG_DIRS, *LISTABLE],
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
    return text + WORDS[shell].replace("COMMANDS", _asked(shell))


def _asked(shell: str) -> str:
    """The commands whose words the scripts ask for."""
    from autrainer.cli.completing import COMPOSE, TAKE_EXPERIMENTS, TAKE_RUNS

    names = sorted(COMPOSE | TAKE_RUNS | TAKE_EXPERIMENTS)
    return (" " if shell == "fish" else "|").join(names)


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
