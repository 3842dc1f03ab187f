"""How often: steps and times as users write them."""

import pytest

from autrainer.config.schema.intervals import SaveInterval


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, SaveInterval(steps=5)),
        ("30 s", SaveInterval(seconds=30)),
        ("10min", SaveInterval(seconds=600)),
        (" 1.5 h ", SaveInterval(seconds=5400)),
    ],
)
def test_steps_and_times_are_read(value, expected):
    assert SaveInterval.of(value) == expected


@pytest.mark.parametrize("value", [0, -1, True, 1.5, None, "", "10", "0 s", "1 day", "min", "-1 s"])
def test_anything_else_is_refused(value):
    assert SaveInterval.of(value) is None
