"""Who works on a run folder: what a lock file says of its owner, and whether it still lives."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

LARGEST_PID = 2**31 - 1

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")
_ENDED = "ended"


@dataclass(frozen=True)
class Owner:
    """A process that works on a run folder.

    Args:
        host: Name of its machine.
        pid: Its number there.
        since: When it began, for people.
        slurm_job: Its job, within SLURM.
        slurm_restarts: How often SLURM had put this job back into the queue by then.
        token: Tells this owner from all others; empty in files of earlier versions.
        boot: Number of the start of its kernel, where the system tells.
        pid_namespace: Where its number counts: every container has numbers of its own.
        started: When it began, as its kernel counts: numbers of processes come again.
    """

    host: str
    pid: int
    since: str
    slurm_job: str | None = None
    slurm_restarts: int = 0
    token: str = ""
    boot: str | None = None
    pid_namespace: str | None = None
    started: str | None = None

    @classmethod
    def this_process(cls) -> Owner:
        """This process, as a new owner: two of one process are not the same."""
        restarts = os.environ.get("SLURM_RESTART_COUNT", "")
        return cls(
            host=socket.gethostname(),
            pid=os.getpid(),
            since=time.strftime("%Y-%m-%d %H:%M:%S"),
            slurm_job=os.environ.get("SLURM_JOB_ID"),
            slurm_restarts=int(restarts) if restarts.isdecimal() else 0,
            token=os.urandom(16).hex(),
            boot=_boot(),
            pid_namespace=_pid_namespace(),
            started=_started(os.getpid()),
        )

    @classmethod
    def read(cls, content: bytes) -> Owner | None:
        """The owner that a lock file names, or None if it names none, as a damaged one."""
        try:
            found = json.loads(content or b"{}")
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict):
            return None
        known = {field.name: found[field.name] for field in fields(cls) if field.name in found}
        if not all(_fits(name, value) for name, value in known.items()):
            return None
        try:
            return cls(**known)
        except TypeError:
            return None

    def to_bytes(self) -> bytes:
        """Content of a lock file."""
        return json.dumps(asdict(self)).encode()

    def is_dead(self) -> bool:
        """Whether this process is no more for certain: it was one that this process could see."""
        return self._is_alive() is False

    def is_alive(self) -> bool:
        """Whether this process can be seen to be at work."""
        return self._is_alive() is True

    def was_requeued_as(self, other: Owner) -> bool:
        """Whether another owner is the same job, which SLURM has put back into the queue since."""
        is_same = self.slurm_job is not None and self.slurm_job == other.slurm_job
        return is_same and other.slurm_restarts > self.slurm_restarts

    def _is_alive(self) -> bool | None:
        """Whether the process lives; None where only others could tell."""
        if self.boot is None or self.pid_namespace is None:
            # Without /proc, as in files of earlier versions, the name of the machine has to do.
            if self.host != socket.gethostname():
                return None
        elif (self.boot, self.pid_namespace) != (_boot(), _pid_namespace()):
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            # It is there, but somebody else's.
            pass
        started = _started(self.pid)
        if started == _ENDED:
            return False
        # A later process may have got the same number.
        return started is None or self.started is None or started == self.started


def token_of(content: bytes) -> str:
    """What tells the content of a lock file from that of all other owners."""
    owner = Owner.read(content)
    if owner is not None and owner.token:
        return owner.token
    import hashlib

    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _fits(name: str, value: Any) -> bool:
    if name in ("host", "since"):
        return isinstance(value, str)
    if name == "token":
        # It becomes a part of the names of files.
        return isinstance(value, str) and len(value) <= 64 and (value.isalnum() or not value)
    if name in ("pid", "slurm_restarts"):
        least = 1 if name == "pid" else 0
        return type(value) is int and least <= value <= LARGEST_PID
    return value is None or isinstance(value, str)


def _boot() -> str | None:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return None


def _pid_namespace() -> str | None:
    try:
        return os.readlink(_PID_NAMESPACE)
    except OSError:
        return None


def _started(pid: int) -> str | None:
    """When a process began, in ticks since the start of its kernel; None if that cannot be seen.

    One that has ended and is only still listed is `_ENDED`.
    """
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            # It lists the processes of another container.
            return None
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the name in parentheses, which may hold anything.
    after_name = stat.rpartition(")")[2].split()
    if len(after_name) < 20:
        return None
    return _ENDED if after_name[0] in ("Z", "X") else after_name[19]
