"""One process of a run of several: `python -m autrainer.training.worker JOB`.

Started by `autrainer train` with `devices` of more than one; it trains what the file of the job
describes, together with the others, and tells how that has ended.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autrainer.runs.process.distributed import DistributedCommunicator
    from autrainer.runs.process.endings import Ending
    from autrainer.training.ranks.job import Job


def train(job: Job, communicator: DistributedCommunicator, listener: object = None) -> float:
    """Train a run with the other processes; tell them how that has ended, whatever it is.

    Args:
        job: The run.
        communicator: The processes.
        listener: Its hooks are called in this one, after those of all others.
    """
    from autrainer.callbacks.pruning import Pruning, TrialPlace
    from autrainer.runs.process.endings import Ending
    from autrainer.training.trainer import ModularTaskTrainer

    rank = communicator.process.rank
    try:
        trainer = ModularTaskTrainer(job.config, job.directory, communicator=communicator)
        trainer.callback_manager.register(listener)
        if job.trial is not None and communicator.process.is_main:
            trainer.callback_manager.register(Pruning(TrialPlace(**job.trial)))
        value = trainer.train()
    except BaseException as error:
        _tell(communicator, Ending.of(rank, error))
        raise
    _tell(communicator, Ending.of(rank, None))
    return value


def _tell(communicator: DistributedCommunicator, ending: Ending) -> None:
    # Whoever listens may be gone; the exit code tells as well.
    with contextlib.suppress(RuntimeError):
        communicator.endings.tell(ending)


def run(job_path: Path) -> int:
    """Train the run of a job file as the process that the environment describes.

    Returns:
        The exit code: 0, 1 after an error, 128 and the number of the signal that has stopped it.
    """
    import torch

    from autrainer.runs.process.distributed import DistributedCommunicator
    from autrainer.runs.process.signals import save_signals_ignored
    from autrainer.training.ranks.counting import threads_of_process
    from autrainer.training.ranks.job import Job

    threads = threads_of_process(os.cpu_count() or 1)
    if threads is not None:
        torch.set_num_threads(threads)
    job = Job.read(job_path)
    communicator = DistributedCommunicator()
    with job.surroundings(communicator.process), save_signals_ignored():
        try:
            train(job, communicator)
        except KeyboardInterrupt as error:
            return int(getattr(error, "exit_code", 130))
        except Exception:
            return 1
    return 0


def main() -> None:
    """Run as a process of its own, and leave without tearing the interpreter down."""
    from autrainer.runs.process.signs_of_life import give_signs

    give_signs()
    try:
        code = run(Path(sys.argv[1]))
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
