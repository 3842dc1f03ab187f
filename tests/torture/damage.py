"""Damages the files of runs one after the other, and looks what the next command makes of it.

`make torture` damages every file in every way, the test beside it a few. What is started is the
command itself, each time in a process of its own that is forked from one that has imported it.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from autrainer.cli.commands.train import run as train
from autrainer.errors import CorruptFileError
from autrainer.runs.layout import RESUME
from autrainer.runs.state.torch_files import COMMENT_BYTES, read_state
from tests.torture.kills import TELLS_OF_TIME

OPTIONS = (
    *("dataset=ToyTabular-C", "dataset.size=200", "model.hidden_size=8", "device=cpu", "seed=1"),
    *("optimizer=Adam", "scheduler=StepLR", "batch_size=8", "progress_bar=false"),
    *("plotting=None", "resume_every=1"),
)
SHORT, LONG = (*OPTIONS, "iterations=2"), (*OPTIONS, "iterations=3")
LIMIT_S = 60
"""What takes longer has got stuck."""

UNCOMPARED = {
    *TELLS_OF_TIME,
    "train_script.log",
    "train.log",
    "multirun.yaml",
    "sweep.yaml",
    ".lock",
}
DAMAGES = ("flipped", "cut off", "emptied", "removed")


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Args:
        status: Of the process, as `os.waitpid` gives it.
        output: What it printed.
    """

    status: int
    output: str


def command(project: Path, options: tuple[str, ...]) -> Ended:
    """`autrainer train` in the folder of a project, from its beginning to its end."""
    output = project / "output"
    _, status = os.waitpid(_started(project, options, output), 0)
    return Ended(status, output.read_text(errors="replace"))


def _started(project: Path, options: tuple[str, ...], output: Path) -> int:
    """The process of a command that has begun."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.alarm(LIMIT_S)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.chdir(project)
        train(None, list(options))
        code = 0
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException as error:
        # As the command does with what is raised.
        is_message = type(error).__name__ == "CommandLineError"
        print(error if is_message else traceback.format_exc(), file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def interrupted(project: Path) -> None:
    """Leave a run that was killed within an epoch, with states and rows to go on from."""
    is_killed = False
    while not is_killed:
        shutil.rmtree(project / "results", ignore_errors=True)
        child = _started(project, LONG, project / "output")
        is_killed = _killed_within_an_epoch(child, project)


def _killed_within_an_epoch(child: int, project: Path) -> bool:
    """Kill a command after its first epoch; False if it was faster and has ended."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0, (project / "output").read_text()
            return False
        if any(project.glob("results/*/training/*/epoch_1/dev.yaml")) and any(
            project.glob(f"results/*/training/*/{RESUME}/rows-*")
        ):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return True
        time.sleep(0.0005)


