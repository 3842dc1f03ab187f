"""Commands whose workers are forked: they begin with everything imported, as the command does."""

import os
import subprocess
import sys
from functools import partial

from autrainer.plotting.renderer import DESCRIPTOR as RENDERER
from tests import forked
from tests.conftest import REPOSITORY

COMMAND = """
from tests.launching.forked_workers import fork_workers
from autrainer.cli.main import main
fork_workers()
main()
"""


def command(folder, *arguments, program=COMMAND, **environment):
    """The command, started in a folder; used like `subprocess.Popen`."""
    variables = dict(os.environ, PYTHONWARNINGS="ignore", COLUMNS="120", **environment)
    name = str(forked.AUTRAINER)
    return forked.Forked(program, *arguments, name=name, path=REPOSITORY, cwd=folder, env=variables)


def run(folder, *arguments, program=COMMAND, **environment):
    """Exit code, stdout and stderr of the command."""
    with command(folder, *arguments, program=program, **environment) as process:
        output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.wait(), output, errors)


def fork_workers():
    """Let pools of this process fork their workers."""
    from autrainer.launching import sweep_pool

    sweep_pool.pool_of = partial(sweep_pool.pool_of, start=ForkedWorker)


class ForkedWorker:
    """A worker that is forked from this process, which has one thread."""

    def __init__(self, descriptor, streams, environment):
        self.returncode = None
        self.pid = os.fork()
        if self.pid == 0:
            try:
                serve(descriptor, streams, environment)
            finally:
                os._exit(70)

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        if self.returncode is None:
            _, status = os.waitpid(self.pid, 0)
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)


def serve(descriptor, streams, environment):
    """As a new interpreter would: with descriptors and an environment of its own."""
    from autrainer.launching.task import shared_runs
    from autrainer.launching.worker import main

    shared_runs.set(None)
    os.setsid()
    connection, last = os.dup2(descriptor, 60), 60
    if RENDERER in environment:
        last = os.dup2(int(environment[RENDERER]), 61)
        environment = {**environment, RENDERER: str(last)}
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
    os.closerange(3, 60)
    os.closerange(last + 1, 256)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    main(connection)
