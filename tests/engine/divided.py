"""Updates of a model that forked processes divide by gloo, beside those of one process."""

import os
import traceback
from types import SimpleNamespace

import torch
import torch.distributed

from autrainer.engine.precision import Precision
from autrainer.engine.runtime import Runtime
from autrainer.engine.sharding import Sharding, is_divided
from autrainer.engine.update import Limits, Update
from autrainer.engine.weight_average import EMAOptions, ExponentialAverage, IterationAverage
from autrainer.optimizers.sam import SAM
from autrainer.runs.process.communicator import ALONE
from autrainer.runs.process.distributed import DistributedCommunicator
from tests.engine.batches import batches, criterion

CPU = torch.device("cpu")
SIZES = (7, 1, 5, 2)
CASES = {
    "SGD": (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.1), Limits()),
    "parts": (lambda p: torch.optim.SGD(p, 0.1), Limits(micro_batch_size=2)),
    "AdamW": (lambda p: torch.optim.AdamW(p, 0.01, fused=True), Limits(micro_batch_size=1)),
    "norm": (lambda p: torch.optim.SGD(p, 0.1), Limits(2, max_grad_norm=0.05)),
    "value": (lambda p: torch.optim.SGD(p, 0.1), Limits(max_grad_value=0.01)),
    "SAM": (lambda p: SAM(p, torch.optim.SGD, rho=0.1, lr=0.1, adaptive=True), Limits(2, 0.1)),
}


class Net(torch.nn.Module):
    """Layers that do not divide evenly, one that nobody uses, one that is frozen."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        layers = torch.nn.Linear(3, 5), torch.nn.Linear(5, 2), torch.nn.Linear(2, 2)
        self.blocks, self.unused = torch.nn.Sequential(*layers[:2]), layers[2]
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.blocks[0].bias.requires_grad_(False)
        self.double()

    def forward(self, features):
        return self.blocks(features.tanh()) * self.scale

    def select_inputs(self, batch):
        return {"features": batch.features}


def trained(communicator, case):
    """The state after an update with each batch."""
    make, limits = CASES[case]
    model, runtime, sharding = Net(), Runtime(CPU, communicator), None
    averages = ExponentialAverage(model, EMAOptions(0.5)), IterationAverage(model, 2)
    if communicator is not ALONE:
        sharding = Sharding(runtime, ["blocks.*"])
        sharding.divide(model)
        for average in averages:
            average.divide(sharding)
        sharding.example = next(batches((1,)))
    optimizer = make(model.parameters())
    if sharding is not None:
        sharding.follow(optimizer)
        assert all(map(is_divided, model.parameters()))
    update = Update(optimizer, Precision(), limits, runtime, sharding=sharding)
    found = []
    for number, batch in enumerate(batches(SIZES)):
        rows = slice(*communicator.process.share(len(batch.index)))
        own = {name: value[rows] for name, value in vars(batch).items()}
        if len(own["index"]):
            loss, _ = update.step(model, SimpleNamespace(**own), criterion, lambda output: output)
        else:
            update.join(model, criterion)
        averages[0].after_update(model)
        averages[1].after_iteration(number, model)
        found.append((loss.mean() if update.mean_loss is None else update.mean_loss).detach())
        if limits.max_grad_norm is not None:
            found.append(update.gradient_norm)
    moments = optimizer.state_dict()["state"]
    found += [moments[key][name] for key in sorted(moments) for name in sorted(moments[key])]
    found += [value for each in averages for value in each.model.state_dict().values()]
    found += [passed(each.model, sharding) for each in averages]
    return [*model.state_dict().values(), *(x for x in found if isinstance(x, torch.Tensor))]


def passed(model, sharding):
    """What a model says of a batch, of which the main process alone has samples."""
    (batch,) = batches((3,))
    with torch.no_grad():
        if sharding is None or os.environ["RANK"] == "0":
            return model(batch.features)
        sharding.join_pass(Precision(), model)
    return torch.zeros(3, 2)


def furthest(world_size, folder):
    """For each case the largest difference between processes and one of them."""
    children = [_fork(rank, world_size, folder) for rank in range(world_size)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * world_size
    found = torch.load(f"{folder}/found.pt")
    differences = {}
    for case in CASES:
        pairs = zip(found[case], trained(ALONE, case), strict=True)
        differences[case] = max(float((one - other).abs().max()) for one, other in pairs)
    return differences


def _fork(rank, world_size, folder):
    if child := os.fork():
        return child
    code = 1
    try:
        os.environ.update(RANK=str(rank), WORLD_SIZE=str(world_size), LOCAL_RANK=str(rank))
        os.environ.update(LOCAL_WORLD_SIZE=str(world_size), MASTER_ADDR="-", MASTER_PORT="0")
        store = torch.distributed.FileStore(f"{folder}/store", world_size)
        communicator = DistributedCommunicator(store)
        found = {case: trained(communicator, case) for case in CASES}
        if rank == 0:
            torch.save(found, f"{folder}/found.pt")
        communicator.gather(None)
        communicator.close()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