def contents(project: Path) -> dict[str, str]:
    """Digest of every file of the runs of a project that has to be the same."""
    return {
        str(path.relative_to(project)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted((project / "results").rglob("*"))
        if path.is_file() and path.name not in UNCOMPARED
    }


class Situation:
    """A project with a run in it, and the command that its user gives next.

    Args:
        name: What it is.
        project: The project, which is copied and never changed.
        options: The options of the command.
    """

    def __init__(self, name: str, project: Path, options: tuple[str, ...]) -> None:
        self.name = name
        self.options = options
        self._project = project
        self.files = sorted(p.relative_to(project) for p in project.rglob("*") if p.is_file())
        self.files = [path for path in self.files if path.parts[0] == "results"]
        self._whole = project.with_name(f"{project.name} whole")
        shutil.copytree(project, self._whole)
        ended = command(self._whole, options)
        assert ended.status == 0, ended.output
        self._before, self._expected = contents(project), contents(self._whole)

    def complaints(self, file: Path, damage: str, rng: random.Random, folder: Path) -> list[str]:
        """Damage a file and give the command; what is not as it has to be then."""
        shutil.copytree(self._project, folder)
        spoil(folder / file, damage, rng)
        ended = command(folder, self.options)
        found = list(self._complaints(ended, file, folder))
        shutil.rmtree(folder)
        return found

    def _complaints(self, ended: Ended, file: Path, folder: Path) -> Iterator[str]:
        if ended.status == signal.SIGALRM:
            yield "it got stuck"
        elif ended.status != 0:
            # A folder is enough where a file says something else than the configuration.
            names_it = str(file) in ended.output or f"{file.parents[-4]}" in ended.output
            if not names_it or "Traceback" in ended.output:
                yield f"no clear error: {ended.output}"
        else:
            yield from self._differences(folder, file)

    def _differences(self, folder: Path, file: Path) -> Iterator[str]:
        found = contents(folder)
        for name in sorted({*found, *self._expected}):
            # A shorter run that could not be gone on from is not removed either.
            expected = self._expected.get(name, self._before.get(name) if name in found else None)
            if found.get(name) == expected:
                continue
            # What nobody reads stays as it is, here and in copies, if no state is taken for sound.
            is_copy = Path(name).parts[-2:] == file.parts[-2:]
            place = self._whole if name in self._expected else self._project
            is_wrong = name in found and _passes_for_sound(folder / name, place / name)
            if not is_copy or is_wrong:
                yield f"{name} is another one in the end"


def _passes_for_sound(path: Path, whole: Path) -> bool:
    """Whether another state than that of the whole file is read from a file."""
    # Where only the comment of the archive was hit, with the checksum, every value is as it was.
    values = whole.read_bytes()[:-COMMENT_BYTES]
    if path.suffix != ".pt" or path.read_bytes().startswith(values):
        return False
    try:
        read_state(path)
    except CorruptFileError:
        return False
    return True


def spoil(path: Path, damage: str, rng: random.Random) -> None:
    """Damage a file."""
    content = bytearray(path.read_bytes())
    if damage == "removed":
        path.unlink()
        return
    if damage == "emptied":
        content.clear()
    elif damage == "cut off":
        del content[rng.randrange(len(content)) :]
    else:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def situations(folder: Path) -> list[Situation]:
    """A run that has finished, one that was killed, and one that a longer one goes on from."""
    # Here, and not in every process that is forked.
    importlib.import_module("autrainer.training")
    for name in ("finished", "interrupted", "shorter"):
        # Plots would take longer than everything else.
        no_plots = folder / name / "conf" / "plotting" / "None.yaml"
        no_plots.parent.mkdir(parents=True)
        no_plots.touch()
    for name, options in (("finished", LONG), ("shorter", SHORT)):
        ended = command(folder / name, options)
        assert ended.status == 0, ended.output
    interrupted(folder / "interrupted")
    return [
        Situation("the same again", folder / "finished", LONG),
        Situation("gone on with", folder / "interrupted", LONG),
        Situation("a longer one", folder / "shorter", LONG),
    ]


def torture(folder: Path, *, limit: int | None, times: int, seed: int) -> tuple[int, list[str]]:
    """Damage files; how many, and what did not go well.

    Args:
        folder: Where to write.
        limit: So many, drawn at random; None stands for all of them.
        times: How often each file is flipped and cut off, at other places.
        seed: Of what is drawn.
    """
    rng = random.Random(seed)
    cases = [
        (situation, file, damage)
        for situation in situations(folder)
        for file in situation.files
        for damage in (*DAMAGES[:2] * times, *DAMAGES[2:])
    ]
    if limit is not None:
        cases = rng.sample(cases, min(limit, len(cases)))
    complaints = []
    for situation, file, damage in cases:
        for complaint in situation.complaints(file, damage, rng, folder / "damaged"):
            complaints.append(f"{situation.name}, {file} {damage}: {complaint}")
            print(complaints[-1], flush=True)
    return len(cases), complaints


def main() -> int:
    """Damage files, and say what did not go well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, help="so many, drawn at random; by default all")
    parser.add_argument("--times", type=int, default=3, help="flips and cuts of each file")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        damaged, complaints = torture(
            Path(name), limit=arguments.files, times=arguments.times, seed=arguments.seed
        )
    print(f"{damaged} files damaged, {len(complaints)} complaints (seed {arguments.seed})")
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
