import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autrainer.data.items import DataItem
from autrainer.transforms import AbstractTransform, SmartCompose


class Named(AbstractTransform):
    """Appends its name to the features."""

    def __init__(self, name, order=0):
        super().__init__(order=order)
        self.name = name

    def __call__(self, item):
        item.features = [*item.features, self.name]
        return item


class Full(Named):
    """Has all the hooks, and notes what they were called with."""

    def setup(self, dataset):
        self.dataset = dataset

    def get_collate_fn(self, dataset, default):
        return lambda items: (self.name, default(items))

    def offset_generator_seed(self, offset):
        self.offset = offset


class Data:
    def default_collate_fn(self, items):
        return items


def applied(compose):
    return compose(DataItem([], 0, 0)).features


named = st.lists(st.integers(-2, 2)).map(
    lambda orders: [Named(f"{index}", order) for index, order in enumerate(orders)]
)


@given(named)
def test_transforms_act_by_order_and_equal_ones_as_given(transforms):
    before = list(transforms)
    expected = [t.name for t in sorted(transforms, key=lambda t: (t.order, int(t.name)))]
    assert applied(SmartCompose(transforms)) == expected
    assert all(a is b for a, b in zip(transforms, before, strict=True))


@given(named, named, named)
def test_adding_does_not_depend_on_the_brackets(a, b, c):
    a, b, c = map(SmartCompose, (a, b, c))
    assert applied((a + b) + c) == applied(a + (b + c))


@given(named, named)
def test_adding_is_composing_everything_and_leaves_both_as_they_were(a, b):
    left, right = SmartCompose(a), SmartCompose(b)
    names = applied(left), applied(right)
    assert applied(left + right) == applied(SmartCompose([*left.transforms, *right.transforms]))
    assert (applied(left), applied(right)) == names


def test_none_adds_nothing():
    compose = SmartCompose([Named("a")])
    assert compose + None is compose


def test_transforms_composes_and_lists_of_these_can_be_added():
    a, b, c = Named("a", 1), Named("b", 0), Named("c", -1)
    assert applied(SmartCompose([a]) + b) == ["b", "a"]
    assert applied(SmartCompose([a]).__add__([b, SmartCompose([c])])) == ["c", "b", "a"]


@pytest.mark.parametrize("other", [[], [1], "a", 3, (Named("a"),)])
def test_nothing_else_can_be_added(other):
    with pytest.raises(TypeError, match="SmartCompose"):
        SmartCompose([]) + other


def test_strange_members_of_a_list_are_left_out_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        assert applied(SmartCompose([]).__add__([Named("a"), 3])) == ["a"]
    assert "int" in caplog.text


def test_hooks_reach_the_transforms_that_have_them():
    full, data = Full("full"), Data()
    compose = SmartCompose([Named("plain"), full])
    assert compose.setup(data) is compose
    compose.offset_generator_seed(3)
    assert (full.dataset, full.offset) == (data, 3)


def test_last_collate_function_in_order_wins():
    data = Data()
    compose = SmartCompose([Full("late", 5), Full("early", 1), Named("plain", 9)])
    assert compose.get_collate_fn(data)([1]) == ("late", [1])
    assert SmartCompose([Named("plain")]).get_collate_fn(data)([1]) == [1]


def test_repr_shows_arguments_in_the_order_of_assignment():
    assert repr(SmartCompose([Named("a", 3)])) == "SmartCompose([Named(order=3, name='a')])"
