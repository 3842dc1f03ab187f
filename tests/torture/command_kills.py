"""Kills `inference` and `preprocess` at random moments and looks whether they end as if left alone.

`make torture` runs this for long, the test beside it briefly. Every attempt is a process of its own
that is killed with SIGKILL: while a recording is read, between a file and the note about it, in the
middle of a line, while tables are written.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from autrainer.data.file_handlers import AudioFileHandler
from autrainer.preprocessing.by_core import extract_by_core
from autrainer.preprocessing.by_torch import extract_by_torch
from autrainer.preprocessing.extraction import run_job
from autrainer.preprocessing.jobs import Job
from autrainer.serving.directory import Outputs, run_directory
from autrainer.serving.inference import Inference, find_files
from autrainer.transforms import StereoToMono
from tests.conftest import REPOSITORY
from tests.serving.conftest import write_model
from tests.torture.recordings import RATE, write_many

PREPROCESSING = {
    "file_handler": {"autrainer.datasets.utils.AudioFileHandler": {"target_sample_rate": RATE}},
    "pipeline": ["autrainer.transforms.StereoToMono"],
}
NPY = "autrainer.datasets.utils.NumpyFileHandler"


def infer(project: Path, output: Path) -> None:
    """Predictions and embeddings of windows of all recordings."""
    inference = Inference(
        project / "model",
        window_length=0.1,
        tail="pad",
        batch_size=4,
        trusted=[REPOSITORY],
    )
    root = project / "in"
    names = find_files(root, "wav", recursive=True)
    outputs = Outputs(output, embeddings=".npy")
    run_directory(inference, root, names, outputs, update_frequency=0)


def preprocess(project: Path, output: Path) -> None:
    """Features of all recordings, by the classes."""
    _features(project, output, extract_by_torch)


def preprocess_by_core(project: Path, output: Path) -> None:
    """Features of all recordings, by the core."""
    _features(project, output, extract_by_core)


def _features(project: Path, output: Path, extract_of: Any) -> None:
    root = project / "in"
    names = find_files(root, "wav", recursive=True)
    files = {f"{name.removesuffix('.wav')}.npy": str(root / name) for name in names}
    job = Job("Mine", "mine", PREPROCESSING, output, files, NPY)
    run_job(job, extract_of, num_threads=2, update_frequency=0)


COMMANDS = {"inference": infer, "preprocess": preprocess, "by_core": preprocess_by_core}


@dataclass
class Result:
    """What came of killing a command.

    Args:
        kills: Processes that were killed while they worked.
        calls: Commands that ended in spite of that.
        differences: Files that were not as after the command that was left alone.
    """

    kills: int = 0
    calls: int = 0
    differences: list[str] = field(default_factory=list)


def make_project(folder: Path, num: int) -> None:
    """A model and recordings."""
    write_model(folder / "model", handler=AudioFileHandler(RATE), pipeline=[StereoToMono()])
    write_many(folder / "in", num)


def attempt(command: str, project: Path, output: Path, kill_after_s: float | None) -> bool:
    """Fork, run a command, and kill it after a while; whether it had ended before.

    Raises:
        AssertionError: if it failed by itself.
    """
    child = os.fork()
    if child == 0:
        _run_and_leave(command, project, output)
    deadline = None if kill_after_s is None else time.monotonic() + kill_after_s
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            error = project / "failed"
            assert status == 0, error.read_text() if error.exists() else f"status {status}"
            return True
        if deadline is not None and time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.0005)


def _run_and_leave(command: str, project: Path, output: Path) -> None:
    code = 1
    try:
        COMMANDS[command](project, output)
        code = 0
    except BaseException:
        (project / "failed").write_text(traceback.format_exc())
    finally:
        os._exit(code)


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file."""
    return {
        str(path.relative_to(folder)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def torture(
    command: str, *, kills: int, seed: int, folder: Path, num: int = 60, show: bool = False
) -> Result:
    """Kill a command so many times."""
    rng = random.Random(seed)
    project = folder / "project"
    make_project(project, num)
    # What a first call imports would be most of what is killed.
    COMMANDS[command](project, folder / "first")
    begun = time.monotonic()
    attempt(command, project, folder / "reference", None)
    whole_s = time.monotonic() - begun
    expected = contents(folder / "reference")
    result = Result()
    tried = folder / "tried"
    while result.kills < kills:
        while not attempt(command, project, tried, _moment(rng, whole_s, kills - result.kills)):
            result.kills += 1
        result.calls += 1
        found = contents(tried)
        different = [name for name in {*expected, *found} if expected.get(name) != found.get(name)]
        result.differences += sorted(different)
        if show:
            print(f"  {result.kills} kills, {result.calls} calls, {len(different)} differences")
        if different:
            return result
        shutil.rmtree(tried)
    return result


def _moment(rng: random.Random, whole_s: float, kills_left: int) -> float | None:
    # Soon enough that one call is killed several times.
    return rng.uniform(0, whole_s / 3) if kills_left > 0 else None


def main() -> int:
    """Torture all commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="of each command")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--command", choices=COMMANDS, help="only this one")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"seed {arguments.seed}")
    bad = False
    for command in COMMANDS:
        if arguments.command not in (None, command):
            continue
        print(f"{command}:")
        with tempfile.TemporaryDirectory() as folder:
            options = {"kills": arguments.kills, "seed": arguments.seed}
            result = torture(command, folder=Path(folder), show=True, **options)
        bad = bad or bool(result.differences)
        print(f"  {result.kills} kills, {result.calls} calls")
        for name in result.differences:
            print(f"  differs: {name}")
    print("outputs differ" if bad else "all outputs are equal", f"(seed {arguments.seed})")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
