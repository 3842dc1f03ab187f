"""Conditions on runs: what they mean, and that nothing is executed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autrainer.runs.record.where import MISSING, ConditionError, Where

RUN = {
    **{"model.id": "Cnn10", "model": "Cnn10", "seed": 2, "best": 0.75, "state": "finished"},
    **{"pretrained": True, "transfer": None, "loss": math.nan, "layers": [1, 2]},
}


def matches(text):
    return Where(text).matches(lambda name: RUN.get(name, MISSING))


@pytest.mark.parametrize(
    "text",
    [
        'model.id == "Cnn10" and seed < 3',
        "model == 'Cnn10'",
        "0.7 < best <= 0.75",
        "not seed == 3",
        "seed in (1, 2)",
        "seed not in [3]",
        "seed % 2 == 0 and seed * 2 + 1 == 5",
        "-seed < 0",
        "pretrained",
        "not transfer",
        "transfer == None",
        "state.startswith('fin') or nothing == 1",
        "model.lower() == 'cnn10'",
        "'Cnn' in model",
        "2 in layers",
    ],
)
def test_conditions_that_hold(text):
    assert matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "seed == 3",
        "nothing == 1",
        "nothing != 1",
        "nothing < 1 or nothing >= 1",
        "nothing",
        "loss < 1 or loss >= 1",
        "model < 3",
        "seed / 0 == 1",
        "model * 1000000000 == 1",
        "seed.startswith('2')",
        "seed in 3",
    ],
)
def test_conditions_that_do_not_hold(text):
    assert not matches(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("__import__('os').system('id')", "may not stand"),
        ("(lambda: 1)()", "may not stand"),
        ("[x for x in layers]", "may not stand"),
        ("seed ** 9999999", "may not stand"),
        ("layers[0]", "may not stand"),
        ("{1: 2}", "may not stand"),
        ("f'{seed}'", "may not stand"),
        ("model.upper()", "may not stand"),
        ("model.lower(x=1)", "may not stand"),
        ("b'x' == model", "may not stand"),
        ("(seed := 3)", "may not stand"),
        ("seed = 3", "a comparison is written =="),
        ("seed ==", "cannot be read"),
        ("", "cannot be read"),
        ("(" * 500, "cannot be read"),
        ("1 and " * 400 + "1", "characters"),
        ("model.lower(1, 2) == 1", "may not stand"),
    ],
)
def test_anything_else_is_refused(text, part):
    with pytest.raises(ConditionError, match=part):
        matches(text)


def test_names_are_told():
    assert Where("model.id == 'a' and (seed < 3 or model.id == dev.uar)").names == [
        *("model.id", "seed", "dev.uar")
    ]


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_is_refused(text):
    try:
        result = matches(text)
    except ConditionError:
        return
    assert isinstance(result, bool)
