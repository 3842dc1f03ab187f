"""Kills runs at random moments and looks whether they end as one that was left alone.

`make torture` runs this for long, the test beside it briefly. Every attempt is a process of its own
that is killed with SIGKILL, so nothing gets a chance to tidy up: in the middle of a step, of an
evaluation, of a write, between a write and its rename, while a shorter run is copied.
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

import torch

from autrainer.runs.finished import is_finished, tidy_up
from autrainer.training import ModularTaskTrainer
from tests.training.conftest import configured

TELLS_OF_TIME = {
    *("timer.yaml", "stages.yaml", "status.yaml", "training.log"),
    *("hardware.yaml", "requirements.txt", "MANIFEST"),
}
"""Files that say when and where a run took place."""

KINDS = {
    "epochs": ("iterations=6", "resume_every=2"),
    "epochs evaluated every other time": ("iterations=6", "eval_frequency=2", "resume_every=1"),
    "steps": ("training_type=step", "iterations=40", "eval_frequency=8", "resume_every=3"),
    "steps with a schedule by batch": (
        *("training_type=step", "iterations=40", "eval_frequency=20", "resume_every=4"),
        *("scheduler=StepLR", "scheduler.step_frequency=batch", "optimizer=Adam"),
    ),
    "workers": ("iterations=5", "resume_every=1", "+train_loader_kwargs.num_workers=2"),
    "a run that a callback stops": (
        *("iterations=9", "eval_frequency=2", "resume_every=1"),
        "callbacks=[{tests.training.parts.StopsTraining: {event: cb_on_step_end, iteration: 5}}]",
    ),
    "a mean of the best weights": (
        *("iterations=6", "resume_every=2", "swa={best: 2}", "save_frequency=6"),
    ),
    "a continued run": ("iterations=6", "resume_every=2", "continue_training=true"),
}
"""What is trained, each with a way of its own to be in the middle of something."""


@dataclass
class Result:
    """What came of killing a kind of run.

    Args:
        kills: Processes that were killed while they worked.
        runs: Runs that ended in spite of that.
        resumed: Attempts that went on from a kept state.
        differences: Files that were not as in the run that was left alone.
    """

    kills: int = 0
    runs: int = 0
    resumed: int = 0
    differences: list[str] = field(default_factory=list)


def train(folder: Path, overrides: tuple[str, ...]) -> None:
    """One attempt, in this process; a run that has finished is left alone."""
    if is_finished(folder / "experiment" / "training" / "run"):
        # As the command does with runs that it skips.
        tidy_up(folder / "experiment" / "training" / "run")
        return
    if "continue_training=true" in overrides:
        shorter = tuple(o for o in overrides if not o.startswith("iterations"))
        run = folder / "experiment" / "training" / "short"
        if not is_finished(run) and not (folder / "experiment/training/run").exists():
            cfg = configured("dataset.size=400", *shorter, "iterations=2")
            ModularTaskTrainer(cfg, run).train()
    cfg = configured("dataset.size=400", *overrides)
    if "continue_training=true" in overrides:
        cfg.remove_continued_runs = True
    trainer = ModularTaskTrainer(cfg, folder / "experiment" / "training" / "run")
    if trainer.resumption.is_resumed:
        (folder / "resumed").open("a").write(".")
    trainer.train()


def attempt(folder: Path, overrides: tuple[str, ...], kill_after_s: float | None) -> bool:
    """Fork, train, and kill it after a while; whether it had ended before.

    Raises:
        AssertionError: if the run failed by itself.
    """
    child = os.fork()
    if child == 0:
        _train_and_leave(folder, overrides)
    deadline = None if kill_after_s is None else time.monotonic() + kill_after_s
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            error = folder / "failed"
            assert status == 0, error.read_text() if error.exists() else f"status {status}"
            return True
        if deadline is not None and time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.0005)


def _train_and_leave(folder: Path, overrides: tuple[str, ...]) -> None:
    code = 1
    try:
        train(folder, overrides)
        code = 0
    except BaseException:
        (folder / "failed").write_text(traceback.format_exc())
    finally:
        os._exit(code)


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file that has to be the same."""
    run = folder / "experiment" / "training" / "run"
    return {
        str(path.relative_to(run)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in TELLS_OF_TIME
    }


def torture(
    overrides: tuple[str, ...], *, kills: int, seed: int, folder: Path, show: bool = False
) -> Result:
    """Kill runs of one kind so many times."""
    rng = random.Random(seed)
    reference = folder / "reference"
    reference.mkdir(parents=True)
    begun = time.monotonic()
    attempt(reference, overrides, None)
    whole_s = time.monotonic() - begun
    expected = contents(reference)
    result = Result()
    while result.kills < kills:
        tried = folder / "tried"
        tried.mkdir()
        # After the last kill a run ends however slow the machine has become meanwhile.
        while not attempt(tried, overrides, _moment(rng, whole_s, kills - result.kills)):
            result.kills += 1
        result.runs += 1
        resumed = tried / "resumed"
        result.resumed += len(resumed.read_text()) if resumed.exists() else 0
        found = contents(tried)
        different = [name for name in {*expected, *found} if expected.get(name) != found.get(name)]
        result.differences += sorted(different)
        if show:
            print(f"  {result.kills} kills, {result.runs} runs, {len(different)} differences")
        if different:
            return result
        shutil.rmtree(tried)
    return result


def _moment(rng: random.Random, whole_s: float, kills_left: int) -> float | None:
    return rng.uniform(0, whole_s) if kills_left > 0 else None


def main() -> int:
    """Torture every kind of run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of each kind of run")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kind", choices=KINDS, help="only this one")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"seed {arguments.seed}")
    total, bad = 0, False
    for kind, overrides in KINDS.items():
        if arguments.kind in (None, kind):
            print(f"{kind}: {' '.join(overrides)}")
            with tempfile.TemporaryDirectory() as folder:
                result = torture(
                    overrides,
                    kills=arguments.kills,
                    seed=arguments.seed,
                    folder=Path(folder),
                    show=True,
                )
            total += result.kills
            bad = bad or bool(result.differences)
            print(f"  {result.kills} kills, {result.resumed} resumed, {result.runs} runs")
            for name in result.differences:
                print(f"  differs: {name}")
    print(f"{total} kills survived" if not bad else "runs differ", f"(seed {arguments.seed})")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
