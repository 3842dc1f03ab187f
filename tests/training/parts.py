"""Parts that tests configure by import path, as users do with classes of their own."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from autrainer.callbacks.base import EVENTS
from autrainer.callbacks.dispatch import CallbackMixin
from autrainer.criterions import CrossEntropyLoss
from autrainer.data.items import AbstractDataBatch, AbstractDataItem, DataBatch
from autrainer.datasets import ToyDataset
from autrainer.loggers import AbstractLogger
from autrainer.models import FFNN, AbstractModel
from autrainer.training import ModularTaskTrainer


def note(trainer, *entry):
    """Write into the diary of a trainer."""
    vars(trainer).setdefault("diary", []).append(entry)


def _hook(event):
    def hook(self, trainer, **given):
        note(trainer, type(self).__name__, event, given)

    return hook


Hearing = type("Hearing", (), {event: _hook(event) for event in EVENTS})
"""Notes every event in the diary of the trainer. Inherits from nothing."""


class HearingDataset(Hearing, ToyDataset): ...


class HearingModel(Hearing, FFNN): ...


class HearingOptimizer(Hearing, torch.optim.SGD): ...


class HearingScheduler(Hearing, torch.optim.lr_scheduler.StepLR): ...


class HearingCriterion(Hearing, CrossEntropyLoss): ...


class Ledger(AbstractLogger):
    """Keeps what it is given."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.lines = []
        self.ended = 0

    def log_params(self, params):
        self.lines.append(("params", params))

    def log_metrics(self, metrics, iteration=None):
        self.lines.append(("metrics", metrics, iteration))

    def log_timers(self, timers):
        self.lines.append(("timers", timers))

    def log_artifact(self, filename, path=""):
        self.lines.append(("artifact", filename))

    def end_run(self):
        self.ended += 1


class HearingLogger(Hearing, Ledger): ...


class HearingCallback(Hearing): ...


class SometimesInfinite(CrossEntropyLoss):
    """Has no finite loss for the first batch of every pass of training."""

    calls = 0

    def forward(self, x, y):
        loss = super().forward(x, y)
        if torch.is_grad_enabled():
            self.calls += 1
            loss = loss / (self.calls % 2 == 0)
        return loss


class InfiniteFirst(torch.nn.MSELoss):
    """The same for several targets."""

    calls = 0

    def forward(self, x, y):
        loss = super().forward(x, y.float())
        if torch.is_grad_enabled():
            self.calls += 1
            loss = loss / (self.calls % 2 == 0)
        return loss


class Former:
    """Hears the names of an earlier generation."""

    def cb_on_val_begin(self, trainer, iteration):
        note(trainer, "val_begin", iteration)

    def cb_on_val_end(self, trainer, iteration, val_results):
        note(trainer, "val_end", iteration, sorted(val_results))

    def cb_on_val_step_begin(self, trainer, batch_idx):
        note(trainer, "val_step_begin", batch_idx)

    def cb_on_val_step_end(self, trainer, batch_idx, loss):
        note(trainer, "val_step_end", batch_idx, type(loss))


class Late:
    """Is heard after everything of a smaller order."""

    @CallbackMixin.order(3)
    def cb_on_train_begin(self, trainer):
        note(trainer, "late")


class Early:
    def cb_on_train_begin(self, trainer):
        note(trainer, "early")


class Nested(CallbackMixin):
    """Lives deep inside another part."""

    def cb_on_train_begin(self, trainer):
        note(trainer, "nested")


class NestingDataset(ToyDataset):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = {"deep": [Nested()]}


class StepListener:
    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        note(trainer, "step", loss)


class StepCounter:
    def cb_on_step_begin(self, trainer, iteration, batch_idx):
        note(trainer, "step", iteration, batch_idx)


class Failing:
    """Fails in one event."""

    def __init__(self, event="cb_on_step_end", iteration=2):
        self.iteration = iteration
        setattr(self, event, self.fail)

    def fail(self, **given):
        if given.get("iteration", self.iteration) == self.iteration:
            raise RuntimeError("the callback has failed")


class Greedy:
    """Asks for 256 TiB."""

    def __init__(self, kind):
        self.ask = {"torch": torch.empty, "numpy": np.empty}[kind]

    def cb_on_step_begin(self, trainer, iteration, batch_idx):
        self.ask(2**46)


class StopsTraining:
    """Calls `trainer.stop` in an event, at an iteration if that has one."""

    def __init__(self, event, iteration=None, reason="good enough"):
        self.iteration, self.reason = iteration, reason
        setattr(self, event, self.ask)

    def ask(self, trainer, iteration=None, **given):
        if iteration == self.iteration:
            trainer.stop(self.reason)


class Interrupting:
    """Is Ctrl-C in one event, if `armed` is a file; that is then gone."""

    def __init__(self, event, iteration=None, armed="armed"):
        self.iteration, self.armed = iteration, Path(armed).absolute()
        setattr(self, event, self.interrupt)

    def interrupt(self, trainer, iteration=None, **given):
        if iteration == self.iteration and self.armed.is_file():
            self.armed.unlink()
            raise KeyboardInterrupt


class Journal(AbstractLogger):
    """Appends what it is given to a file. Knows nothing of interruptions."""

    def _write(self, *entry):
        with open("journal.jsonl", "a") as file:
            file.write(json.dumps(entry) + "\n")

    def log_params(self, params):
        self._write("params")

    def log_metrics(self, metrics, iteration=None):
        self._write("metrics", iteration, sorted(metrics))

    def log_timers(self, timers):
        self._write("timers")

    def log_artifact(self, filename, path=""):
        self._write("artifact", filename)


