"""The end of a run that has trained: its plots, `MANIFEST`, `status.yaml`, the state to go on from.

In a sweep that trains one run after the other, the next one need not wait for the plots. Then they
and all that comes after them are left to a thread, which holds the lock of the folder meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autrainer.callbacks.dispatch import CallbackManager
from autrainer.runs.finished import table_checksum
from autrainer.runs.process.ending_runs import ending_runs
from autrainer.runs.status import Status
from autrainer.training.recording.plots import BackgroundPlots
from autrainer.training.recording.records import Records
from autrainer.training.run_folder import RunFolder


@dataclass(frozen=True)
class _Left:
    """What is left to do, without the model, the data, or anything else that takes memory."""

    folder: RunFolder
    plots: BackgroundPlots
    status: Status
    early_end: tuple[int, str] | None
    conditions: dict[str, Any]

    def write(self) -> None:
        """Write it. `status.yaml` comes last: from then on the run has finished.

        Raises:
            OutputError: if a file could not be written.
        """
        self.plots.finish()
        self.folder.bookkeeping.write(self._write_files)
        self.folder.states.clear()

    def _write_files(self) -> None:
        checksum = table_checksum(self.folder.output_directory)
        self.folder.bookkeeping.manifest.write()
        self.status.finish(checksum, self.early_end, self.conditions)

    def write_and_close(self) -> None:
        """Write it, and let others work on the folder; an error is told in it too."""
        try:
            self.write()
        except BaseException as error:
            if self.folder.is_held:
                self.status.stop(error)
            raise
        finally:
            self.plots.close()
            self.folder.close()


class Ending:
    """Ends one run.

    Args:
        folder: Its folder.
        records: What it keeps of itself.
        manager: Its listeners. Those that hear of the end of the training find the plots.
        needs_none: A listener that does not look at plots, or None.
    """

    def __init__(
        self,
        folder: RunFolder,
        records: Records,
        manager: CallbackManager,
        needs_none: object,
    ) -> None:
        self._folder, self._records = folder, records
        self._manager, self._needs_none = manager, needs_none
        self._is_left = False

    @property
    def comes_later(self) -> bool:
        """Whether the next run of the sweep begins before the plots of this one are there."""
        owners = self._manager.owners("cb_on_train_end")
        return ending_runs() is not None and all(owner is self._needs_none for owner in owners)

    def write(self, status: Status, conditions: dict[str, Any]) -> None:
        """Write what closes a run that has finished, now or beside the next one.

        Args:
            status: Its status.
            conditions: State of its samples and environments.

        Raises:
            OutputError: if a file could not be written; of what is written later, `EndingRuns`
                tells it.
        """
        folder, records = self._folder, self._records
        left = _Left(folder, records.plots, status, records.early_end(), conditions)
        ending = ending_runs()
        if ending is None or not self.comes_later:
            left.write()
            return
        folder.bookkeeping.staging.forget()
        # Here an interrupt may come, and then this folder is closed as ever.
        ending.settle()
        self._is_left = True
        ending.submit(folder.output_directory, left.write_and_close)

    def close(self) -> None:
        """Close the log, and the folder too unless that is left for later; may be called again."""
        if self._is_left:
            self._folder.bookkeeping.close()
            return
        self._records.plots.close()
        self._folder.close()
