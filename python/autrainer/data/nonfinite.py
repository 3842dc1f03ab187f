"""Features that are NaN or infinite: an error, a warning, or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch

from autrainer.data.native.decode import first_nonfinite
from autrainer.errors import DataError

log = logging.getLogger(__name__)


class FiniteCheck:
    """Looks at features as they come, before any transform.

    Args:
        policy: `error`, `warn` (once, of the first sample) or `ignore`.
        name: Whose features these are, for messages.
    """

    def __init__(self, policy: str, name: str) -> None:
        self.policy = policy
        self.name = name
        self._has_warned = False

    @property
    def is_active(self) -> bool:
        """Whether anything is looked at."""
        return self.policy == "error" or (self.policy == "warn" and not self._has_warned)

    def report(self, sample: str) -> None:
        """Raise or warn, as the policy says, about a sample that is not finite.

        Raises:
            DataError: if that is an error.
        """
        text = f"{sample}: expected finite features, found NaN or infinite ones"
        if self.policy == "error":
            raise DataError(
                f"{text}; repair the data, or set the option nonfinite of the {self.name} loader "
                "to 'warn' or 'ignore'"
            )
        if not self._has_warned:
            self._has_warned = True
            log.warning("%s (%s loader; further samples are not reported)", text, self.name)

    def inspect(self, features: Any, describe: Callable[[int], str]) -> None:
        """Look at the features of several samples.

        Args:
            features: First axis the samples; what is no array of numbers is passed over.
            describe: Names the sample at a position of that axis.

        Raises:
            DataError: if one is not finite and that is an error.
        """
        if not self.is_active:
            return
        array = _as_array(features)
        if array is None or array.size == 0:
            return
        element = first_nonfinite(array)
        if element is not None:
            self.report(describe(element // (array.size // len(array))))


def _as_array(features: Any) -> np.ndarray[Any, Any] | None:
    if isinstance(features, torch.Tensor):
        if not (features.is_floating_point() or features.is_complex()):
            return None
        try:
            features = features.detach().numpy()
        except (TypeError, RuntimeError):
            return None
    if not isinstance(features, np.ndarray) or features.dtype.kind not in "fc":
        return None
    return np.ascontiguousarray(features)


_check: ContextVar[FiniteCheck | None] = ContextVar("finite_check", default=None)


@contextmanager
def raw_features_checked_by(check: FiniteCheck) -> Iterator[None]:
    """Within the block, in this thread, datasets let a check look at what they load."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def inspect_raw_features(features: Any, describe: Callable[[], str]) -> None:
    """Check the features of one sample, if the loader that asks for it checks features."""
    check = _check.get()
    if check is not None and check.is_active and isinstance(features, (torch.Tensor, np.ndarray)):
        check.inspect(features[None], lambda _position: describe())
