"""Dataclasses behave as ever, whenever their methods are compiled."""

import copy
import dataclasses
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from autrainer.fast.dataclass_methods import MAKERS, defer_methods, make_methods_as_usual
from autrainer.fast.gate import SWITCH
from tests.conftest import AUTRAINER

DEFERS = pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="this Python compiles the methods of a class at once"
)


def made():
    """Classes of several kinds."""

    @dataclass
    class Plain:
        a: int
        b: list = field(default_factory=list)

    @dataclass(frozen=True)
    class Frozen:
        a: int
        other: object = None
        shown: int = field(default=0, repr=False, compare=False)

    @dataclass(frozen=True)
    class Derived(Frozen):
        c: int = 3

        def __repr__(self):
            return f"mine of {super().__repr__()}"

    @dataclass(order=True)
    class Ordered:
        a: float

    @dataclass(frozen=True)
    class Empty:
        pass

    @dataclass(frozen=True, slots=True)
    class Slots:
        a: int

    class Child(Frozen):
        pass

    return Plain, Frozen, Derived, Ordered, Empty, Slots, Child


def said_of(classes):
    """All that can be asked of them, twice."""
    plain, frozen, derived, ordered, empty, slots, child = classes
    looped = plain(1)
    looped.b.append(looped)
    objects = [plain(1), plain(1, [2]), frozen(1), frozen(1, "x"), derived(1), ordered(1.0)]
    objects += [ordered(float("nan")), empty(), slots(4), child(5), frozen(1, shown=9), looped]
    nested = frozen(2, frozen(1))
    return [
        *([tried(lambda o=o: repr(o).replace("<locals>.", "")) for o in [*objects, nested]] * 2),
        *([tried(lambda o=o: hash(o)) for o in objects[:-1]] * 2),
        *([tried(lambda a=a, b=b: a == b) for a in objects[:-1] for b in objects[:-1]] * 2),
        *([tried(lambda a=a, b=b: a < b) for a in objects[5:7] for b in objects[5:7]] * 2),
        *([tried(lambda o=o: setattr(o, "a", 7)) for o in objects] * 2),
        *([tried(lambda o=o: setattr(o, "new", 7)) for o in objects] * 2),
        *([tried(lambda o=o: delattr(o, "a")) for o in objects] * 2),
        *(tried(lambda c=c: (c.__hash__ is None, c.__eq__.__qualname__)) for c in classes),
        *(tried(lambda c=c: (c.__repr__.__qualname__, c.__repr__.__name__)) for c in classes),
        *(tried(lambda c=c: c.__setattr__.__qualname__) for c in classes),
    ]


def tried(call):
    try:
        return call()
    except Exception as error:
        return type(error), str(error)


@pytest.fixture
def deferring():
    defer_methods()
    yield
    make_methods_as_usual()


def test_deferred_methods_do_what_the_others_do(deferring):
    deferred = made()
    make_methods_as_usual()
    assert said_of(deferred) == said_of(made())
    # By now it is the very code that Python would have compiled.
    assert deferred[1].__eq__.__code__.co_code == made()[1].__eq__.__code__.co_code


@dataclass(frozen=True)
class Known:
    a: int


@DEFERS
def test_they_are_compiled_at_the_first_call_and_not_before(deferring):
    kind = made()[1]
    deferred = kind.__eq__, kind.__hash__, kind.__setattr__
    value = kind(1)
    assert (kind.__eq__, kind.__hash__, kind.__setattr__) == deferred
    assert value == kind(1)
    assert hash(value) == hash(kind(1))
    assert kind.__eq__ is not deferred[0]
    assert kind.__hash__ is not deferred[1]
    assert kind.__setattr__ is deferred[2]


def test_values_can_be_copied_replaced_and_pickled(deferring, monkeypatch):
    kind = dataclass(frozen=True)(type("Late", (), {"__annotations__": {"a": int}}))
    kind.__module__, kind.__qualname__ = __name__, "Late"
    monkeypatch.setitem(globals(), "Late", kind)
    value = kind(1)
    assert copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value
    assert dataclasses.replace(value, a=2) == kind(2)
    assert dataclasses.asdict(value) == {"a": 1}


@DEFERS
def test_python_is_as_it_was_afterwards(deferring):
    make_methods_as_usual()
    makers = [getattr(dataclasses, name).__module__ for name in MAKERS]
    assert makers == ["dataclasses"] * len(MAKERS)


def test_nothing_is_deferred_where_private_parts_are_left_alone(monkeypatch):
    monkeypatch.setenv(SWITCH, "0")
    before = [getattr(dataclasses, name, None) for name in MAKERS]
    defer_methods()
    assert [getattr(dataclasses, name, None) for name in MAKERS] == before


MODULE = """
import dataclasses
from autrainer.models import FFNN

makers = [dataclasses._repr_fn.__module__, dataclasses._cmp_fn.__module__]
print("makers", *makers, flush=True)

class Mine(FFNN):
    pass
"""


@DEFERS
def test_classes_of_the_user_have_their_methods_at_once(tmp_path):
    (tmp_path / "mine.py").write_text(MODULE)
    command = [AUTRAINER, "train", "device=cpu", "progress_bar=false", "iterations=1"]
    done = subprocess.run(
        [*command, "model._target_=mine.Mine", "plotting=None"],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "makers dataclasses dataclasses" in done.stdout
