"""Who hears what: the callback manager that each run owns, and the mixin for nested objects."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from autrainer.callbacks.base import (
    CHAIN_ATTRIBUTE,
    EVENTS,
    FORMER_NAMES,
    ORDER_ATTRIBUTE,
    CallbackSignature,
    Hook,
)
from autrainer.errors import ConfigError, did_you_mean

Handler = Callable[..., Any]

log = logging.getLogger(__name__)

_CANONICAL = {name: name for name in EVENTS} | {old: new for new, old in FORMER_NAMES.items()}

# The manager of the run that is being built right now, so that mixin objects which a dataset or a
# model creates inside itself find it. Set for the time of the construction only.
_under_construction: ContextVar[CallbackManager | None] = ContextVar(
    "autrainer_callback_manager", default=None
)


class CallbackMixin(CallbackSignature):
    """Base for objects that are created inside another part and have hooks.

    An object whose class inherits this and runs its constructor while a trainer is being built
    takes part in that run. Parts that the configuration names need no mixin.
    """

    def __init__(self) -> None:
        manager = _under_construction.get()
        if manager is not None:
            manager.announce(self)

    @staticmethod
    def order(value: int) -> Callable[[Hook], Hook]:
        """Decorator: call this hook after all hooks of a smaller order (the default is 0)."""

        def mark(hook: Hook) -> Hook:
            setattr(hook, ORDER_ATTRIBUTE, value)
            return hook

        return mark

    @staticmethod
    def chain() -> Callable[[Hook], Hook]:
        """Decorator: also call the implementation that this one overrides, before it."""

        def mark(hook: Hook) -> Hook:
            setattr(hook, CHAIN_ATTRIBUTE, True)
            return hook

        return mark


@dataclass(frozen=True)
class _Entry:
    order: int
    position: int
    owner: object
    call: Handler


class CallbackManager:
    """The listeners of one run; those of two managers are separate.

    `manager.cb_on_test_begin(trainer=trainer)` and
    `manager.callback("cb_on_test_begin", trainer=trainer)` fire an event.
    """

    def __init__(self) -> None:
        self._entries: dict[str, list[_Entry]] = {event: [] for event in EVENTS}
        self._handlers: dict[str, list[Handler]] = {event: [] for event in EVENTS}
        self._announced: list[object] = []
        self._registered: list[object] = []
        self._count = 0

    @contextmanager
    def building(self) -> Iterator[None]:
        """While the block runs, mixin objects that are created announce themselves here."""
        token = _under_construction.set(self)
        try:
            yield
        finally:
            _under_construction.reset(token)

    def announce(self, obj: object) -> None:
        """Remember a mixin object; it is registered after the parts that the run names itself."""
        self._announced.append(obj)

    def register_announced(self) -> None:
        """Register every announced object that has not been registered by name."""
        announced, self._announced = self._announced, []
        self.register_multiple(announced)

    def register(self, obj: object | None) -> None:
        """Let an object take part; None and objects that already do are ignored.

        Raises:
            ConfigError: if a hook does not take the arguments of its event.
        """
        if obj is None or any(obj is other for other in self._registered):
            return
        self._registered.append(obj)
        self._report_misspelt(obj)
        for event in EVENTS:
            for hook in _implementations(obj, event):
                self._add(event, obj, hook)

    def register_multiple(self, objs: Iterable[object | None]) -> None:
        """Register several objects in their order."""
        for obj in objs:
            self.register(obj)

    def remove(self, obj: object, name: str) -> None:
        """Stop calling one hook of an object.

        Raises:
            ValueError: if there is no such event.
        """
        event = _canonical(name)
        entries = self._entries[event]
        entries[:] = [entry for entry in entries if entry.owner is not obj]
        self._handlers[event][:] = [entry.call for entry in entries]

    def remove_all(self, obj: object) -> None:
        """Stop calling any hook of an object."""
        for event in EVENTS:
            self.remove(obj, event)
        self._registered = [other for other in self._registered if other is not obj]

    def handlers(self, event: str) -> list[Handler]:
        """The live list of what an event calls, in order; empty without listeners."""
        return self._handlers[_canonical(event)]

    def owners(self, event: str) -> list[object]:
        """Whose hooks an event calls, in order."""
        return [entry.owner for entry in self._entries[_canonical(event)]]

    def callback(self, position: str, **kwargs: Any) -> None:
        """Fire an event by name.

        Raises:
            ValueError: if there is no such event.
        """
        for handler in tuple(self.handlers(position)):
            handler(**kwargs)

    def __getattr__(self, name: str) -> Handler:
        if name in _CANONICAL:
            return partial(self.callback, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _add(self, event: str, owner: object, hook: Handler) -> None:
        order = getattr(hook, ORDER_ATTRIBUTE, 0)
        entries = self._entries[event]
        self._count += 1
        entries.append(_Entry(order, self._count, owner, _adapted(owner, event, hook)))
        entries.sort(key=lambda entry: (entry.order, entry.position))
        self._handlers[event][:] = [entry.call for entry in entries]

    def _report_misspelt(self, obj: object) -> None:
        names = {name for cls in type(obj).__mro__ for name in vars(cls)}
        names.update(getattr(obj, "__dict__", {}))
        for name in sorted(names):
            if name.startswith("cb_") and name not in _CANONICAL:
                log.warning(
                    "%s.%s is never called: there is no such event; %s",
                    type(obj).__name__,
                    name,
                    did_you_mean(name, _CANONICAL) or "see autrainer.training.CallbackSignature",
                )


def _canonical(name: str) -> str:
    if name not in _CANONICAL:
        hint = did_you_mean(name, _CANONICAL) or f"events are {', '.join(EVENTS)}"
        raise ConfigError(f"there is no callback event {name!r}; {hint}")
    return _CANONICAL[name]


def _implementations(obj: object, event: str) -> list[Handler]:
    """Bound hooks of an object for an event: its own, or, where chained, the base's before it."""
    for name in (event, FORMER_NAMES.get(event)):
        if name is None:
            continue
        own = getattr(obj, "__dict__", {}).get(name)
        if callable(own):
            return [own]
        found = _chain(obj, name)
        if found:
            return found
    return []


