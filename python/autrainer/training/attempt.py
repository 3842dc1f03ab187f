"""One attempt to train a run: it ends with everything given back, and the folder tells how."""

from __future__ import annotations

import logging
from collections.abc import Callable

from autrainer.errors import RunInterruptedError
from autrainer.runs.process.signals import Requests
from autrainer.runs.status import Status
from autrainer.training.checks.constructor_errors import sentence_of
from autrainer.training.checks.step_errors import explained
from autrainer.training.resuming.run_views import AttemptedRun

log = logging.getLogger(__name__)


def attempt(run: AttemptedRun, requests: Requests, train: Callable[[], float]) -> float:
    """Train, and write into the folder how that ended; the run is closed afterwards.

    Args:
        run: The run.
        requests: What signals ask for meanwhile.
        train: Trains, tests and writes everything; returns the value of the run.

    Raises:
        BaseException: what `train` raises, or an error that explains it.
    """
    status = Status(run.output_directory)
    try:
        with run.threads(), requests.prevailing():
            run.bookkeeping.write(status.begin)
            run.resumption.follow(requests)
            value = train()
            run.ending.write(status, run.conditions.state_dict())
    except BaseException as error:
        with requests.ending():
            cause = explained(error, run)
            if run.folder.is_held:
                is_interrupted = isinstance(error, KeyboardInterrupt)
                run.bookkeeping.write(status.stop, cause, interrupted=is_interrupted)
            if isinstance(error, RunInterruptedError) and error.__cause__ is not None:
                log.warning("While stopping: %s", sentence_of(error.__cause__))
        if cause is not error:
            raise cause from error
        raise
    finally:
        with requests.ending():
            run.close()
    return value
