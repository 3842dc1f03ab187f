"""Classes and hooks as text: what they are, what they take, and what to write to use them."""

from __future__ import annotations

import ast
import re
import textwrap

from autrainer.config.catalogue import (
    Argument,
    Source,
    described_arguments,
    parameters_of,
)
from autrainer.config.kinds import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

WIDTH = 96
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off"})

_TARGET = "id: Mine\n_target_: {path}\n{arguments}"
FRAMES = {
    "datasets": ("conf/dataset/Mine.yaml", f"{_TARGET}criterion: ???\ntransform:\n  type: ???\n"),
    "models": ("conf/model/Mine.yaml", f"{_TARGET}transform:\n  type: ???\n"),
    "optimizers": ("conf/optimizer/Mine.yaml", _TARGET),
    "criterions": ("the dataset", "criterion: {shorthand}"),
    "metrics": (
        "the dataset",
        "metrics:\n  - {shorthand}\ntracking_metric: {shorthand}  # it tells which model is best",
    ),
    "transforms": (
        "a dataset or a model",
        "transform:\n  type: ???  # image, grayscale, raw or tabular\n"
        "  base:  # of all splits; train, dev and test are of one\n    - {shorthand}",
    ),
    "augmentations": (
        "conf/augmentation/Mine.yaml",
        "id: Mine\n_target_: autrainer.augmentations.AugmentationPipeline\n"
        "pipeline:\n  - {shorthand}",
    ),
    "samplers": ("the main configuration", "train_loader_kwargs:\n  sampler: {shorthand}"),
    "loggers": ("the main configuration", "loggers:\n  - {shorthand}"),
    "file-handlers": ("the dataset", "file_handler: {shorthand}"),
}
"""Where a class of a kind is named, and how."""


def describe_class(kind: Kind, source: Source) -> str:
    """A class: its import path, docstring, arguments, and the YAML that names it."""
    path = f"{kind.package}.{source.node.name}"
    arguments = source.arguments()
    parts = [path, source.text, _table(arguments, kind.filled)]
    if kind.name in FRAMES:
        where, frame = FRAMES[kind.name]
        given = [argument for argument in arguments if argument.name not in kind.filled]
        parts.append(f"In {where}:\n\n{_indented(_in_frame(frame, path, given))}")
    else:
        parts.append("A dataset chooses it by its task; no configuration names it.")
    return "\n\n".join(part for part in parts if part)


def describe_hook(node: ast.FunctionDef) -> str:
    """A hook: its signature, docstring, and a callback that has it."""
    doc = ast.get_docstring(node) or ""
    about = described_arguments(doc)
    arguments = [Argument(*found, about.get(found[0], "")) for found in parameters_of(node)]
    head = f"{node.name}({', '.join(['self', *(argument.name for argument in arguments)])})"
    code = f"class MyCallback:\n    def {head}:\n        ..."
    parts = [
        head,
        doc.partition("\n\nArgs:")[0],
        _table(arguments, tuple(argument.name for argument in arguments)),
        f"In my_callbacks.py:\n\n{_indented(code)}",
        "In the main configuration:\n\n" + _indented("callbacks:\n  - my_callbacks.MyCallback"),
    ]
    return "\n\n".join(parts)


def aligned(entries: Mapping[str, str]) -> str:
    """Names with a line about each."""
    width = max(map(len, entries), default=0)
    return "\n".join(f" - {name.ljust(width)}  {about}".rstrip() for name, about in entries.items())


def _in_frame(frame: str, path: str, arguments: list[Argument]) -> str:
    """What names a class; optional arguments of a mapping are comments."""
    needed = [argument for argument in arguments if argument.default is None]
    others = [argument for argument in arguments if argument.default is not None]
    lines = [f"{argument.name}: ???" for argument in needed]
    lines += [f"# {_assignment(argument)}" for argument in others]
    shorthand = f"{path}: {_flow(needed)}" if needed else path
    text = frame.replace("{path}", path).replace("{arguments}", "".join(f"{x}\n" for x in lines))
    if "{shorthand}" not in frame:
        return text
    if ": {shorthand}" in frame and needed:
        # A mapping stands on a line of its own.
        text = re.sub(r"( *)(.*): \{shorthand\}", r"\1\2:\n\1  {shorthand}", text)
    text = text.replace("{shorthand}", shorthand)
    if needed or not others:
        return text
    return f"{text}\n# or with arguments, such as {path}: {_flow(others[:1])}"


def _flow(arguments: Iterable[Argument]) -> str:
    entries = (
        f"{argument.name}: ???" if argument.default is None else _assignment(argument)
        for argument in arguments
    )
    return f"{{{', '.join(entries)}}}"


def _assignment(argument: Argument) -> str:
    return f"{argument.name}: {yaml_of(argument.default or 'None')}"


def _table(arguments: list[Argument], filled: tuple[str, ...]) -> str:
    if not arguments:
        return ""
    return "\n".join(["Arguments:", *(_line(argument, filled) for argument in arguments)])


def _line(argument: Argument, filled: tuple[str, ...]) -> str:
    if argument.name in filled:
        state = "given by the run"
    elif argument.default is None:
        state = "required"
    else:
        state = f"default {yaml_of(argument.default)}"
    kind = f"{argument.annotation}; " if argument.annotation else ""
    return textwrap.fill(
        f"{argument.name} ({kind}{state})" + (f": {argument.about}" if argument.about else ""),
        WIDTH,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indented(text: str) -> str:
    return textwrap.indent(text.rstrip(), "    ")


def yaml_of(source: str) -> str:
    """A default of Python as YAML.

    >>> yaml_of("None"), yaml_of("[1, 'a b']"), yaml_of("'train'"), yaml_of("{'x': True}")
    ('null', '[1, "a b"]', 'train', '{x: true}')
    """
    try:
        return _yaml(ast.literal_eval(source))
    except ValueError:
        # A name, such as that of a constant.
        return source


def _yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        return value if is_plain else f'"{value}"'
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_yaml(key)}: {_yaml(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    return str(value)
