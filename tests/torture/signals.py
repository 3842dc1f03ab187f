"""Stops commands by signals at random moments, and looks how they end and what they go on to.

`make torture` runs this for long, the test beside it briefly. A signal comes at any moment of the
life of a command (while the interpreter starts, imports, composes, builds, trains, evaluates,
tells and leaves), to the process alone or to its group, as a terminal and `timeout` do. Each time
the exit code has to be that of the signal, and no error may show. The same command is given until
it ends by itself, and then its results have to be those of one that was left alone.
"""

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.forked import AUTRAINER
from tests.torture.kills import TELLS_OF_TIME

SMALL = (
    *("device=cpu", "dataset.size=400", "iterations=6", "progress_bar=true", "resume_every=1"),
    *("plotting=None", "batch_size=16", "learning_rate=0.01"),
)
WORKERS = ("dataset._target_=own.Own", "dataset.train_loader_kwargs.num_workers=2")
KINDS = {
    "a run": ("seed=1",),
    "a sweep": ("seed=1,2",),
    "a run with worker processes": ("seed=1", *WORKERS),
    "a sweep with worker processes": ("seed=1,2", *WORKERS),
}
"""What is trained."""

OWN = """
from autrainer.data import DataBatch
from autrainer.datasets import ToyDataset


def collate(items):
    return DataBatch.collate(items)


class Own(ToyDataset):
    default_collate_fn = staticmethod(collate)
"""

BAD = (
    *("Traceback", "panick", "PanicException", "FakeTensor", "is no configuration"),
    *("Exception ignored", "Fatal Python error", "Error:", "jobs failed", "terminate called"),
)
"""What nobody wants to read after Ctrl-C."""

STUCK_S = 300
LAST_MOMENT_S = 2
"""Who is signalled while the system takes its memory back ends as if it were not, within this."""


@dataclass
class Result:
    """What came of stopping a kind of command.

    Args:
        signals: Signals that were sent while the command lived.
        ended: How the commands that got them ended, and how often.
        before: Those that came before the handlers stood; Python tells of them in its own way.
        runs: Commands that ended by themselves in the end.
        complaints: What was not as it has to be.
    """

    signals: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    before: int = 0
    runs: int = 0
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shot:
    """A signal.

    Args:
        number: Which one.
        to_group: To all processes of the group, or to the first one alone.
        after_s: Seconds after the start.
    """

    number: signal.Signals
    to_group: bool
    after_s: float

    def __str__(self) -> str:
        whom = "the group" if self.to_group else "the process"
        return f"{self.number.name} to {whom} after {self.after_s * 1000:.0f} ms"


