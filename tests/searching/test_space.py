"""What a search chooses from: the syntax of Hydra's sweeps, and what it means to Optuna."""

import math

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given
from hypothesis import strategies as st

from autrainer.errors import ConfigError
from autrainer.searching.space import Choices, Numbers, SearchSpace

PARSER = OverridesParser.create()
WORDS = st.text("abcdefgxyz", min_size=1, max_size=5)
LITERALS = st.one_of(
    WORDS,
    st.integers(-1000, 1000).map(str),
    st.lists(st.integers(0, 9), max_size=3).map(lambda each: f"[{','.join(map(str, each))}]"),
    WORDS.map(lambda each: f"{{a:{each}}}"),
)


def searched(text):
    """The only dimension of a space."""
    (found,) = SearchSpace.of([text]).dimensions
    return found


def hydras_values(text):
    """The values that Hydra itself would sweep over."""
    return list(PARSER.parse_override(text).sweep_string_iterator())


@given(st.lists(LITERALS, min_size=2, max_size=6))
def test_a_choice_has_the_values_of_a_sweep_of_hydra_each_once(values):
    assume(len(set(values)) > 1)
    for text in (f"+a={','.join(values)}", f"+a=choice({','.join(values)})"):
        found = searched(text)
        assert found == Choices("a", "+a", tuple(dict.fromkeys(hydras_values(text))))
        assert found.distribution().choices == found.texts


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 7), st.booleans())
def test_a_range_has_the_whole_numbers_that_hydra_has(start, stop, step, is_falling):
    low, high = sorted((start, stop))
    assume(high - low > step)
    text = f"a=range({high},{low},-{step})" if is_falling else f"a=range({low},{high},{step})"
    found = searched(text)
    assert sorted(map(int, hydras_values(text))) == found.grid()
    distribution = found.distribution()
    assert list(range(distribution.low, distribution.high + 1, distribution.step)) == found.grid()


@given(st.integers(-40, 40), st.integers(1, 40), st.integers(1, 9))
def test_a_range_of_tenths_has_exact_tenths_and_not_its_end(start, count, step):
    low, high = start / 10, (start + count * step) / 10
    assume(count > 1)
    text = f"a=range({low},{high},{step / 10})"
    found = searched(text)
    # Hydra itself has the end of range(0, 0.2, 0.1), and not that of range(0, 1, 0.25).
    assert found.grid() == [(start + position * step) / 10 for position in range(count)]
    # Optuna warns, and changes the end, where steps do not fit.
    assert found.distribution().high == found.high


@given(st.floats(1e-30, 1e6), st.floats(1e-30, 1e6), st.booleans())
def test_an_interval_has_both_ends_and_the_scale_of_its_tag(a, b, is_log):
    low, high = sorted((a, b))
    assume(low < high)
    text = f"interval({low!r},{high!r})"
    found = searched(f"a=tag(log,{text})" if is_log else f"a={text}")
    assert found == Numbers("a", "a", low, high, None, is_log)
    assert (found.distribution().low, found.distribution().log) == (low, is_log)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_that_is_proposed_is_read_again_by_hydra_as_it_was(value):
    space = SearchSpace.of(["a=interval(0,1)"])
    (text,) = space.overrides({"a": value})
    assert PARSER.parse_override(text).value() == value


def test_whole_numbers_are_asked_for_as_in_hydra():
    found = searched("a=int(interval(1,64))")
    assert (found.low, found.high, found.step) == (1, 64, 1)
    assert searched("a=tag(log,int(interval(1,64)))").distribution().log


def test_fixed_values_stay_fixed_and_a_later_value_of_a_key_replaces_the_earlier():
    space = SearchSpace.of(
        ["+seed=1,2", "model=A", "a=choice(1)", "~b", "+x=[1,2]", "+y=interval(1,2)", "+seed=3"]
    )
    assert space.fixed == ("model=A", "a=1", "~b", "+x=[1,2]", "+seed=3")
    assert space.overrides({"y": 1.5})[-1] == "+y=1.5"


def test_every_choice_and_both_ends_come_up_in_the_probes():
    space = SearchSpace.of(["a=choice(x,y,z)", "b=interval(0,1)"])
    assert space.probes() == [{"a": "x", "b": 0.0}, {"a": "y", "b": 1.0}, {"a": "z", "b": 1.0}]


def test_a_grid_has_every_combination():
    space = SearchSpace.of(["a=x,y", "b=range(0,1,0.5)"])
    values = [(each["a"], each["b"]) for each in space.grid()]
    assert values == [("x", 0.0), ("x", 0.5), ("y", 0.0), ("y", 0.5)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("+lr=interval(1,0)", "lr is interval"),
        ("+lr=interval(0,inf)", "lr is interval"),
        ("+lr=interval(nan,1)", "lr is interval"),
        ("+lr=interval(a,1)", "lr in hydra.sweeper.params cannot be read"),
        ("+lr=tag(log,interval(0,1))", "lr begins at 0.0"),
        ("+lr=tag(lgo,interval(0,1))", "lr has the tag 'lgo'"),
        ("+lr=tag(log,choice(1,2))", "lr has the tag 'log'"),
        ("+lr=range(1,1)", "lr is range.*empty"),
        ("+lr=range(1,5,0)", "lr is range.*not 0"),
        ("+lr=tag(log,range(1,9,2))", "lr is range.*step of 1"),
        ("+lr=0.1", "nothing to search"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_its_key(text, told):
    with pytest.raises(ConfigError, match=told):
        SearchSpace.of([text])


def test_an_interval_has_no_grid():
    with pytest.raises(ConfigError, match=r"^lr is an interval"):
        SearchSpace.of(["lr=interval(0,1)"]).grid()
    assert math.isclose(SearchSpace.of(["lr=range(0,1,0.3)"]).grid()[-1]["lr"], 0.9)
