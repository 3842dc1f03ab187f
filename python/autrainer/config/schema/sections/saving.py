"""What a run saves for its users."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.config.schema.kinds import count, flag, one_of, or_null
from autrainer.config.schema.reading import Reader, key


@dataclass(frozen=True)
class SavingSection:
    """Which states and outputs are saved, how often, and in which format.

    Args:
        save_frequency: Iterations from one saved state to the next; the last is always saved.
        keep_checkpoints: Keep the states of so many last iterations, and of the best; None keeps
            all of them.
        outputs_format: Format of the tables of outputs: `csv`; `parquet` or `arrow` (Arrow IPC)
            with the extra `arrow`.
        save_train_outputs: Keep outputs of the training set.
        save_dev_outputs: Keep outputs of the dev set.
        save_test_outputs: Keep outputs of the test set.
    """

    save_frequency: int = key(count, 1, makes_run=False)
    keep_checkpoints: int | None = key(or_null(count, "for all"), None, makes_run=False)
    outputs_format: str = key(one_of("csv", "parquet", "arrow"), "csv", makes_run=False)
    save_train_outputs: bool = key(flag, True, makes_run=False)
    save_dev_outputs: bool = key(flag, True, makes_run=False)
    save_test_outputs: bool = key(flag, True, makes_run=False)

    @classmethod
    def read(cls, reader: Reader, eval_frequency: int) -> SavingSection:
        """Read the section; states are saved at every evaluation unless it says otherwise."""
        return cls(**{"save_frequency": eval_frequency, **reader.values(cls)})

    def saves_outputs(self, subset: str) -> bool:
        """Whether outputs of a split are kept."""
        chosen = {
            "train": self.save_train_outputs,
            "dev": self.save_dev_outputs,
            "test": self.save_test_outputs,
        }
        return chosen[subset]
