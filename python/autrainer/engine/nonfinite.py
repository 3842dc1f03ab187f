"""Losses that are NaN or infinite: found at their step, with the samples that gave them."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from autrainer.engine.interfaces import Batch
from autrainer.engine.runtime import Runtime
from autrainer.errors import NonFiniteLossError

log = logging.getLogger(__name__)

LOOK_EVERY = 50
"""Steps between two looks at the losses on a device that would have to be waited for."""

SHOWN = 10


@dataclass
class _Seen:
    total: torch.Tensor
    losses: torch.Tensor
    indices: torch.Tensor | None
    where: str


class LossGuard:
    """Looks at the losses of training.

    On the CPU every loss is looked at when it is there; on a device that would have to be waited
    for, `LOOK_EVERY` of them at once.

    Args:
        policy: `error`, `skip` or `ignore`.
        training_type: What an iteration is, for messages.
        device: Where losses are.
        places: Says where the training samples with some indices are listed; "" if nowhere.
        runtime: The other processes, which leave out the same batches; None for none.
    """

    def __init__(
        self,
        policy: str,
        training_type: str,
        device: torch.device,
        places: Callable[[Sequence[int]], str] = lambda indices: "",
        runtime: Runtime | None = None,
    ) -> None:
        self._runtime = runtime or Runtime(device)
        self.policy = policy
        self._places = places
        self._training_type = training_type
        self._looks_every = 1 if device.type == "cpu" else LOOK_EVERY
        self._seen: list[_Seen] = []

    def look(
        self,
        total: torch.Tensor,
        losses: torch.Tensor,
        batch: Batch,
        iteration: int,
        batch_idx: int,
    ) -> None:
        """Look at the losses of a batch that has been trained on.

        Args:
            total: Their sum.
            losses: The unreduced losses, shape (B,) or (B, T).
            batch: The batch.
            iteration: The epoch or step.
            batch_idx: Number of the batch in its pass or period.

        Raises:
            NonFiniteLossError: naming step and samples, if one of the last losses is not finite.
        """
        if self.policy == "ignore":
            return
        if self._looks_every == 1 and math.isfinite(total.item()):
            return
        where = f"{self._training_type} {iteration}, batch {batch_idx}"
        self._seen.append(_Seen(total, losses, getattr(batch, "index", None), where))
        if len(self._seen) >= self._looks_every:
            self.flush()

    def flush(self) -> None:
        """Look at all losses that have not been looked at.

        Raises:
            NonFiniteLossError: as `look`.
        """
        seen, self._seen = self._seen, []
        if not seen:
            return
        finite = torch.stack([each.total for each in seen]).isfinite().tolist()
        if not all(finite):
            first = seen[finite.index(False)]
            hint = (
                "on_nonfinite: skip cannot undo the step of this optimizer"
                if self.policy == "skip"
                else "on_nonfinite: skip leaves such batches out, ignore trains on"
            )
            samples = self._samples(first.losses, first.indices)
            raise NonFiniteLossError(
                f"the loss is not finite in {first.where}: {samples}; a lower learning_rate "
                f"or clean features may help; {hint}"
            )

    def report_skipped(
        self, losses: torch.Tensor, batch: Batch | None, iteration: int, batch_idx: int
    ) -> None:
        """Warn that a batch has been left out; all processes of the run call this."""
        is_finite = bool(losses.isfinite().all().item())
        told = "" if is_finite else self._samples(losses, getattr(batch, "index", None))
        found = [each for each in self._runtime.gather(told) if each]
        if not self._runtime.is_main:
            return
        log.warning(
            "Skipped %s %d, batch %d: the loss is not finite: %s",
            self._training_type,
            iteration,
            batch_idx,
            "; ".join(found),
        )

    def _samples(self, losses: torch.Tensor, indices: torch.Tensor | None) -> str:
        """Which samples have a loss that is not finite, and what it is."""
        rows = losses.reshape(len(losses), -1) if losses.ndim else losses.reshape(1, 1)
        bad = (~rows.isfinite()).any(dim=1).nonzero().flatten().tolist()
        if indices is None or losses.ndim == 0 or len(indices) != len(rows):
            return f"{len(bad)} of {len(rows)} losses"
        found = [int(indices[row]) for row in bad]
        more = f" and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        places = self._places(found)
        where = f"; {places}" if places else ""
        return (
            f"that of the training samples with index {', '.join(map(str, found[:SHOWN]))}{more} "
            f"({len(bad)} of {len(rows)}{where})"
        )
