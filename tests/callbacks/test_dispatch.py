"""What listens, in which order, under which name."""

import logging

import pytest

from autrainer.callbacks.base import EVENTS
from autrainer.callbacks.dispatch import CallbackManager, CallbackMixin
from autrainer.errors import ConfigError


class Recorder:
    def __init__(self, name, calls):
        self.name = name
        self.calls = calls

    def cb_on_train_begin(self, trainer):
        self.calls.append((self.name, trainer))


def test_any_object_with_a_hook_is_called():
    calls = []
    manager = CallbackManager()
    manager.register(Recorder("plain", calls))
    manager.callback("cb_on_train_begin", trainer="t")
    assert calls == [("plain", "t")]


def test_objects_are_called_in_the_order_of_registration():
    calls = []
    manager = CallbackManager()
    manager.register_multiple([Recorder("a", calls), None, Recorder("b", calls)])
    manager.cb_on_train_begin(trainer=None)
    assert [name for name, _ in calls] == ["a", "b"]


def test_an_object_registered_twice_is_called_once():
    calls = []
    manager = CallbackManager()
    recorder = Recorder("a", calls)
    manager.register_multiple([recorder, recorder])
    manager.cb_on_train_begin(trainer=None)
    assert len(calls) == 1


def test_two_managers_never_hear_each_other():
    first, second = [], []
    one, two = CallbackManager(), CallbackManager()
    one.register(Recorder("one", first))
    two.register(Recorder("two", second))
    two.cb_on_train_begin(trainer=None)
    assert first == []
    assert len(second) == 1


def test_order_and_chain_run_the_base_first_and_by_their_own_order():
    calls = []

    class A:
        def cb_on_test_begin(self, trainer):
            calls.append("A")

    class B(A):
        @CallbackMixin.chain()
        @CallbackMixin.order(5)
        def cb_on_test_begin(self, trainer):
            calls.append("B")

    class D(B):
        @CallbackMixin.chain()
        def cb_on_test_begin(self, trainer):
            calls.append("D")

    manager = CallbackManager()
    manager.register(D())
    manager.cb_on_test_begin(trainer=None)
    assert calls == ["A", "D", "B"]


def test_without_chain_only_the_override_runs():
    calls = []

    class A:
        def cb_on_test_begin(self, trainer):
            calls.append("A")

    class B(A):
        def cb_on_test_begin(self, trainer):
            calls.append("B")

    manager = CallbackManager()
    manager.register(B())
    manager.cb_on_test_begin(trainer=None)
    assert calls == ["B"]


def test_the_former_name_is_called_with_its_former_argument():
    results = []

    class Former:
        def cb_on_val_end(self, trainer, iteration, val_results):
            results.append(val_results)

    manager = CallbackManager()
    manager.register(Former())
    manager.callback("cb_on_val_end", trainer=None, iteration=1, dev_results={"a": 1.0})
    assert results == [{"a": 1.0}]


def test_of_both_names_only_the_present_one_is_called():
    calls = []

    class Both:
        def cb_on_val_begin(self, trainer, iteration):
            calls.append("val")

        def cb_on_dev_begin(self, trainer, iteration):
            calls.append("dev")

    manager = CallbackManager()
    manager.register(Both())
    manager.cb_on_dev_begin(trainer=None, iteration=1)
    assert calls == ["dev"]


def test_the_documenting_bodies_are_not_listeners():
    class Quiet(CallbackMixin):
        pass

    manager = CallbackManager()
    manager.register(Quiet())
    assert all(manager.handlers(event) == [] for event in EVENTS)


def test_a_mixin_created_while_a_run_is_built_takes_part():
    calls = []

    class Nested(CallbackMixin):
        def cb_on_train_end(self, trainer):
            calls.append("nested")

    manager = CallbackManager()
    with manager.building():
        nested = Nested()
    manager.register_announced()
    manager.cb_on_train_end(trainer=None)
    assert calls == ["nested"]
    assert nested is not None


def test_a_mixin_created_outside_a_run_takes_part_in_none():
    class Nested(CallbackMixin):
        def cb_on_train_end(self, trainer):
            raise AssertionError

    nested = Nested()
    manager = CallbackManager()
    with manager.building():
        pass
    manager.register_announced()
    manager.cb_on_train_end(trainer=None)
    assert nested is not None


def test_a_misspelt_hook_is_reported_with_the_near_match(caplog):
    class Typo:
        def cb_on_trian_begin(self, trainer): ...

    with caplog.at_level(logging.WARNING):
        CallbackManager().register(Typo())
    assert "cb_on_trian_begin" in caplog.text
    assert "cb_on_train_begin" in caplog.text


def test_a_hook_with_wrong_arguments_is_refused_when_it_is_registered():
    class Wrong:
        def cb_on_step_end(self, trainer, step):
            raise AssertionError

    with pytest.raises(ConfigError, match=r"Wrong\.cb_on_step_end takes"):
        CallbackManager().register(Wrong())


def test_an_unknown_event_is_refused_with_the_near_match():
    with pytest.raises(ValueError, match="cb_on_test_end"):
        CallbackManager().callback("cb_on_test_ends")


def test_a_removed_hook_is_no_longer_called():
    calls = []
    manager = CallbackManager()
    recorder = Recorder("a", calls)
    manager.register(recorder)
    manager.remove(recorder, "cb_on_train_begin")
    manager.cb_on_train_begin(trainer=None)
    assert calls == []


def test_a_hook_may_be_a_function_stored_on_the_instance():
    calls = []
    recorder = Recorder("a", [])
    recorder.cb_on_test_begin = lambda trainer: calls.append(trainer)
    manager = CallbackManager()
    manager.register(recorder)
    manager.cb_on_test_begin(trainer=3)
    assert calls == [3]