class Command:
    """A command in a group of its own; the program is the installed one.

    Args:
        folder: Its working directory; what it prints goes to the file `said` there.
        overrides: Its arguments.
    """

    def __init__(self, folder: Path, overrides: tuple[str, ...]) -> None:
        self._said = (folder / "said").open("w+b")
        self._process = subprocess.Popen(
            [str(AUTRAINER), "train", *SMALL, *overrides],
            cwd=folder,
            stdout=self._said,
            stderr=self._said,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def send(self, shot: Shot) -> bool:
        """Send a signal, unless the command has ended; whether it was sent."""
        try:
            code = self._process.wait(shot.after_s)
        except subprocess.TimeoutExpired:
            code = None
        if code is not None:
            return False
        (os.killpg if shot.to_group else os.kill)(self._process.pid, shot.number)
        return True

    def end(self) -> tuple[int, str]:
        """Exit code as a shell tells it, and what was said."""
        code = self._process.wait(STUCK_S)
        self._said.seek(0)
        said = self._said.read().decode(errors="replace")
        self._said.close()
        return code if code >= 0 else 128 - code, said


def project(folder: Path) -> Path:
    """A folder in which commands can be given."""
    plots = folder / "conf" / "plotting"
    plots.mkdir(parents=True)
    (plots / "None.yaml").touch()
    (folder / "own.py").write_text(OWN)
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file of the results that has to be the same."""
    results = folder / "results"
    names = {*TELLS_OF_TIME, "hydra.yaml", "multirun.yaml", "sweep.yaml", "stages.yaml"}
    return {
        str(path.relative_to(results)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.name not in names and path.suffix != ".log"
    }


def complaints_of(shot: Shot, was_sent: bool, code: int, said: str) -> list[str]:
    """What was not as it has to be at the end of a command."""
    # A command that has just ended when it was signalled may end as it would have.
    allowed = {0, 128 + shot.number} if was_sent else {0}
    found = [word for word in BAD if word in said]
    if code not in allowed:
        found.append(f"exit code {code}")
    return [f"{shot}: {', '.join(found)}\n{said}"] if found else []


def is_early(said: str) -> bool:
    """Whether a signal came before the first line of the command, so that Python has told of it."""
    told = "KeyboardInterrupt" in said or "Fatal Python error" in said
    return told and not re.search(r'cli/main\.py", line \d+, in ', said.replace("in <module>", ""))


def torture(
    overrides: tuple[str, ...],
    *,
    signals: int,
    seed: int,
    folder: Path,
    start=Command,
    within_s: float | None = None,
    show: bool = False,
) -> Result:
    """Send signals to commands of one kind, in their whole life or the beginning of it."""
    rng = random.Random(seed)
    begun = time.monotonic()
    reference = project(folder / "reference")
    code, said = start(reference, overrides).end()
    whole_s = time.monotonic() - begun
    assert code == 0, said
    expected = contents(reference)
    result = Result()
    while result.signals < signals:
        tried = project(folder / "tried")
        was_sent = True
        while was_sent:
            number = rng.choice([signal.SIGINT, signal.SIGTERM])
            shot = Shot(number, rng.random() < 0.5, rng.uniform(0, within_s or whole_s))
            command = start(tried, overrides)
            was_sent = result.signals < signals and command.send(shot)
            sent_s = time.monotonic()
            code, said = command.end()
            if was_sent and code == 0 and time.monotonic() - sent_s > LAST_MOMENT_S:
                result.complaints.append(f"{shot}: it was not heeded\n{said}")
            if was_sent:
                result.signals += 1
                result.ended[f"{number.name}: {code}"] += 1
            if was_sent and is_early(said):
                result.before += 1
            else:
                result.complaints += complaints_of(shot, was_sent, code, said)
            if show:
                print(f"  {result.signals} {shot}: {code}", flush=True)
        result.runs += 1
        found = contents(tried)
        different = [name for name in {*expected, *found} if expected.get(name) != found.get(name)]
        result.complaints += [f"differs: {name}" for name in sorted(different)]
        shutil.rmtree(tried)
    return result


def main() -> int:
    """Torture every kind of command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=50, help="to each kind of command")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kind", choices=KINDS, help="only this one")
    parser.add_argument("--within", type=float, help="only in so many first seconds of a command")
    parser.add_argument("--show", action="store_true", help="tell of every signal")
    arguments = parser.parse_args()
    # Shells start what is in the background with this signal ignored; commands would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"seed {arguments.seed}", flush=True)
    total, bad = 0, 0
    for number, (kind, overrides) in enumerate(KINDS.items()):
        if arguments.kind in (None, kind):
            with tempfile.TemporaryDirectory() as folder:
                result = torture(
                    overrides,
                    signals=arguments.signals,
                    seed=arguments.seed + number,
                    folder=Path(folder),
                    within_s=arguments.within,
                    show=arguments.show,
                )
            total += result.signals
            bad += len(result.complaints)
            print(f"{kind}: {result.signals} signals, {result.runs} commands ended by themselves")
            print(f"  {dict(sorted(result.ended.items()))}, {result.before} while Python started")
            for complaint in result.complaints:
                print(f"  {complaint}")
    print(f"{total} signals, {bad} complaints (seed {arguments.seed})")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
