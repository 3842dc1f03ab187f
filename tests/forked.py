"""Commands and programs in processes that begin with everything imported.

Each is a process of its own, as if it were started by `subprocess`, at a tenth of the price. What
is about the start of an interpreter (which modules it imports, its threads) needs a real one.
"""

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SERVER = Path(__file__).with_name("fork_server.py")
AUTRAINER = Path(sys.executable).with_name("autrainer")
COMMAND = "from autrainer.cli.main import main\nmain()\n"
LIMIT_S = 120
"""What takes longer has got stuck: it is killed, and the test fails."""


class Forked:
    """A program in a process of its own; used like `subprocess.Popen`.

    `stdout` is a pipe to be read line by line; stderr goes to a file that `communicate` gives.

    Args:
        program: Its text, as after `python -c`.
        arguments: What follows it.
        name: The first of `sys.argv`.
        path: Folder of modules that come before all others; by default the working directory.
        cwd: Working directory; by default that of this process.
        env: Environment; by default that of this process.
        start_new_session: Whether it leads a group of processes.
    """

    def __init__(
        self,
        program,
        *arguments,
        name="-c",
        path="",
        cwd=None,
        env=None,
        start_new_session=False,
    ):
        self.args = [name, *map(str, arguments)]
        self.returncode = None
        self._has_hung = False
        request = {
            "program": program,
            "arguments": self.args,
            "path": str(path),
            "folder": str(cwd or Path.cwd()),
            "environment": dict(os.environ if env is None else env),
            "new_session": start_new_session,
        }
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        out, stdout = os.pipe()
        self._end, end = os.pipe()
        with open(os.devnull, "rb") as stdin:
            streams = [stdin.fileno(), stdout, self._stderr.fileno(), end]
            socket.send_fds(_server(), [json.dumps(request).encode()], streams)
        os.close(stdout)
        os.close(end)
        self.stdout = os.fdopen(out, "r", encoding="utf-8", errors="replace")
        self.pid = self._told()

    @classmethod
    def command(cls, *arguments, **options):
        """The installed command `autrainer` with these arguments."""
        return cls(COMMAND, *arguments, name=str(AUTRAINER), path=AUTRAINER.parent, **options)

    def _told(self):
        line = b""
        while not line.endswith(b"\n"):
            more = os.read(self._end, 1)
            assert more, "the server of forked processes has ended"
            line += more
        return int(line)

    def wait(self, timeout=LIMIT_S):
        """Exit code; the number of a signal, negative, if that has ended it.

        Raises:
            subprocess.TimeoutExpired: if it has not ended by then.
        """
        if self.returncode is None:
            if not select.select([self._end], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self.returncode = os.waitstatus_to_exitcode(self._told())
        return self.returncode

    def poll(self):
        """Exit code; None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number):
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _give_up(self):
        """Let it and its children say on stderr where they are, one after the other, and end it."""
        self._has_hung = True
        # So that it does not act on the end of its children before it has said where it is.
        self.send_signal(signal.SIGSTOP)
        for pid in children_of(self.pid):
            end_with_report(pid)
        end_with_report(self.pid)

    def communicate(self, timeout=LIMIT_S):
        """What is left on stdout, and all of stderr, once it has ended.

        Raises:
            subprocess.TimeoutExpired: if it had to be killed.
        """
        limit = threading.Timer(timeout, self._give_up)
        limit.start()
        output = self.stdout.read()
        self.wait()
        limit.cancel()
        limit.join()
        self._stderr.seek(0)
        errors = self._stderr.read().decode(errors="replace")
        if self._has_hung:
            print(f"{self.args} hung; where it and its children were:\n{errors}")
            raise subprocess.TimeoutExpired(self.args, timeout, output, errors)
        return output, errors

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.wait()
        self.stdout.close()
        self._stderr.close()
        os.close(self._end)


def children_of(pid):
    """The ids of the processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def end_with_report(pid, timeout=10):
    """End a process that says on stderr where it is; see `faulthandler` in the server."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGQUIT)
        os.kill(pid, signal.SIGCONT)
        limit = time.monotonic() + timeout
        while not has_ended(pid) and time.monotonic() < limit:
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)


def has_ended(pid):
    """Whether there is no such process any more, or only its exit code."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def run(program, *arguments, check=False, timeout=LIMIT_S, **options):
    """Run a program to its end; as `subprocess.run` with captured text."""
    with Forked(program, *arguments, **options) as process:
        return _finished(process, timeout, check)


def run_command(*arguments, check=False, timeout=LIMIT_S, **options):
    """Run the installed command to its end; as `subprocess.run` with captured text."""
    with Forked.command(*arguments, **options) as process:
        return _finished(process, timeout, check)


def _finished(process, timeout, check):
    output, errors = process.communicate(timeout)
    done = subprocess.CompletedProcess(process.args, process.returncode, output, errors)
    if check:
        done.check_returncode()
    return done


@functools.cache
def _server():
    """The socket of the server of this process, which ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, str(SERVER), str(theirs.fileno())],
            # Threads of numerical libraries would not come along into a fork.
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            # An interrupt at the keyboard is for the tests, and the server ends with them.
            start_new_session=True,
        )
    atexit.register(_end, ours, server)
    return ours


def _end(connection, server):
    connection.close()
    server.wait()