def _chain(obj: object, name: str) -> list[Handler]:
    found: list[Handler] = []
    for cls in type(obj).__mro__:
        hook = vars(cls).get(name)
        # The empty bodies that document the events are not implementations.
        if hook is None or cls in (CallbackSignature, CallbackMixin):
            continue
        found.append(hook.__get__(obj, type(obj)) if hasattr(hook, "__get__") else hook)
        if not getattr(found[-1], CHAIN_ATTRIBUTE, False):
            break
    return found[::-1]


def _adapted(owner: object, event: str, hook: Handler) -> Handler:
    """The hook as the event calls it: checked once, older argument names translated."""
    names = ("trainer", *EVENTS[event])
    try:
        parameters = inspect.signature(hook).parameters.values()
    except (TypeError, ValueError):
        return hook
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return hook
    accepted = {parameter.name for parameter in parameters}
    renamed = "val_results" in accepted and "dev_results" in names
    given = {"val_results" if renamed and name == "dev_results" else name for name in names}
    required = {
        p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_POSITIONAL
    }
    if not given <= accepted or not required <= given:
        raise ConfigError(
            f"{type(owner).__name__}.{getattr(hook, '__name__', event)} takes "
            f"({', '.join(sorted(accepted))}), but is called with "
            f"({', '.join(sorted(given))}), all by keyword"
        )
    if not renamed:
        return hook

    def with_former_name(**kwargs: Any) -> Any:
        kwargs["val_results"] = kwargs.pop("dev_results")
        return hook(**kwargs)

    return with_former_name
