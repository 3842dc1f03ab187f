"""Lets the calls of a run that change its folder fail one after the other, and looks what remains.

`make torture` tries every call, the test beside it a few. `faults.c` stands between the process
and the system; each attempt is forked from one that has imported everything.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml

from autrainer.errors import AutrainerError
from autrainer.runs.finished import is_finished, tidy_up
from autrainer.runs.layout import RESUME
from autrainer.runs.state.sealed import read_sealed
from autrainer.training import ModularTaskTrainer
from tests.torture.kills import TELLS_OF_TIME, contents
from tests.training.conftest import configured

SOURCE = Path(__file__).with_name("faults.c")
KINDS = ("open", "write", "sync", "rename", "mkdir", "remove", "change")
"""What is counted, in the order of `enum kind` in the source."""

ANY = "any"
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
RUN = Path("experiment", "training", "run")
SHORTER = Path("experiment", "training", "shorter")
OVERRIDES = ("iterations=2", "resume_every=1")
CONTINUED = ("continue_training=true", "remove_continued_runs=true")


@dataclass(frozen=True)
class Fault:
    """What is to go wrong.

    Args:
        kind: One of `KINDS`, or `any`.
        number: The how many-th call of that kind fails.
        error: The errno; 0 kills the process right after the call.
        lasts: All later calls of that kind fail as well.
    """

    kind: str
    number: int
    error: int
    lasts: bool = False

    def __str__(self) -> str:
        what = errno.errorcode[self.error] if self.error else "SIGKILL after it"
        return f"{self.kind} {self.number}: {what}{' from then on' if self.lasts else ''}"


@dataclass(frozen=True)
class Ended:
    """How an attempt ended.

    Args:
        status: Of the process, as `os.waitpid` gives it.
        error: Traceback of what was raised; empty after success.
        is_ours: It was an error of autrainer.
        message: Its message.
        hit: The file of the call that failed.
        told: What was written to stderr.
        counts: Calls by kind.
    """

    status: int
    error: str = ""
    is_ours: bool = False
    message: str = ""
    hit: str = ""
    told: str = ""
    counts: tuple[int, ...] = ()


class Library:
    """The functions of `faults.c`, which this process was started with."""

    def __init__(self) -> None:
        self._functions = ctypes.CDLL(None)
        self._functions.faults_hit.restype = ctypes.c_char_p

    def watch(self, folder: Path | None) -> None:
        self._functions.faults_watch(b"" if folder is None else os.fsencode(folder))

    def keep(self, folder: Path) -> None:
        self._functions.faults_keep(os.fsencode(folder))

    def inject(self, fault: Fault) -> None:
        kind = len(KINDS) if fault.kind == ANY else KINDS.index(fault.kind)
        self._functions.faults_inject(kind, fault.number, fault.error, fault.lasts)

    def counts(self) -> tuple[int, ...]:
        return tuple(self._functions.faults_count(kind) for kind in range(len(KINDS) + 1))

    def hit(self) -> str:
        return os.fsdecode(self._functions.faults_hit())


def compiled(folder: Path) -> Path:
    """The library, made by the C compiler of this machine."""
    library = folder / "faults.so"
    command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]
    subprocess.run([*command, str(library), str(SOURCE), "-ldl"], check=True)
    return library


def attempt(
    folder: Path, fault: Fault | None = None, kept: Path | None = None, *, continues: bool
) -> Ended:
    """Train in a forked process in which a call fails."""
    report, told = folder / "report", folder / "told"
    child = os.fork()
    if child == 0:
        overrides = OVERRIDES + (CONTINUED if continues else ())
        _train_and_leave(folder, overrides, told, fault, kept)
    _, status = os.waitpid(child, 0)
    found = json.loads(report.read_text()) if report.is_file() else {}
    report.unlink(missing_ok=True)
    return Ended(status, told=told.read_text(), **found)


def _train_and_leave(
    folder: Path, overrides: tuple[str, ...], told: Path, fault: Fault | None, kept: Path | None
) -> None:
    stderr = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(stderr, 2)
    found: dict[str, object] = {}
    library = Library()
    if kept is not None:
        library.keep(kept)
    if fault is not None:
        library.inject(fault)
    if CONTINUED[0] in overrides and not (folder / RUN).exists():
        shorter = configured(*OVERRIDES, "iterations=1")
        ModularTaskTrainer(shorter, folder / SHORTER).train()
    library.watch(folder / RUN.parent)
    try:
        if is_finished(folder / RUN):
            # As the command does with runs that it skips.
            tidy_up(folder / RUN)
        else:
            ModularTaskTrainer(configured(*overrides), folder / RUN).train()
    except BaseException as error:
        ours = isinstance(error, AutrainerError)
        found |= {"error": traceback.format_exc(), "is_ours": ours, "message": str(error)}
    library.watch(None)
    found |= {"hit": library.hit(), "counts": library.counts()}
    (folder / "report").write_text(json.dumps(found))
    sys.stderr.flush()
    os._exit(1 if "error" in found else 0)


def digest(path: Path) -> str:
    """Digest of a file."""
    return hashlib.blake2b(path.read_bytes()).hexdigest()


class Reference:
    """A run that is left alone: what all others have to end as.

    Args:
        folder: Where it may write.
        continues: It goes on from a shorter one.
    """

    def __init__(self, folder: Path, *, continues: bool) -> None:
        kept = folder / "kept"
        kept.mkdir(parents=True)
        self.name = "continued" if continues else "alone"
        self._continues = continues
        ended = attempt(folder, kept=kept, continues=continues)
        assert ended.status == 0, ended.error
        self.counts = dict(zip((*KINDS, ANY), ended.counts, strict=True))
        self.contents = contents(folder)
        self._versions = {digest(path) for path in kept.iterdir()}

    def complaints(self, folder: Path, fault: Fault) -> Iterator[str]:
        """Let a run meet a fault and go on; what is not as it has to be then."""
        ended = attempt(folder, fault, continues=self._continues)
        if not ended.hit and fault.error:
            # Threads take turns: this time there was no such call.
            return
        yield from _complaints_about_end(ended, folder / RUN, fault)
        yield from self._complaints_about_files(folder / RUN)
        again = attempt(folder, continues=self._continues)
        if again.status:
            yield f"it does not go on: {again.error}"
            return
        found = contents(folder)
        names = {*self.contents, *found}
        for name in sorted(n for n in names if self.contents.get(n) != found.get(n)):
            yield f"{name} is another one in the end"

    def _complaints_about_files(self, run: Path) -> Iterator[str]:
        """Files that are no file that the undisturbed run has written at some time."""
        for path in sorted(path for path in run.rglob("*") if path.is_file()):
            try:
                if path.suffix == ".yaml":
                    yaml.safe_load(path.read_bytes())
                if path.suffix == ".pt":
                    torch.load(path, weights_only=True)
                if path.parent.name == RESUME and path.suffix != ".tmp":
                    read_sealed(path)
                elif not _tells_of_time(path) and digest(path) not in self._versions:
                    yield f"{path.relative_to(run)} is not whole"
            except Exception as error:
                yield f"{path.relative_to(run)} cannot be read: {error!r}"


def _tells_of_time(path: Path) -> bool:
    # What a process that was killed leaves behind is not under its final name.
    return path.name in {*TELLS_OF_TIME, "error.txt", ".lock"} or path.suffix == ".tmp"


def _complaints_about_end(ended: Ended, run: Path, fault: Fault) -> Iterator[str]:
    if not fault.error:
        if ended.status != signal.SIGKILL:
            yield f"it was not killed: {ended.status}"
        return
    if not ended.error:
        hit = Path(ended.hit)
        places = [place for place in (hit, *hit.parents) if place not in (run, *run.parents)]
        is_told = any(f"{place} " in ended.told for place in places)
        if not is_told and not _need_not_be_told(hit, fault):
            yield f"it went on and did not tell of {ended.hit}"
        return
    if not ended.is_ours:
        yield f"no error of ours: {ended.error}"
    if str(run.parent) not in ended.message:
        yield f"the message names no file: {ended.message}"
    if not fault.lasts and (run / "status.yaml").is_file():
        state = yaml.safe_load((run / "status.yaml").read_text())["state"]
        if state != "failed":
            yield f"status.yaml says {state}"
        left = [path.name for path in run.rglob(".autrainer-*.tmp")]
        if left:
            yield f"temporary files are left: {left}"


def _need_not_be_told(hit: Path, fault: Fault) -> bool:
    """Folders that may not be read cannot be synced; a lock that nobody holds hinders nobody."""
    # Folders that were copied have another name by now.
    is_folder = hit.is_dir() or hit.name.endswith(".copying")
    is_private = fault.kind == "sync" and fault.error == errno.EACCES and is_folder
    return is_private or (fault.kind == "remove" and hit.name == ".lock")


def all_faults(counts: dict[str, int]) -> list[Fault]:
    """Every error at every call, once and from then on; and a kill after every rename."""
    numbers = [(kind, n) for kind, count in counts.items() for n in range(1, count + 1)]
    faults = [
        Fault(*which, error, lasts)
        for which in numbers
        for error in ERRORS
        for lasts in (False, True)
        if which[0] != ANY
    ]
    faults += [Fault(*which, errno.EROFS, True) for which in numbers if which[0] == ANY]
    return faults + [Fault(*which, 0) for which in numbers if which[0] == "rename"]


def main() -> int:
    """Try faults, and say what did not go well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, help="so many, drawn at random; by default all")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kind", choices=(*KINDS, ANY), help="only calls of this kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "faults.so" not in os.environ.get("LD_PRELOAD", ""):
            environment = dict(os.environ, LD_PRELOAD=str(compiled(folder)))
            command = [sys.executable, "-m", "tests.torture.faults", *sys.argv[1:]]
            return subprocess.run(command, env=environment, check=False).returncode
        return torture(folder, arguments.faults, arguments.seed, arguments.kind)


def torture(folder: Path, limit: int | None, seed: int, kind: str | None) -> int:
    """Try faults in a run by itself and in one that goes on from a shorter one."""
    torch.set_num_threads(1)
    cases = []
    for continues in (False, True):
        reference = Reference(folder / f"reference {continues}", continues=continues)
        faults = [f for f in all_faults(reference.counts) if kind in (None, f.kind)]
        cases += [(reference, fault) for fault in faults]
        calls = ", ".join(f"{count} {kind}" for kind, count in reference.counts.items())
        print(f"{reference.name}: {calls}; {len(faults)} faults")
    if limit is not None:
        cases = random.Random(seed).sample(cases, min(limit, len(cases)))
    bad = 0
    for number, (reference, fault) in enumerate(cases):
        tried = folder / str(number)
        tried.mkdir()
        complaints = list(reference.complaints(tried, fault))
        bad += bool(complaints)
        for complaint in complaints:
            print(f"{reference.name}, {fault}: {complaint}", flush=True)
        shutil.rmtree(tried)
    print(f"{len(cases)} faults, {bad} not survived (seed {seed})")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
