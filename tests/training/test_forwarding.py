"""Attributes of a part are read and set through the object that has the part."""

import pytest

from autrainer.training.forwarding import Forwarded


class Part:
    value = 1


class Owner:
    value = Forwarded("part")
    other = Forwarded("part", "value")
    deep = Forwarded("inner.part", "value")

    def __init__(self):
        self.part = Part()
        self.inner = self


def test_what_is_set_is_set_on_the_part():
    owner = Owner()
    owner.other = 2
    assert owner.value == owner.part.value == owner.deep == 2
    assert Part.value == 1


def test_what_a_part_lacks_the_object_lacks():
    owner = Owner()
    owner.part = None
    assert not hasattr(owner, "value")
    with pytest.raises(AttributeError, match="value"):
        _ = owner.other


def test_the_class_has_the_attribute_itself():
    assert isinstance(Owner.value, Forwarded)
