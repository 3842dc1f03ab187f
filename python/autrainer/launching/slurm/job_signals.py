"""What signals mean to a job of SLURM: stop the run, keep its state, and then requeue or end."""

from __future__ import annotations

import logging
import os
import signal
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

from autrainer.runs.process.signals import Requests
from autrainer.runs.process.time_limit import TIME_LIMIT

if TYPE_CHECKING:
    from autrainer.callbacks.base import TrainerView

log = logging.getLogger(__name__)

WARNING_NAME = "SUBMITIT_PREEMPT_SIGNAL"
"""Variable that names the signal by which SLURM warns a job of submitit; by default `USR2`."""

WAIT_FOR_END_S = 600.0
"""How long a job whose run has stopped waits to be ended by SLURM, who may requeue it itself."""
POLL_S = 0.5


class JobSignals:
    """Takes signals of a job while the block lasts; a listener of its runs too.

    SLURM warns before a job's time is up, and some clusters before it is preempted: the run stops
    and keeps its state, and submitit requeues the job. A SIGTERM comes where a job is preempted
    without warning, and where it is cancelled. The run stops likewise, but the job only waits:
    what is preempted SLURM itself requeues, unless it has ended by then, and what is cancelled must
    not come back.

    Attributes:
        asked_by: The signal that has asked, `TIME_LIMIT`, or 0.
    """

    def __init__(self) -> None:
        self.asked_by = 0
        name = os.environ.get(WARNING_NAME, "USR2")
        self._warning = signal.Signals[f"SIG{name}"]
        self._before: dict[int, Any] = {}

    @property
    def is_asked(self) -> bool:
        """Whether the job is to end."""
        return self.asked_by != 0

    def take(self, number: int) -> None:
        """The run that was at work has been stopped, by this signal or by the clock."""
        if not self.asked_by:
            self.asked_by = number

    def cb_on_train_begin(self, trainer: TrainerView) -> None:
        """A run listens to requests from now on: one that came before is handed on."""
        if self.is_asked:
            _stop_run()

    def requeue_or_end(self) -> None:
        """End the job in the way that fits who has asked.

        Raises:
            SystemExit: at the end.
        """
        if self.asked_by == signal.SIGTERM:
            log.info("Asked to end: the state is kept. Waiting to be ended, or warned, by SLURM")
            self._wait_for_warning()
        if self.asked_by in (self._warning, TIME_LIMIT):
            # submitit's handler writes down what is left to do, requeues the job and exits.
            self._before[self._warning](self._warning, None)
        raise SystemExit(128 + self.asked_by)

    def _wait_for_warning(self) -> None:
        until_s = time.monotonic() + WAIT_FOR_END_S
        while self.asked_by == signal.SIGTERM and time.monotonic() < until_s:
            time.sleep(POLL_S)

    def _on_warning(self, number: int, frame: FrameType | None) -> None:
        # It counts more than a SIGTERM: it asks for the job to be requeued.
        self.asked_by = number
        _stop_run()

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.take(number)

    def __enter__(self) -> JobSignals:
        handlers = {self._warning: self._on_warning, signal.SIGTERM: self._on_stop}
        self._before = {int(each): signal.signal(each, how) for each, how in handlers.items()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _stop_run() -> None:
    """Ask the run that trains in this process to stop, if one does and has not been asked."""
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if isinstance(owner, Requests) and owner.stop is None:
        owner.on_stop(signal.SIGTERM, None)
