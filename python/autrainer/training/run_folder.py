"""The folder of a run, taken into possession by the process that trains it."""

from __future__ import annotations

from pathlib import Path

from autrainer.config.hydra.sweep_points import refuse_other_run
from autrainer.config.schema.run import RunConfig
from autrainer.errors import OutputError
from autrainer.runs.finished import is_finished
from autrainer.runs.folder import Bookkeeping
from autrainer.runs.layout import refuse_misplaced
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.process.communicator import ALONE, Communicator
from autrainer.runs.state.resumable import ResumableState, ResumableStates
from autrainer.runs.writing.files import make_folder, remove_leftovers
from autrainer.training.recording.reproduction import record_config


class RunFolder:
    """A run folder whose lock is held; what writes into it, and what it can resume from.

    Of several processes of a run, the main one holds the lock and writes; the others read.

    Args:
        path: The folder; it is made if it is not there.
        config: Configuration of the run.
        experiment_id: Name of the experiment for loggers; by default that of the folder two
            levels above.
        run_name: Name of the run for loggers; by default that of the folder.
        communicator: Joins the processes of the run.

    Raises:
        RunInUseError: if another process works on it.
        ConfigError: if an attempt of another configuration was interrupted in it.

    Attributes:
        output_directory: The folder, absolute.
        bookkeeping: Writes into it.
        states: The rolling states in it.
        found: What an attempt that was interrupted has kept, or None.
    """

    def __init__(
        self,
        path: str | Path,
        config: RunConfig,
        experiment_id: str | None = None,
        run_name: str | None = None,
        communicator: Communicator = ALONE,
    ) -> None:
        process = communicator.process
        self.output_directory = Path(path).absolute()
        if process.is_main:
            make_folder(self.output_directory)
        self.experiment_id = experiment_id or self.output_directory.parent.parent.name
        self.run_name = run_name or self.output_directory.name
        self.lock = RunLock(self.output_directory) if process.is_main else None
        self._communicator, self._is_closed = communicator, False
        try:
            if not process.is_main:
                # Until the folder is there, locked and tidied up.
                communicator.gather(None)
            refuse_misplaced(self.output_directory)
            self.bookkeeping = Bookkeeping(str(self.output_directory), process=process)
            background = self.bookkeeping.background
            if self.lock is not None:
                self.lock.on_loss = background.fail
            self.bookkeeping.write(remove_leftovers, self.output_directory)
            self.states = ResumableStates(
                self.output_directory, background, self.bookkeeping.staging, process
            )
            self.found = self._find_state(config)
            if process.is_main:
                communicator.gather(None)
            self._refuse_other_state()
            record_config(self.bookkeeping, config.plain)
        except BaseException:
            self.close()
            raise

    @property
    def is_held(self) -> bool:
        """Whether this process may still work on the run."""
        return not self._is_closed if self.lock is None else self.lock.is_held

    def wait_for_files(self) -> None:
        """Wait until the main process has written everything; all processes call this.

        Raises:
            OutputError: if a file could not be written.
        """
        self.bookkeeping.background.join()
        self._communicator.gather(None)

    def _find_state(self, config: RunConfig) -> ResumableState | None:
        found = self.states.read()
        if found is None:
            return None
        if not config.resuming.resume or is_finished(self.output_directory):
            self.states.clear()
            return None
        refuse_other_run(self.output_directory, config.plain)
        return found

    def _refuse_other_state(self) -> None:
        """Refuse to go on if the processes of the run do not see the same folder."""
        number = None if self.found is None else self.found.number
        if len(numbers := set(self._communicator.gather(number))) > 1:
            raise OutputError(
                f"the processes of this run find different states in {self.output_directory} "
                f"({', '.join(map(str, numbers))}); all of them need to see the same folder"
            )

    def close(self) -> None:
        """Write what is still to be written, and let others work on the folder."""
        bookkeeping = getattr(self, "bookkeeping", None)
        try:
            if bookkeeping is not None:
                bookkeeping.close()
        finally:
            self._is_closed = True
            if self.lock is not None:
                self.lock.release()
