"""Memory of each process that trains a model of 192 MB: `python FILE ddp|fsdp [PROCESSES]`.

Freed memory goes back to the system only where glibc maps each tensor by itself: set
`MALLOC_MMAP_THRESHOLD_=1000000`. Without it the peak is that of what malloc holds on to.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.distributed
import torch.distributed.fsdp

from autrainer.engine.precision import Precision
from autrainer.engine.runtime import Runtime
from autrainer.engine.sharding import Sharding
from autrainer.engine.update import Limits, Update
from autrainer.runs.process.distributed import DistributedCommunicator

WIDTH, LAYERS, SAMPLES, STEPS = 2048, 12, 8, 5
MIB = 2**20


class Net(torch.nn.Module):
    """Linear layers, one behind the other."""

    def __init__(self):
        super().__init__()
        layers = (torch.nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS))
        self.blocks = torch.nn.Sequential(*layers)

    def forward(self, features):
        return self.blocks(features)

    def select_inputs(self, batch):
        return {"features": batch.features}


def resident(key):
    """A figure of `/proc/self/status`, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1024


def held(tensors):
    """MiB of the rows of some tensors that this process has."""
    own = (each.to_local() if hasattr(each, "to_local") else each for each in tensors)
    return sum(each.nbytes for each in own) / MIB


def train(strategy, rank, world_size, folder):
    """Train a few steps in one process, and print what they took."""
    torch.set_num_threads(1)
    places = {"RANK": rank, "WORLD_SIZE": world_size, "MASTER_ADDR": "-", "MASTER_PORT": 0}
    places |= {"LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": world_size}
    os.environ.update({name: str(value) for name, value in places.items()})
    store = torch.distributed.FileStore(f"{folder}/store", world_size)
    communicator = DistributedCommunicator(store)
    runtime, before = Runtime(torch.device("cpu"), communicator), resident("VmRSS")
    sharding = Sharding(runtime) if strategy == "fsdp" else None
    model = Net()
    if sharding is not None:
        sharding.divide(model)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    update = Update(optimizer, Precision(), Limits(), runtime, sharding=sharding)
    # The highest mark is that of the training alone.
    Path("/proc/self/clear_refs").write_text("5")
    for _ in range(STEPS):
        features, target = torch.randn(2, SAMPLES, WIDTH)
        batch = SimpleNamespace(features=features, target=target, index=torch.arange(SAMPLES))
        update.step(model, batch, lambda a, b: (a - b).square().mean(1), lambda output: output)
    peak = resident("VmHWM") - before
    parameters = [*model.parameters()]
    moments = [each for entry in optimizer.state.values() for each in entry.values()]
    sizes = [*map(held, (parameters, [p.grad for p in parameters], moments))]
    told = (
        f"{strategy}, rank {rank}: parameters {sizes[0]:.0f}, gradients {sizes[1]:.0f}, Adam "
        f"{sizes[2]:.0f}, in all {sum(sizes):.0f} MiB; peak of the process {peak:.0f} MiB"
    )
    if communicator.process.is_main:
        print("\n".join(communicator.gather(told)))
    else:
        communicator.gather(told)
    communicator.close()


def main(strategy, world_size="2"):
    """Fork the processes, and wait for them."""
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for rank in range(int(world_size)):
            if not (child := os.fork()):
                code = 1
                try:
                    train(strategy, rank, int(world_size), folder)
                    code = 0
                finally:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(code)
            children.append(child)
        return max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
