"""Values of Python as overrides of the command line."""

from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from autrainer.cli import CommandLineError
from autrainer.cli.values import hydra_arguments

TRICKY = [
    "a,b",
    "it's",
    'say "so"',
    "back\\slash",
    "end\\",
    "{x: 1}",
    "null",
    "3",
    "größe",
    " ",
    "",
]


def parsed(value):
    """A value as Hydra understands the override that it becomes."""
    (text,) = hydra_arguments({"key": value}, "config", None)[2:]
    override = OverridesParser.create().parse_override(text)
    return (
        list(override.sweep_string_iterator())
        if override.is_sweep_override()
        else (override.value())
    )


def test_values_become_overrides():
    values = {"seed": [1, 2], "progress_bar": False, "learning_rate": 1e-3, "x": None, "m": "A"}
    assert hydra_arguments(values, "config", "conf") == [
        *("-cn", "config", "-cd", "conf"),
        *("seed=1,2", "progress_bar=false", "learning_rate=0.001", "x=null", "m=A"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], []),
        ({}, {}),
        ([[]], []),
        ([["a.B"]], ["a.B"]),
        ([[{"a.B": {"x": 1, "y": [None, True]}}]], [{"a.B": {"x": 1, "y": [None, True]}}]),
        ({"num_workers": 2, "pad": {"axis": -1}}, {"num_workers": 2, "pad": {"axis": -1}}),
        ({"values": TRICKY}, {"values": TRICKY}),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (1e-05, 1e-05),
        (Path("a b/c"), "a b/c"),
    ],
)
def test_a_value_arrives_as_it_was(value, expected):
    assert parsed(value) == expected


@pytest.mark.parametrize("value", [[1, 2, 3], (1, 2, 3), range(1, 4), np.arange(1, 4)])
def test_several_values_are_swept_over(value):
    swept = list(value) if isinstance(value, np.ndarray) else value
    assert parsed(swept) == ["1", "2", "3"]


def test_a_text_may_be_an_expression():
    assert hydra_arguments({"seed": "range(1, 4)"}, "c", None)[2:] == ["seed=range(1, 4)"]


def test_overrides_may_be_a_list_of_what_is_typed():
    typed = ["seed=1,2", "+x=1", "~plotting", "--cfg", "job"]
    assert hydra_arguments(typed, "config", None) == ["-cn", "config", *typed]
    assert hydra_arguments(None, "config", None) == ["-cn", "config"]


@pytest.mark.parametrize("overrides", ["seed=1", [{"seed": 1}], [1]])
def test_overrides_of_another_kind_are_refused(overrides):
    with pytest.raises(CommandLineError, match="use a mapping of keys to values, or a list"):
        hydra_arguments(overrides, "config", None)


@pytest.mark.parametrize("value", [{1}, object(), [[{2}]], {"a": {3}}])
def test_a_value_that_no_configuration_holds_is_refused(value):
    with pytest.raises(CommandLineError, match=r"key is .*; use texts, numbers"):
        hydra_arguments({"key": value}, "config", None)
