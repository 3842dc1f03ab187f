"""Ending a run before its last iteration, because a callback asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.engine.runtime import Runtime


@dataclass
class StopRequest:
    """Whether a run is to end with the iteration that is in progress.

    Attributes:
        reason: Why; None as long as nobody has asked.
    """

    reason: str | None = None

    @property
    def is_made(self) -> bool:
        """Whether somebody has asked."""
        return self.reason is not None

    def make(self, reason: str) -> None:
        """Ask for it; who asks first gives the reason."""
        if self.reason is None:
            self.reason = reason

    def agree(self, runtime: Runtime) -> bool:
        """Whether somebody has asked in any process of the run; all of them call this."""
        if runtime.process.is_alone or not any(runtime.any(self.is_made)):
            return self.is_made
        for reason in runtime.gather(self.reason):
            if reason is not None:
                self.make(reason)
                break
        return True

    def restore(self, reason: object) -> None:
        """Take back what a state has kept.

        Raises:
            TypeError: unless it is a reason or None.
        """
        if not isinstance(reason, str | None):
            raise TypeError(f"stop is of type {type(reason).__name__}, expected str")
        if reason is not None:
            self.make(reason)
