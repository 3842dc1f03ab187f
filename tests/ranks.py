"""Processes of a run as threads of this process, to try what they exchange."""

import threading
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import torch

from autrainer.runs.process.run_process import RunProcess


class Meeting:
    """Where threads hand over what they have, one round after the other."""

    def __init__(self, world_size):
        self.barrier = threading.Barrier(world_size, timeout=120)
        self.values = [None] * world_size


class ThreadCommunicator:
    """One of the threads."""

    def __init__(self, rank, meeting):
        self.process = RunProcess(rank, len(meeting.values))
        self._meeting = meeting

    def gather(self, value):
        self._meeting.values[self.process.rank] = deepcopy(value)
        self._meeting.barrier.wait()
        gathered = list(self._meeting.values)
        self._meeting.barrier.wait()
        return gathered

    def sum(self, tensor):
        return tensor.copy_(torch.stack(self.gather(tensor)).sum(dim=0))

    def start_sum(self, tensor):
        self.sum(tensor)
        return There()

    def copy_from_main(self, tensor):
        return tensor.copy_(self.gather(tensor)[0])

    def largest(self, numbers):
        return [max(each) for each in zip(*self.gather(tuple(numbers)), strict=True)]


class There:
    def wait(self):
        pass


class Echo:
    """Of a run whose other processes have whatever this one has."""

    def __init__(self, rank, world_size):
        self.process = RunProcess(rank, world_size)

    def gather(self, value):
        return [value] * self.process.world_size

    def sum(self, tensor):
        return tensor.mul_(self.process.world_size)

    def start_sum(self, tensor):
        self.sum(tensor)
        return There()

    def copy_from_main(self, tensor):
        return tensor

    def largest(self, numbers):
        return list(numbers)


def on_all(world_size, function):
    """What a function gives for the communicator of each process, by rank."""
    meeting = Meeting(world_size)

    def call(rank):
        try:
            return function(ThreadCommunicator(rank, meeting))
        except BaseException:
            meeting.barrier.abort()
            raise

    with ThreadPoolExecutor(world_size) as pool:
        return list(pool.map(call, range(world_size)))
