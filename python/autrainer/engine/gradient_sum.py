"""Gradients of an update, summed over the processes that train a run together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

from autrainer.errors import ConfigError
from autrainer.runs.process.communicator import Communicator, Pending

BUCKET_BYTES = 25 * 1024**2
"""Gradients that travel together, as in torch's `DistributedDataParallel`."""

NUM, SKIPPED, LOSS, ASKED, FIRST_PRESENT = range(5)
"""What stands behind the gradients of the last bucket: number of samples, whether a process wants
the batch left out, the sum of the losses, whether a process has to talk to the others after the
update, and for each parameter whether there is a gradient."""

LARGE = 4096
"""Mean size of the gradients of a bucket from which on a call for each costs less than to read all
of them twice."""

_WIDE = (torch.float32, torch.float64)


class GradientSum:
    """Makes the gradients of one process those of the samples of all of them.

    Each process has the gradient of the mean loss over its own samples. They are weighted by the
    share of these samples, and summed; so it does not matter how the samples are divided, and a
    process may have none. `DistributedDataParallel` would average over processes, wait for one
    without samples, and wrap the model.

    How many samples all processes have is known when the sums are there. Until then it is taken to
    be `num_expected`; where it is not, as in the last batch of a pass, the sums are multiplied by
    what they are off.

    Gradients travel in buckets. While the last backward pass of an update goes on, those buckets
    that are complete are on their way; what is there when it ends is sent then. The order of
    buckets is the same everywhere, whatever the order in which gradients come.

    Args:
        optimizer: Its parameters are looked at in each update.
        communicator: Joins the processes.
        num_expected: Samples of an update in all processes; the same number in each of them.
        bucket_bytes: Size of a bucket.
        sends_early: Send buckets during the backward pass; not where that exchanges something too.

    Attributes:
        mean_loss: Mean loss of the samples of the last update, on their device.
        asks: Whether this process has to talk to the others after the update.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        communicator: Communicator,
        num_expected: int = 1,
        bucket_bytes: int = BUCKET_BYTES,
        *,
        sends_early: bool = True,
    ) -> None:
        self._optimizer, self._communicator = optimizer, communicator
        self._num_expected = num_expected
        self._bucket_bytes, self._sends_early = bucket_bytes, sends_early
        self._parameters: list[torch.nn.Parameter] = []
        self._buckets: list[_Bucket] = []
        self._hooks: list[RemovableHandle] = []
        self._places: dict[torch.Tensor, _Bucket] = {}
        self._pending: list[Pending] = []
        self._watched: int | None = None
        self.mean_loss: torch.Tensor | None = None
        self.asks: Callable[[], bool] = lambda: False

    def begin(self) -> None:
        """Begin an update, or one of its passes: look which parameters there are."""
        groups = self._optimizer.param_groups
        parameters = [p for group in groups for p in group["params"]]
        self._pending, self._watched = [], None
        for bucket in self._buckets:
            bucket.num_awaited = bucket.num_watched
        if [*map(id, parameters)] != [*map(id, self._parameters)]:
            self._arrange(parameters)

    def watch(self, num_samples: int) -> None:
        """The backward pass to come is the last one: send gradients as soon as they are there.

        Args:
            num_samples: Samples of the update in this process.
        """
        self._watched = num_samples if self._sends_early else None

    def finish(self, num_samples: int, loss: torch.Tensor | None, *, skips: bool = False) -> None:
        """Put the gradients of all samples in place of those of this process.

        Args:
            num_samples: Samples of the update in this process.
            loss: Their losses, not reduced, or their mean; None without samples.
            skips: This process wants the batch left out.
        """
        self._watched = None
        last = self._buckets[-1]
        with torch.no_grad():
            last.write_tail(num_samples, loss, skips, self.asks(), self._parameters)
            for bucket in self._buckets[len(self._pending) :]:
                self._send(bucket, num_samples)
            for pending in self._pending:
                pending.wait()
            total = last.number(NUM)
            self.mean_loss = last.tail[LOSS] / total
            absent = self._absent(last.tail)
            for bucket in self._buckets:
                bucket.give_back(self._num_expected / total, absent)

    @property
    def is_asked(self) -> bool:
        """Whether a process has to talk to the others now; where nobody knows, it may be so.

        On a device that would have to be waited for, it is cheaper to ask the processes.
        """
        numbers = self._buckets[-1].numbers if self._buckets else None
        return numbers is None or bool(numbers[ASKED])

    @property
    def is_skipped(self) -> bool:
        """Whether any process wants the batch left out. Waits for the device."""
        return bool(self._buckets[-1].tail[SKIPPED].item())

    def share_buffers(self, *modules: torch.nn.Module) -> None:
        """Give the buffers of modules in all processes the values of those of the main one."""
        share_buffers(self._communicator, *modules)

    def _arrange(self, parameters: list[torch.nn.Parameter]) -> None:
        """Divide parameters into buckets: those of the last layers, whose gradients come first."""
        for hook in self._hooks:
            hook.remove()
        self._parameters = parameters
        self._buckets = list(_buckets(reversed(parameters), self._bucket_bytes))
        if not self._buckets or self._buckets[-1].flat.dtype not in _WIDE:
            # Numbers of samples are more than 16 bits can count.
            device = self._buckets[-1].flat.device if self._buckets else torch.device("cpu")
            self._buckets.append(_Bucket([], torch.float32, device))
        self._buckets[-1].add_tail(FIRST_PRESENT + len(parameters))
        self._places, self._hooks = {}, []
        for bucket in self._buckets[:-1]:
            trained = [p for p in bucket.parameters if p.requires_grad]
            if len(trained) < len(bucket.parameters):
                continue
            bucket.num_watched = bucket.num_awaited = len(trained)
            for parameter in trained:
                self._places[parameter] = bucket
                register: Any = parameter.register_post_accumulate_grad_hook
                self._hooks.append(register(self._on_gradient))

    def _on_gradient(self, parameter: torch.Tensor) -> None:
        if self._watched is None:
            return
        bucket = self._places[parameter]
        bucket.num_awaited -= 1
        if bucket.num_awaited < 0:
            raise ConfigError(
                "a gradient was computed twice in one backward pass, as with re-entrant "
                "checkpointing, which several processes cannot share; use use_reentrant=False"
            )
        with torch.no_grad():
            while len(self._pending) < len(self._buckets) - 1:
                following = self._buckets[len(self._pending)]
                if following.num_awaited or not following.num_watched:
                    break
                self._send(following, self._watched)

    def _send(self, bucket: _Bucket, num_samples: int) -> None:
        bucket.fill(num_samples / self._num_expected)
        self._pending.append(self._communicator.start_sum(bucket.flat))

    def _absent(self, tail: torch.Tensor) -> set[int]:
        """Ids of the parameters that no process has a gradient of.

        Only asked of the device where this process lacks one, since it has to be waited for.
        """
        if all(parameter.grad is not None for parameter in self._parameters):
            return set()
        present = tail[FIRST_PRESENT:].tolist()
        return {id(p) for p, there in zip(self._parameters, present, strict=True) if not there}


def share_buffers(communicator: Communicator, *modules: torch.nn.Module) -> None:
    """Give the buffers of modules in all processes the values of those of the main one."""
    by_kind: dict[tuple[torch.dtype, torch.device], list[torch.Tensor]] = {}
    for buffer in _buffers(modules):
        by_kind.setdefault((buffer.dtype, buffer.device), []).append(buffer)
    is_main = communicator.process.is_main
    for buffers in by_kind.values():
        flat = torch.cat([buffer.reshape(-1) for buffer in buffers])
        communicator.copy_from_main(flat)
        if is_main:
            continue
        sizes = [buffer.numel() for buffer in buffers]
        for buffer, part in zip(buffers, torch.split(flat, sizes), strict=True):
            buffer.copy_(part.view_as(buffer))


class _Bucket:
    """Gradients that travel together, in one row of memory."""

    def __init__(
        self, parameters: list[torch.nn.Parameter], dtype: torch.dtype, device: torch.device
    ) -> None:
        self.parameters = parameters
        self.num_watched = self.num_awaited = 0
        self._sizes = [parameter.numel() for parameter in parameters]
        self.flat = torch.zeros(sum(self._sizes), dtype=dtype, device=device)
        self._divide()

    def add_tail(self, size: int) -> None:
        """Make room for numbers behind the gradients."""
        self.flat = self.flat.new_zeros(sum(self._sizes) + size)
        self._divide()

    def _divide(self) -> None:
        size = sum(self._sizes)
        self.gradients, self.tail = self.flat[:size], self.flat[size:]
        parts = torch.split(self.gradients, self._sizes) if self._sizes else ()
        self._views = [
            part.view(parameter.shape)
            for part, parameter in zip(parts, self.parameters, strict=True)
        ]
        is_here = self.flat.device.type == "cpu" and self.flat.dtype in _WIDE
        self.numbers = self.tail.numpy() if is_here else None
        self._are_large = is_here and size > LARGE * len(self.parameters)

    def write_tail(
        self,
        num_samples: int,
        loss: torch.Tensor | None,
        skips: bool,
        asks: bool,
        parameters: list[torch.nn.Parameter],
    ) -> None:
        """Write what travels behind the gradients."""
        mean = loss.detach().mean() if loss is not None and loss.numel() else None
        present = [parameter.grad is not None for parameter in parameters]
        if self.numbers is not None:
            total = 0.0 if mean is None else mean.item() * num_samples
            self.numbers[:] = [num_samples, skips, total, asks, *present]
            return
        self.tail.copy_(torch.tensor([num_samples, skips, 0, asks, *present], dtype=torch.float32))
        if mean is not None:
            self.tail[LOSS] = mean * num_samples

    def number(self, position: int) -> Any:
        """One of the numbers behind the gradients; a tensor where a device has it."""
        if self.numbers is not None:
            return self.numbers[position].item()
        return self.tail[position].clone()

    def fill(self, weight: float) -> None:
        """Copy the gradients, weighted; those that are missing are zero."""
        if not self.parameters:
            return
        found = [parameter.grad for parameter in self.parameters]
        if all(gradient is None for gradient in found):
            self.gradients.zero_()
            return
        if self._are_large:
            # One way through the memory instead of two.
            for gradient, view in zip(found, self._views, strict=True):
                if gradient is None:
                    view.zero_()
                else:
                    torch.mul(_alone(gradient, view), weight, out=view)
            return
        parts = [
            torch.zeros_like(view) if gradient is None else _alone(gradient, view)
            for gradient, view in zip(found, self._views, strict=True)
        ]
        torch.cat([part.reshape(-1) for part in parts], out=self.gradients)
        self.gradients.mul_(weight)

    def give_back(self, factor: Any, absent: set[int]) -> None:
        """Let the parameters have the gradients of all processes.

        Args:
            factor: What they are multiplied by first: a number, or a tensor of one, which would
                have to be waited for to know whether it is 1.
            absent: Ids of the parameters that no process has a gradient of.
        """
        if not self.parameters:
            return
        if isinstance(factor, torch.Tensor):
            self.gradients.mul_(factor.to(self.gradients.dtype))
        elif factor != 1.0:
            self.gradients.mul_(factor)
        for parameter, view in zip(self.parameters, self._views, strict=True):
            if id(parameter) not in absent:
                parameter.grad = view


def _alone(gradient: torch.Tensor, view: torch.Tensor) -> torch.Tensor:
    """A gradient in memory that may be read while that of the bucket is written."""
    if gradient.is_sparse:
        raise ConfigError(
            "a parameter has sparse gradients, which several processes cannot sum; use sparse=False"
        )
    # Gradients that an optimizer of the user's own has set to zero, and not removed, are the view.
    return gradient.clone() if gradient is view else gradient


def _buckets(parameters: Iterable[torch.nn.Parameter], size: int) -> Iterator[_Bucket]:
    """Parameters in a row, until they have so many bytes or are of another kind."""
    found: list[torch.nn.Parameter] = []
    num_bytes = 0
    for parameter in parameters:
        is_other = found and _kind(parameter) != _kind(found[0])
        if found and (is_other or num_bytes + parameter.nbytes > size):
            yield _Bucket(found, *_kind(found[0]))
            found, num_bytes = [], 0
        found.append(parameter)
        num_bytes += parameter.nbytes
    if found:
        yield _Bucket(found, *_kind(found[0]))


def _kind(parameter: torch.Tensor) -> tuple[torch.dtype, torch.device]:
    return parameter.dtype, parameter.device


def _buffers(modules: Iterable[torch.nn.Module]) -> Iterator[torch.Tensor]:
    for module in modules:
        if isinstance(module, torch.nn.Module):
            yield from (buffer for buffer in module.buffers() if buffer.numel())
