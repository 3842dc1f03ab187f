"""Progress bars on stderr, which cost next to nothing per step and end no run."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from autrainer.runs.process.bars import is_watched, new_bar


class Progress:
    """A bar over a known number of batches; nothing at all if it is disabled.

    Args:
        title: What is being worked on, such as `Train`.
        total: Number of batches.
        disabled: Show nothing and import nothing.
    """

    def __init__(self, title: str, total: int, *, disabled: bool) -> None:
        self._bar: Any = None
        self.advance: Callable[[], object] = _nothing
        if not disabled:
            # Looks at the clock at every update: that is what tqdm's thread is otherwise for.
            options: dict[str, Any] = {"leave": False, "dynamic_ncols": True, "miniters": 1}
            # A log file keeps every state of a bar that a terminal paints over.
            wait_s = 0.1 if is_watched() else 30.0
            options |= {"delay": wait_s, "mininterval": wait_s}
            self._bar = new_bar(total=total, desc=title, **options)
            self.advance = self._bar.update

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            self.advance = _nothing

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _nothing() -> None:
    """Default update: no bar is shown."""
