"""What values of a configuration may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autrainer.config.schema import kinds
from autrainer.config.schema.kinds import UnfitError

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
KINDS = {
    "count": (kinds.count, int, lambda value: 1 <= value < 2**31),
    "natural": (kinds.natural, int, lambda value: 0 <= value < 2**31),
    "positive": (kinds.positive, float, lambda value: 0 < value < 3.5e38),
    "nonnegative": (kinds.nonnegative, float, lambda value: 0 <= value < 3.5e38),
    "flag": (kinds.flag, bool, lambda value: True),
    "text": (kinds.text, str, lambda value: True),
    "truth": (kinds.truth, bool, lambda value: True),
    "seed": (kinds.seed, int | str, lambda value: max(kinds.seed_pair(value)) < 2**32),
    "one_of": (kinds.one_of("a", "b"), str, lambda value: value in ("a", "b")),
}


@pytest.mark.parametrize("name", KINDS)
@given(value=ANYTHING)
def test_a_kind_gives_a_value_of_its_type_and_range_or_says_what_is_allowed(name, value):
    kind, expected, is_within = KINDS[name]
    try:
        found = kind(value)
    except UnfitError as error:
        found = error
    is_refused = isinstance(found, UnfitError) and str(found).startswith("use ")
    assert is_refused or (isinstance(found, expected) and is_within(found))


def test_null_is_allowed_where_a_kind_says_so_and_the_message_says_what_it_means():
    kind = kinds.or_null(kinds.count, "for all")
    assert (kind(None), kind(3)) == (None, 3)
    with pytest.raises(UnfitError, match=r"^use an integer of at least 1, or null for all$"):
        kind(0)


def test_a_number_for_an_optimizer_stays_as_it_is_written():
    assert type(kinds.number_or_null(1)) is int
    assert kinds.number_or_null(None) is None
    with pytest.raises(UnfitError, match=r"^use a number or null$"):
        kinds.number_or_null("much")
