"""Callbacks and parts of runs of several processes."""

import os
import signal
import time
from pathlib import Path

import torch

from autrainer.criterions import CrossEntropyLoss
from autrainer.datasets import ToyDataset


class OnAll:
    """Does something once in one process of a run, at a step; a file tells that it was done."""

    on_all_ranks = True

    def __init__(self, what, rank, iteration, mark="done"):
        self.what, self.rank, self.iteration = what, rank, iteration
        self.mark = Path(mark).absolute()

    def cb_on_step_begin(self, trainer, iteration, batch_idx):
        is_here = (trainer.runtime.rank, iteration) == (self.rank, self.iteration)
        if is_here and batch_idx == 1 and not self.mark.exists():
            self.mark.touch()
            getattr(self, self.what)(trainer)

    def kill(self, trainer):
        os.kill(os.getpid(), signal.SIGKILL)

    def freeze(self, trainer):
        os.kill(os.getpid(), signal.SIGSTOP)

    def fail(self, trainer):
        raise ValueError("the callback has failed")

    def stop_launcher(self, trainer):
        os.kill(os.getppid(), signal.SIGTERM)
        while trainer.resumption._requests.stop is None:
            time.sleep(0.01)

    def stop(self, trainer):
        os.kill(os.getpid(), signal.SIGTERM)

    def change(self, trainer):
        next(trainer.model.parameters()).data.add_(1)


class Counting:
    """Writes a line for each process that it is in, and asks to stop at a step."""

    def __init__(self, stop_at=None):
        self.stop_at = stop_at

    def cb_on_train_begin(self, trainer):
        with open(f"{type(self).__name__}.txt", "a") as file:
            file.write(f"{trainer.runtime.rank}\n")

    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        if iteration == self.stop_at:
            trainer.stop("enough")


class CountingOnAll(Counting):
    on_all_ranks = True


class FailingInOne(ToyDataset):
    """Cannot be made in one process."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        if os.environ.get("RANK") == "1":
            raise ValueError("no data here")


class InfiniteInOne(CrossEntropyLoss):
    """Has an infinite loss in one process, for the last sample of the first batch."""

    calls = 0

    def forward(self, x, y):
        loss = super().forward(x, y)
        if torch.is_grad_enabled():
            self.calls += 1
            if self.calls == 1 and os.environ.get("RANK") == "1":
                loss = loss / (torch.arange(len(loss)) < len(loss) - 1)
        return loss
