"""A pass by two processes on the CPU beside a loop written by hand with `DistributedDataParallel`.

Both sides are two forked processes that gloo joins; each has half of every batch and keeps nothing.
"""

import os
import traceback

import pytest
import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel

from autrainer.callbacks.dispatch import CallbackManager
from autrainer.data.items import DataBatch
from autrainer.engine.runtime import Runtime
from autrainer.engine.step import DeviceMover, Hooks, MeanLoss, TrainingStep
from autrainer.engine.update import Update
from autrainer.models import FFNN
from autrainer.runs.process.distributed import DistributedCommunicator

PROCESSES, STEPS, BATCH, FEATURES = 2, 200, 64, 64
CPU = torch.device("cpu")
CRITERION = torch.nn.CrossEntropyLoss(reduction="none")


def halves(rank):
    """What a process has of each batch."""
    generator = torch.Generator().manual_seed(1)
    size = BATCH // PROCESSES
    rows = slice(rank * size, (rank + 1) * size)
    features = torch.rand(STEPS, BATCH, FEATURES, generator=generator)[:, rows]
    targets = torch.randint(10, (STEPS, BATCH), generator=generator)[:, rows]
    return [
        DataBatch(one, target, torch.arange(size))
        for one, target in zip(features, targets, strict=True)
    ]


def parts(width):
    torch.manual_seed(1)
    return FFNN(10, FEATURES, width, dropout=0.0)


def optimizer_of(model):
    return torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)


def by_hand(communicator, width):
    """What a user would write."""
    model = DistributedDataParallel(parts(width))
    optimizer = optimizer_of(model)
    given = halves(communicator.process.rank)

    def one_pass():
        for batch in given:
            optimizer.zero_grad()
            CRITERION(model(batch.features), batch.target).mean().backward()
            optimizer.step()

    return one_pass


def autrainer(communicator, width):
    """Our step, which also tells whether a process wants to stop or to keep a state."""
    model, runtime = parts(width), Runtime(CPU, communicator)
    update = Update(optimizer_of(model), runtime=runtime, samples_per_update=BATCH)
    step = TrainingStep(
        update.step,
        model=model,
        criterion=CRITERION,
        probabilities_fn=lambda output: output,
        move=DeviceMover(CPU, non_blocking=False),
        hooks=Hooks(CallbackManager(), None),
        losses=MeanLoss(runtime),
        tracker=None,
        after_update=None,
        check=lambda: None,
        mean_loss=lambda: update.mean_loss,
    )
    given = halves(communicator.process.rank)

    def one_pass():
        for number, batch in enumerate(given):
            step(1, number, batch)
            assert not update.is_asked

    return one_pass


class Pair:
    """Two processes that make a pass whenever they are told."""

    def __init__(self, make, width, folder):
        # No store with a thread: a process that is forked beside one may wait for its locks.
        self.store = str(folder / "store")
        self.pipes = [self.fork(rank, make, width) for rank in range(PROCESSES)]

    def fork(self, rank, make, width):
        theirs, told = os.pipe()
        answers, answer = os.pipe()
        if os.fork() == 0:
            os.close(told)
            self.serve(rank, make, width, theirs, answer)
        os.close(theirs)
        os.close(answer)
        return told, answers

    def serve(self, rank, make, width, told, answer):
        try:
            torch.set_num_threads(1)
            os.environ.update(RANK=str(rank), WORLD_SIZE=str(PROCESSES), LOCAL_RANK=str(rank))
            os.environ.update(LOCAL_WORLD_SIZE=str(PROCESSES), GLOO_SOCKET_IFNAME="lo")
            os.environ.update(MASTER_ADDR="-", MASTER_PORT="0")
            store = torch.distributed.FileStore(self.store, PROCESSES)
            one_pass = make(DistributedCommunicator(store), width)
            while os.read(told, 1):
                one_pass()
                os.write(answer, b".")
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def one_pass(self):
        for told, _ in self.pipes:
            os.write(told, b".")
        for _, answers in self.pipes:
            assert os.read(answers, 1)

    def close(self):
        for told, answers in self.pipes:
            os.close(told)
            os.close(answers)
        for _ in self.pipes:
            os.wait()


@pytest.mark.benchmark(group="ranks: 200 steps by two processes on the CPU, 64 samples each")
@pytest.mark.parametrize("width", [64, 2048])
@pytest.mark.parametrize("make", [by_hand, autrainer])
def test_steps_by_two_processes(benchmark, make, width, tmp_path):
    pair = Pair(make, width, tmp_path)
    benchmark.pedantic(pair.one_pass, rounds=7, iterations=1, warmup_rounds=1)
    pair.close()
