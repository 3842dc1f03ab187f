"""Progress bars, on stderr or in a notebook, which end nothing if they cannot be shown."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from autrainer.runs.process.notebook import in_notebook
from autrainer.runs.process.streams import lenient


def new_bar(**options: Any) -> Any:
    """A bar of tqdm on stderr; in a notebook with ipywidgets a bar of the notebook.

    It must not raise an error: tqdm would keep a lock that all bars of the process share, and the
    next bar of another thread would wait for it for ever.

    Args:
        options: Those of `tqdm.tqdm`. With `disable=None` nothing is shown where nobody watches:
            in the file that stderr may go to.
    """
    if in_notebook():
        options["disable"] = bool(options.get("disable"))
    return _bar_class()(file=lenient(sys.stderr), **options)


def is_watched() -> bool:
    """Whether bars are painted over: on a terminal, or in a notebook."""
    return in_notebook() or lenient(sys.stderr).isatty()


@cache
def _bar_class() -> Any:
    """A bar without its monitor, a thread that would outlive what it shows and its forks."""
    return type("Bar", (_notebook_class() or _terminal_class(),), {"monitor_interval": 0})


def _terminal_class() -> Any:
    from tqdm import tqdm

    return tqdm


def _notebook_class() -> Any:
    """The bar of a notebook; None where there is no notebook, or none that shows widgets."""
    if not in_notebook():
        return None
    try:
        import ipywidgets  # noqa: F401, tqdm would only find out when the first bar is made
        from tqdm.notebook import tqdm_notebook
    except ImportError:
        return None
    return tqdm_notebook