class Blocking:
    """Puts a folder where the run is about to write a file."""

    def cb_on_iteration_begin(self, trainer, iteration):
        path = trainer.output_directory / f"epoch_{iteration}" / "dev.yaml"
        (path / "in the way").mkdir(parents=True)


class Evaluations:
    """Draws random numbers of its own at every evaluation."""

    def cb_on_dev_end(self, trainer, iteration, dev_results):
        torch.rand(7)


class Doubling:
    """Puts another model in place of the one that was built."""

    def cb_on_train_begin(self, trainer):
        trainer.train_step_fn, inner = self.step, trainer.train_step_fn
        self.inner, self.calls = inner, 0

    def step(self, *arguments):
        self.calls += 1
        return self.inner(*arguments)


class WideModel(FFNN):
    """Calculates in float64."""

    def forward(self, features):
        return super().forward(features).double()


class FlatModel(FFNN):
    """Takes features of any number of axes."""

    def forward(self, features):
        return super().forward(features.flatten(1))


@dataclass
class PairedItem(AbstractDataItem):
    other: torch.Tensor = None


@dataclass
class PairedBatch(AbstractDataBatch):
    """A batch with one more field, whose `to` takes a device and nothing else."""

    other: torch.Tensor = None

    def to(self, device):
        self.features = self.features.to(device)
        self.target = self.target.to(device)
        self.other = self.other.to(device)


class _Pairs(torch.utils.data.Dataset):
    def __init__(self, inner):
        self.inner = inner

    def __len__(self):
        return len(self.inner)

    def __getitem__(self, index):
        item = self.inner[index]
        return PairedItem(item.features[:32], item.target, item.index, item.features[32:])


class PairedDataset(ToyDataset):
    """Gives a model the two halves of the features as two inputs."""

    @property
    def default_collate_fn(self):
        return PairedBatch.collate

    def _build_split(self, subset):
        return _Pairs(super()._build_split(subset))


def collate(items):
    return DataBatch.collate(items)


class OwnCollateDataset(ToyDataset):
    """With `num_workers`, its batches come from processes."""

    default_collate_fn = staticmethod(collate)


class OldLoadersDataset(ToyDataset):
    """Makes its train loader by a method that knows none of the newer options."""

    def create_train_loader(self, batch_size, num_workers=0, pin_memory=False, drop_last=False):
        return super().create_train_loader(batch_size, num_workers, pin_memory, drop_last)


class NormedModel(AbstractModel):
    """Normalises over the batch; with `keeps`, by means that it never learns."""

    def __init__(self, output_dim, keeps=False):
        super().__init__(output_dim)
        self.keeps = keeps
        self.norm = torch.nn.BatchNorm1d(64)
        self.out = torch.nn.Linear(64, output_dim)

    def train(self, mode=True):
        super().train(mode)
        if self.keeps:
            self.norm.eval()
        return self

    def forward(self, features):
        return self.out(self.norm(features))

    embeddings = forward


class MaskingModel(AbstractModel):
    """Leaves out what samples were padded with; needs their lengths."""

    def __init__(self, output_dim):
        super().__init__(output_dim)
        self.out = torch.nn.Linear(80, output_dim)

    def forward(self, features, lengths):
        inside = torch.arange(features.shape[-1]) < lengths[:, None]
        return self.out(features * inside)

    embeddings = forward


class PairedModel(AbstractModel):
    """Takes two inputs."""

    def __init__(self, output_dim):
        super().__init__(output_dim)
        self.one = torch.nn.Linear(32, output_dim)
        self.two = torch.nn.Linear(32, output_dim, bias=False)

    def forward(self, features, other):
        return self.one(features) + self.two(other)

    def embeddings(self, features, other):
        return features + other


class HalvingTrainer(ModularTaskTrainer):
    """Trains on the first half of each batch and counts its steps."""

    steps = 0

    def _train_step(self, model, data, criterion, probabilities_fn):
        self.steps += 1
        self.optimizer.zero_grad()
        output = model(data.features)
        loss = criterion(probabilities_fn(output), data.target)
        loss[: len(loss) // 2].mean().backward()
        self.optimizer.step()
        return loss, output


def halving_schedule(optimizer):
    """A function that makes a scheduler."""
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)


class SingleLayer(AbstractModel):
    """One linear layer without a bias."""

    def __init__(self, output_dim, input_size=64):
        super().__init__(output_dim)
        self.input_size = input_size
        self.first = torch.nn.Linear(input_size, 5)
        self.last = torch.nn.Linear(5, output_dim, bias=False)

    def forward(self, features):
        return self.last(self.first(features).relu())

    def embeddings(self, features):
        return self.first(features)


class Clearing:
    """Empties what it is given."""

    def cb_on_dev_end(self, trainer, iteration, dev_results):
        dev_results.clear()


class Starting:
    """Looks at a run whose sibling `short` may be gone on from."""

    @CallbackMixin.order(99)
    def cb_on_train_begin(self, trainer):
        note(trainer, "starts at", trainer.initial_iteration)

    @CallbackMixin.order(99)
    def cb_on_train_end(self, trainer):
        short = trainer.output_directory.with_name("short")
        note(trainer, "short is there", short.exists())


class Misspelt(FFNN):
    def cb_on_epoch_begin(self, trainer, iteration): ...


class Wrong:
    def cb_on_step_end(self, trainer, step): ...


class TorchLoaderDataset(ToyDataset):
    """Has a loader of torch for training."""

    def create_train_loader(self, batch_size):
        return torch.utils.data.DataLoader(
            self.train_dataset, batch_size, collate_fn=DataBatch.collate
        )
