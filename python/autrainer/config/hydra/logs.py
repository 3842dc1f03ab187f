"""Loggers of a process, as they were before Hydra configured them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def loggers_kept() -> Iterator[None]:
    """Within the block logging may be configured; afterwards handlers and levels are as before.

    What is configured within the block is closed at its end. Handlers of before stay open: Python
    closes all that it knows of when logging is configured, so they are kept from its sight.
    """
    root, manager = logging.getLogger(), logging.root.manager
    handlers, level, disabled = list(root.handlers), root.level, manager.disable
    silent = {name for name, logger in _loggers() if logger.disabled}
    order, by_name = _known_handlers()
    known, named = list(order), dict(by_name)
    del order[:]
    by_name.clear()
    try:
        yield
    finally:
        for handler in root.handlers:
            if handler not in handlers:
                handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        manager.disable = disabled
        # A configuration may disable all loggers that are there.
        for name, logger in _loggers():
            logger.disabled = name in silent
        order[:0] = known
        by_name.update(named)


def _loggers() -> list[tuple[str, logging.Logger]]:
    found = logging.root.manager.loggerDict.items()
    return [(name, logger) for name, logger in found if isinstance(logger, logging.Logger)]


def _known_handlers() -> tuple[list[Any], Any]:
    """The handlers that Python closes: in their order, and those with a name."""
    # Private in `logging`, and there since Python 2.7.
    return logging._handlerList, logging._handlers  # type: ignore[attr-defined]
