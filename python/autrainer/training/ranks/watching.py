"""Watches the processes of a run until all of them have ended; none is waited for in vain."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from autrainer.runs.process.signals import Requests

POLL_S = 0.1
"""How often is looked."""


@dataclass(frozen=True)
class Patience:
    """How long is waited for what, in seconds.

    Args:
        silence_s: For a sign of life; a process that is stopped or frozen gives none.
        farewell_s: For the others, when one has failed or was killed.
        saving_s: For all of them to keep their state, when they were asked to stop.
    """

    silence_s: float = 60.0
    farewell_s: float = 15.0
    saving_s: float = 300.0


class Child(Protocol):
    """A process that was started here."""

    @property
    def pid(self) -> int:
        """Its id."""

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""

    def send_signal(self, number: int) -> None:
        """Send it a signal."""


@dataclass
class Watched:
    """A process, as far as it is watched.

    Args:
        child: The process.
        signs: Descriptor of the pipe that its signs of life come from.
        heard_s: When the last one came.
        is_silent: Whether it was ended because none came.
        is_killed: Whether it was ended here.
    """

    child: Child
    signs: int
    heard_s: float = field(default_factory=time.monotonic)
    is_silent: bool = False
    is_killed: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing to watch any more."""
        return self.child.poll() is not None

    def hear(self) -> None:
        """Take the signs that have come."""
        try:
            heard = os.read(self.signs, 1 << 16)
        except BlockingIOError:
            return
        if heard:
            self.heard_s = time.monotonic()

    def kill(self) -> None:
        """End it at once."""
        self.is_killed = True
        self.child.send_signal(signal.SIGKILL)


class Watch:
    """Waits for the processes of a run.

    Args:
        watched: The processes, by rank.
        requests: What this process is asked for, and hands on.
        patience: How long is waited.
    """

    def __init__(self, watched: Sequence[Watched], requests: Requests, patience: Patience) -> None:
        self._watched, self._requests, self._patience = watched, requests, patience
        self._deadline_s: float | None = None
        self._has_asked = False
        self._looked_s = time.monotonic()

    def wait(self) -> None:
        """Return when all of them have ended."""
        poll: Any = select.poll()
        for each in self._watched:
            os.set_blocking(each.signs, False)
            poll.register(each.signs, select.POLLIN)
        while any(not each.has_ended for each in self._watched):
            # The end of a pipe is always ready: then there is nothing to wait for but the end.
            if any(event & select.POLLHUP for _, event in poll.poll(POLL_S * 1000)):
                time.sleep(POLL_S)
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_s > self._patience.silence_s / 2:
            # It is this process that was stopped.
            for each in self._watched:
                each.heard_s = now
        self._looked_s = now
        for each in self._watched:
            each.hear()
            if not each.has_ended and now - each.heard_s > self._patience.silence_s:
                each.is_silent = True
                each.kill()
        self._hand_on()
        codes = [each.child.poll() for each in self._watched]
        if any(code not in (None, 0) for code in codes):
            is_stopping = any(code is not None and code > 128 for code in codes)
            patience = self._patience
            self._hurry(patience.saving_s if is_stopping else patience.farewell_s)
        if self._deadline_s is not None and now > self._deadline_s:
            self._kill_all()

    def _hand_on(self) -> None:
        """Hand on what this process was asked for."""
        requests = self._requests
        if requests.save:
            requests.save = False
            self._signal_all(signal.SIGUSR1)
        if requests.stop is not None and not self._has_asked:
            self._has_asked = True
            # Not what a terminal sends, to which each of them would answer there.
            self._signal_all(signal.SIGTERM)
            self._hurry(self._patience.saving_s)

    def _hurry(self, within_s: float) -> None:
        if self._deadline_s is None:
            self._deadline_s = time.monotonic() + within_s

    def _signal_all(self, number: int) -> None:
        for each in self._watched:
            if not each.has_ended:
                each.child.send_signal(number)

    def _kill_all(self) -> None:
        for each in self._watched:
            if not each.has_ended:
                each.kill()

    def give_up(self) -> None:
        """End all of them at once, and wait until they are gone."""
        self._kill_all()
        while any(not each.has_ended for each in self._watched):
            time.sleep(0.01)
