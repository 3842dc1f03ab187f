"""Runs commands and programs, each in a process that is forked from this one.

A new interpreter spends seconds on importing torch, Hydra and pandas; a fork has them. In every
other respect it is a process of its own: exit code, streams, working directory, environment,
signals, threads. Started and asked by `tests/forked.py`; it has one thread and runs nothing itself.

A request is a message of JSON with four descriptors: stdin, stdout, stderr and a pipe. The first
line in the pipe is the id of the process, the second how it ended, as `os.waitpid` gives it.
"""

import contextlib
import faulthandler
import gc
import importlib
import json
import os
import random
import resource
import select
import signal
import socket
import sys
import types
import warnings

IMPORTED = (
    *("autrainer.cli.main", "autrainer.cli.commands.train", "autrainer.training"),
    *(
        "autrainer.datasets",
        "autrainer.models",
        "autrainer.criterions",
        "autrainer.config.hydra.sweep",
    ),
    *("hydra.main", "hydra._internal.hydra", "hydra_plugins.autrainer_sweeper"),
    *("numpy.random", "pandas", "sklearn.datasets", "torch", "yaml"),
    # A fifth of a second of whatever imports from tests.
    *("hypothesis", "pytest"),
)
SHARDING = "torch.distributed.fsdp"
"""A second of every process of a divided run. Before torch 2.6 it brings the compiler, which starts
a thread, and a process that has one must not be forked."""
REQUEST_BYTES = 1 << 17
NUM_DESCRIPTORS = 4


def serve(requests):
    """Fork a process for every request; returns the request in that process, None at the end."""
    pipes = {}
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake.fileno())
    while True:
        ready, _, _ = select.select([requests, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            report_ends(pipes)
        if requests not in ready:
            continue
        text, descriptors, _, _ = socket.recv_fds(requests, REQUEST_BYTES, NUM_DESCRIPTORS)
        if not text:
            return None
        *streams, pipe = descriptors
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (requests, woken, wake):
                end.close()
            for descriptor in (pipe, *pipes.values()):
                os.close(descriptor)
            for number, descriptor in enumerate(streams):
                os.dup2(descriptor, number)
                os.close(descriptor)
            return json.loads(text)
        for descriptor in streams:
            os.close(descriptor)
        pipes[child] = pipe
        tell(pipe, child)


def report_ends(pipes):
    """Tell of every process that has ended."""
    while pipes:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        pipe = pipes.pop(child)
        tell(pipe, status)
        os.close(pipe)


def tell(pipe, number):
    """Write a line into a pipe, unless nobody reads it any more."""
    with contextlib.suppress(BrokenPipeError):
        os.write(pipe, f"{number}\n".encode())


def run(request):
    """Do here what was asked for, as a new interpreter would."""
    if request["new_session"]:
        os.setsid()
    # Shells start what is in the background with this signal ignored, and so the tests, perhaps.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Asked by whoever waits for it in vain: where each of its threads is; that ends it, without a
    # core dump.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.register(signal.SIGQUIT, file=2, all_threads=True, chain=True)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    if "PYTHONWARNINGS" in os.environ:
        warnings.simplefilter(os.environ["PYTHONWARNINGS"])
    random.seed()
    sys.argv = request["arguments"]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    sys.path[0] = request["path"]
    importlib.invalidate_caches()
    exec(compile(request["program"], "<string>", "exec"), vars(main))


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    if tuple(map(int, sys.modules["torch"].__version__.split(".")[:2])) >= (2, 6):
        importlib.import_module(SHARDING)
    # Two versions of a module that are written within a second would pass for one.
    sys.dont_write_bytecode = True
    # What is there by now is never looked at again, nor copied for that.
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        asked = serve(requests)
    if asked is not None:
        run(asked)
