"""The processes of a run joined by `torch.distributed`, which is imported when one joins."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from autrainer.errors import ProcessLostError
from autrainer.runs.process.endings import Endings, first_failure
from autrainer.runs.process.run_process import VARIABLES, RunProcess, process_of

if TYPE_CHECKING:
    from autrainer.runs.process.communicator import Pending

Value = TypeVar("Value")

LONGEST_WAIT_S = 1800.0
"""How long a process waits for the others: one may list a large dataset, or write, meanwhile."""

HAS_STORE = "TORCHELASTIC_USE_AGENT_STORE"
"""Variable that is `True` where whoever has started the processes has their store too."""


def tcp_store(host: str, port: int, *, is_master: bool) -> Any:
    """A store that processes reach by an address.

    Args:
        host: The address.
        port: Its port; 0 lets the system choose one, which is the attribute `port` of the store.
        is_master: Make the store, rather than reach one that is there.
    """
    import torch.distributed

    make: Any = vars(torch.distributed)["TCPStore"]
    wait = datetime.timedelta(seconds=LONGEST_WAIT_S)
    return make(host, port, is_master=is_master, wait_for_workers=False, timeout=wait)


def holds_store(process: RunProcess) -> bool:
    """Whether a process of the environment has to make the store of all of them, and keep it."""
    return process.is_main and os.environ.get(HAS_STORE) != "True"


def store_of_environment(process: RunProcess) -> Any:
    """The store of the processes that the environment describes; the main one may have to make it.

    Raises:
        ProcessLostError: if it cannot be reached.
    """
    environment = os.environ
    try:
        return tcp_store(
            environment["MASTER_ADDR"],
            int(environment["MASTER_PORT"]),
            is_master=holds_store(process),
        )
    except RuntimeError as error:
        raise ProcessLostError(f"the store of the processes cannot be reached: {error}") from error


class DistributedCommunicator:
    """Joins processes that know each other by the variables of their environment.

    Numbers on the CPU, and everything that is no tensor, go through gloo; tensors on a CUDA device
    through NCCL.

    Args:
        store: The store by which they meet; by default that of the environment.
        longest_wait_s: How long to wait for another process.

    Attributes:
        process: Which process this is.
        endings: Where the processes tell how they have ended.

    Raises:
        ProcessLostError: if the others do not come.
    """

    def __init__(self, store: Any = None, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        import torch
        import torch.distributed

        self._torch, self._distributed = torch, torch.distributed
        process = process_of(os.environ)
        if process is None:
            raise ProcessLostError(f"processes join by {', '.join(VARIABLES)}, which are not set")
        self.process = process
        wait = datetime.timedelta(seconds=longest_wait_s)
        try:
            store = store or store_of_environment(process)
            self.endings = Endings(store, process.world_size)
            torch.distributed.init_process_group(
                "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
                store=store,
                rank=process.rank,
                world_size=process.world_size,
                timeout=wait,
            )
        except RuntimeError as error:
            raise ProcessLostError(f"the processes of the run do not meet: {error}") from error

    def __deepcopy__(self, memo: dict[int, Any]) -> DistributedCommunicator:
        # Parts that hold it are copied; the processes are the same.
        return self

    def sum(self, tensor: Any) -> Any:
        """The sum of a tensor over all processes, in its place."""
        with self._losses_named():
            self._distributed.all_reduce(tensor)
        return tensor

    def start_sum(self, tensor: Any) -> Pending:
        """Begin to replace a tensor by its sum over all processes."""
        with self._losses_named():
            work = self._distributed.all_reduce(tensor, async_op=True)
        return _Pending(work, self)

    def copy_from_main(self, tensor: Any) -> Any:
        """What the main process has, in place of the tensor."""
        with self._losses_named():
            self._distributed.broadcast(tensor, 0)
        return tensor

    def largest(self, numbers: Sequence[int]) -> list[int]:
        """The largest of each of some numbers over all processes."""
        found = self._torch.tensor(numbers, dtype=self._torch.int64)
        with self._losses_named():
            self._distributed.all_reduce(found, op=self._distributed.ReduceOp.MAX)
        return [int(number) for number in found]

    def gather(self, value: Value) -> list[Value]:
        """What each process has, by rank; values travel as pickles."""
        gathered: list[Any] = [None] * self.process.world_size
        with self._losses_named():
            self._distributed.all_gather_object(gathered, value)
        return gathered

    def close(self) -> None:
        """Leave the others."""
        self._distributed.destroy_process_group()

    @contextmanager
    def _losses_named(self) -> Iterator[None]:
        """Name what it means if torch cannot exchange anything.

        Raises:
            ProcessFailedError: with what another process has told of its end.
            ProcessLostError: if none has told anything.
        """
        try:
            yield
        except RuntimeError as error:
            failure = first_failure(self._told())
            if failure is not None:
                told = failure.as_error(named=True)
                raise told from told.__cause__
            reason = str(error).partition("\n")[0]
            raise ProcessLostError(
                f"another process of the run has ended or does not answer ({reason})"
            ) from error

    def _told(self) -> list[Any]:
        try:
            return self.endings.told()
        except RuntimeError:
            # Whoever has the store is gone too.
            return []


class _Pending:
    def __init__(self, work: Any, communicator: DistributedCommunicator) -> None:
        self._work, self._communicator = work, communicator

    def wait(self) -> None:
        with self._communicator._losses_named():
            self._work.wait()
