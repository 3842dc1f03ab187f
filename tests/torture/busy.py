"""Runs all tests several times in a row while other processes keep every core busy.

A suite that is red by chance is red here first. `make test-busy RUNS=10` prints a line for each.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

SUMMARY = ("FAILED ", "ERROR ")
"""How the lines begin that name who was red."""


@contextlib.contextmanager
def busy_cores(number: int) -> Iterator[None]:
    """Within the block so many processes compute all the time."""
    children = [_computing() for _ in range(number)]
    try:
        yield
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _computing() -> int:
    """The id of a process that computes until it is ended, or its parent has ended."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    while os.getppid() == parent:
        sum(range(1_000_000))
    os._exit(0)


def tested(options: list[str], log: Path) -> str:
    """Run the tests once; how that went, in a line, and who was red."""
    begun = time.monotonic()
    with log.open("w") as output:
        command = [sys.executable, "-m", "pytest", *options]
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    lines = log.read_text(errors="replace").splitlines()
    state = "red" if done.returncode else "green"
    closing = lines[-1].strip("= ") if lines else f"exit code {done.returncode}"
    red = [f"  {line}" for line in lines if line.startswith(SUMMARY)]
    return "\n".join([f"{state}, {time.monotonic() - begun:.0f} s: {closing}", *red])


def main() -> int:
    """Run all tests several times; 1 if one of the runs was red."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--busy", type=int, default=os.cpu_count(), help="by default all cores")
    parser.add_argument("--logs", type=Path, default=Path("/tmp/autrainer-busy"))
    arguments, options = parser.parse_known_args()
    arguments.logs.mkdir(parents=True, exist_ok=True)
    is_red = False
    with busy_cores(arguments.busy):
        for number in range(1, arguments.runs + 1):
            told = tested(options, arguments.logs / f"{number}.log")
            print(f"run {number} of {arguments.runs}: {told}", flush=True)
            is_red |= told.startswith("red")
    print(f"all that was printed is in {arguments.logs}")
    return int(is_red)


if __name__ == "__main__":
    sys.exit(main())
