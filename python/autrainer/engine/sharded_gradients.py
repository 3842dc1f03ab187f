"""What the processes of an update exchange where each has a part of every weight."""

from __future__ import annotations

from collections.abc import Callable

import torch

from autrainer.engine.gradient_sum import share_buffers
from autrainer.engine.precision import Precision
from autrainer.engine.runtime import Runtime
from autrainer.engine.sharding import Sharding

NUM, ASKED, FIRST_PARTS = range(3)
"""What is exchanged before an update: number of samples, whether a process has to talk to the
others after it, and for each process the parts that its samples go through the model in."""


class ShardedGradients:
    """Makes the sum that torch computes in the backward pass that over the samples of all.

    Torch gives each process its rows of the mean of the gradients of all processes. So the losses
    of a part are weighted by the share that it has of all samples, times the number of processes,
    before the backward pass. All processes pass as often through the model: those that have fewer
    parts join the others without samples.

    Args:
        sharding: Has divided the model.
        runtime: The other processes.
        precision: The numbers that the model computes with.

    Attributes:
        mean_loss: Mean loss of the samples of the last update, on their device.
        asks: Whether this process has to talk to the others after the update.
        is_asked: Whether one of them has to.
    """

    def __init__(self, sharding: Sharding, runtime: Runtime, precision: Precision) -> None:
        self._sharding, self._runtime, self._precision = sharding, runtime, precision
        self.mean_loss: torch.Tensor | None = None
        self.asks: Callable[[], bool] = lambda: False
        self.is_asked = False
        self._total = 0
        self._tail = torch.zeros(2, dtype=torch.float64)

    def begin(self, num_samples: int, num_parts: int) -> int:
        """Begin an update, or one of its passes.

        Args:
            num_samples: Samples of the update in this process.
            num_parts: Parts that they go through the model in.

        Returns:
            How often this process has to join the others without a sample.
        """
        told = torch.zeros(FIRST_PARTS + self._runtime.world_size, dtype=torch.int64)
        told[NUM], told[ASKED] = num_samples, self.asks()
        told[FIRST_PARTS + self._runtime.rank] = num_parts
        self._total, asked, *parts = self._runtime.reduce(told).tolist()
        self.is_asked = bool(asked)
        return int(max(parts)) - num_parts

    def weight(self, num_samples: int) -> float:
        """What to multiply the gradient of the mean loss of some samples by."""
        return num_samples / self._total * self._runtime.world_size

    def join(self, times: int) -> None:
        """Pass through the model without a sample so often."""
        for _ in range(times):
            self._sharding.join_pass(self._precision, trains=True)

    def finish(self, num_samples: int, loss: torch.Tensor | None, *, skips: bool) -> None:
        """Tell the others what came of this process' samples.

        Args:
            num_samples: Samples of the update in this process.
            loss: Their losses, not reduced, or their mean; None without samples.
            skips: This process wants the batch left out.
        """
        own = torch.zeros(2, dtype=torch.float64, device=self._runtime.device)
        if loss is not None and loss.numel():
            own[0] = loss.detach().mean() * num_samples
        own[1] = skips
        self._tail = self._runtime.reduce(own)
        self.mean_loss = self._tail[0] / self._total

    @property
    def is_skipped(self) -> bool:
        """Whether any process wants the batch left out. Waits for the device."""
        return bool(self._tail[1].item())

    def share_buffers(self, *modules: torch.nn.Module) -> None:
        """Give the buffers of modules in all processes the values of those of the main one."""
        share_buffers(self._runtime.communicator, *modules)
