"""Kills processes of runs that several train together, and looks whether the runs end equal.

`python -m tests.torture.ranks --kills 100` runs this for long, the tests beside it briefly. The
processes are forked from one that has imported everything. A random one of them is killed at a
random moment, or the one that has started them is asked to stop; then the same run is started
again, by as many processes, until it ends. What is on disk then has to be what a run has that was
left alone.
"""

import argparse
import json
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import torch
from omegaconf import OmegaConf

from autrainer.errors import RunInterruptedError
from autrainer.runs.finished import is_finished
from autrainer.runs.process.signs_of_life import DESCRIPTOR, give_signs
from autrainer.training import ModularTaskTrainer, worker
from autrainer.training.ranks.job import Job
from autrainer.training.ranks.launching import train_on
from autrainer.training.ranks.watching import Patience
from tests.torture.kills import contents
from tests.training.conftest import configured

KINDS = {
    "epochs": ("iterations=6", "resume_every=2"),
    "steps": ("training_type=step", "iterations=30", "eval_frequency=8", "resume_every=3"),
    "a mean of the best weights": (
        *("iterations=6", "resume_every=2", "swa={best: 2}", "save_frequency=6"),
    ),
    "a last batch of one": ("iterations=5", "resume_every=1", "batch_size=239", "optimizer=Adam"),
}


class ForkedChild:
    """A forked process, used like `subprocess.Popen`."""

    def __init__(self, pid):
        self.pid = pid
        self._code = None

    def poll(self):
        """Its exit code; None while it runs."""
        if self._code is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def send_signal(self, number):
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Ranks:
    """Processes that wait until each is started as one of a run; to be left as a context.

    They are forked before the run has a store. The store has a thread, which asks the C library
    for the name of whoever connects; in a process that was forked meanwhile the lock of that
    question is never given back, and it would wait for ever when it connects itself.

    Args:
        number: How many.
    """

    def __init__(self, number):
        self._waiting = []
        for _ in range(number):
            line, theirs = socket.socketpair()
            pid = os.fork()
            if not pid:
                for other in [line, *(line for _, line in self._waiting)]:
                    other.close()
                _become_rank(theirs)
            theirs.close()
            self._waiting.append((ForkedChild(pid), line))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for child, line in self._waiting:
            line.close()
            os.waitpid(child.pid, 0)

    def start(self, job, environment, signs):
        """Start one of them."""
        child, line = self._waiting.pop(0)
        with line:
            socket.send_fds(line, [b"."], [signs])
            line.sendall(json.dumps([str(job), dict(environment)]).encode())
        return child


def _become_rank(line):
    """Wait for a job, train it, and end this process."""
    code = 1
    try:
        with line:
            _, descriptors, _, _ = socket.recv_fds(line, 1, 1)
            if not descriptors:
                os._exit(0)
            with line.makefile() as stream:
                job, environment = json.loads(stream.read())
        os.setsid()
        os.environ.clear()
        os.environ.update(environment | {DESCRIPTOR: str(descriptors[0])})
        give_signs()
        code = worker.run(Path(job))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def train(run, world_size, cfg, start=None, patience=None):
    """Train a run by so many processes; by one, in this process."""
    if world_size == 1:
        return ModularTaskTrainer(cfg, run).train()
    job = Job.here(cfg, Path(run))
    with Ranks(0 if start else world_size) as ranks:
        return train_on(
            world_size, job, start=start or ranks.start, patience=patience or Patience()
        )


def told(run, world_size, config, silence_s=60.0):
    """What comes of training a run of a plain configuration, as plain values."""
    try:
        value = train(run, world_size, OmegaConf.create(config), patience=Patience(silence_s))
    except RunInterruptedError as error:
        return {"stopped": error.exit_code - 128, "saved": error.saved}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"value": value}


def disturbed(run, world_size, overrides, rng, after_s):
    """Train, and kill a random process, or ask this one to stop; whether the run had ended before.

    Raises:
        AssertionError: if the run failed by itself.
    """
    children, ranks = [], Ranks(world_size)

    def start(*arguments):
        children.append(ranks.start(*arguments))
        return children[-1]

    def disturb():
        victim = rng.randrange(world_size + 1)
        if victim < len(children):
            children[victim].send_signal(signal.SIGKILL)
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    timer = threading.Timer(after_s, disturb) if after_s is not None else None
    if timer is not None:
        timer.start()
    # Whatever comes after the run is asked to stop.
    signal.signal(signal.SIGTERM, signal.SIG_IGN if timer is None else lambda *_: None)
    try:
        with ranks:
            train(run, world_size, configured(*overrides), start=start)
    except (Exception, RunInterruptedError) as error:
        if timer is None:
            raise AssertionError("the run failed by itself") from error
        if timer.is_alive():
            raise AssertionError("the run failed before it was disturbed") from error
        return False
    finally:
        if timer is not None:
            timer.cancel()
            timer.join()
    return True


def in_fork(function, *arguments):
    """What a function gives, as plain values, in a fork of this process."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        code = 1
        try:
            result = json.dumps(function(*arguments))
            os.write(write, result.encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"status {status}"
    return json.loads(text)


def _attempt(folder, world_size, overrides, seed, after_s):
    return disturbed(
        folder / "experiment" / "training" / "run",
        world_size,
        overrides,
        random.Random(seed),
        after_s,
    )


def torture(overrides, *, world_size, kills, seed, folder, show=False):
    """Disturb runs of one kind so many times; the names of files that differ."""
    rng = random.Random(seed)
    overrides = ("dataset.size=400", *overrides)
    reference = folder / "reference"
    begun = time.monotonic()
    assert in_fork(_attempt, reference, world_size, overrides, 0, None)
    whole_s = time.monotonic() - begun
    expected = contents(reference)
    done = 0
    while done < kills:
        tried = folder / f"tried-{done}"
        while not in_fork(
            *(_attempt, tried, world_size, overrides, rng.random()),
            rng.uniform(0, whole_s) if done < kills else None,
        ):
            done += 1
        assert is_finished(tried / "experiment" / "training" / "run")
        found = contents(tried)
        different = [name for name in {*expected, *found} if expected.get(name) != found.get(name)]
        if show:
            print(f"  {done} disturbed, {len(different)} differences", flush=True)
        if different:
            return sorted(different)
    return []


def main():
    """Torture every kind of run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of each kind of run")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kind", choices=KINDS, help="only this one")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"seed {arguments.seed}")
    bad = False
    for kind, overrides in KINDS.items():
        if arguments.kind in (None, kind):
            print(f"{kind}: {' '.join(overrides)}", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                different = torture(
                    overrides,
                    world_size=arguments.processes,
                    kills=arguments.kills,
                    seed=arguments.seed,
                    folder=Path(folder),
                    show=True,
                )
            bad = bad or bool(different)
            for name in different:
                print(f"  differs: {name}")
    print(f"{'runs differ' if bad else 'all survived'} (seed {arguments.seed})")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
