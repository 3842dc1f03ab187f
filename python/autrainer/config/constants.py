"""Constants that a project may set once for all its runs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class _Constants:
    """A class with one instance; what is set on it holds for the whole process."""

    _instance: _Constants | None = None

    def __new__(cls) -> Any:
        """Return the one instance, making it at the first call."""
        if cls.__dict__.get("_instance") is None:
            instance = super().__new__(cls)
            instance._reset()
            cls._instance = instance
        return cls._instance

    def _reset(self) -> None:
        raise NotImplementedError


class NamingConstants(_Constants):
    """What run names are made of, and which parameters can be aggregated over."""

    def _reset(self) -> None:
        self._naming_convention = [
            "dataset",
            "model",
            "optimizer",
            "learning_rate",
            "batch_size",
            "training_type",
            "iterations",
            "scheduler",
            "augmentation",
            "seed",
        ]
        self._invalid_aggregations = ["training_type"]
        self._config_dirs = [
            "augmentation",
            "dataset",
            "model",
            "optimizer",
            "plotting",
            "preprocessing",
            "scheduler",
        ]

    @property
    def NAMING_CONVENTION(self) -> list[str]:
        """Keys whose ids or values make up the name of a run, in this order."""
        return self._naming_convention

    @NAMING_CONVENTION.setter
    def NAMING_CONVENTION(self, value: list[str]) -> None:
        self._naming_convention = _strings("NAMING_CONVENTION", value)

    @property
    def INVALID_AGGREGATIONS(self) -> list[str]:
        """Keys of the naming convention that runs cannot be aggregated over."""
        return self._invalid_aggregations

    @INVALID_AGGREGATIONS.setter
    def INVALID_AGGREGATIONS(self, value: list[str]) -> None:
        self._invalid_aggregations = _strings("INVALID_AGGREGATIONS", value)

    @property
    def VALID_AGGREGATIONS(self) -> list[str]:
        """Keys of the naming convention that runs can be aggregated over, in its order."""
        return [key for key in self._naming_convention if key not in self._invalid_aggregations]

    @property
    def CONFIG_DIRS(self) -> list[str]:
        """Folders of a configuration folder."""
        return self._config_dirs

    @CONFIG_DIRS.setter
    def CONFIG_DIRS(self, value: list[str]) -> None:
        self._config_dirs = _strings("CONFIG_DIRS", value)


class TrainingConstants(_Constants):
    """What can be trained."""

    def _reset(self) -> None:
        self._tasks = ["classification", "ml-classification", "regression", "mt-regression"]

    @property
    def TASKS(self) -> list[str]:
        """Tasks that a dataset can set."""
        return self._tasks

    @TASKS.setter
    def TASKS(self, value: list[str]) -> None:
        self._tasks = _strings("TASKS", value)


class ExportConstants(_Constants):
    """What loggers and summaries take from a run."""

    def _reset(self) -> None:
        self._logging_depth = 2
        self._ignore_params = [
            "results_dir",
            "experiment_id",
            "model.dataset",
            "training_type",
            "save_frequency",
            "dataset.metrics",
            "plotting",
            "model.transform",
            "dataset.transform",
            "augmentation.steps",
            "loggers",
            "progress_bar",
            "continue_training",
            "remove_continued_runs",
            "save_train_outputs",
            "save_dev_outputs",
            "save_test_outputs",
            "outputs_format",
        ]
        self._artifacts: list[str | dict[str, str]] = [
            "model_summary.txt",
            "metrics.csv",
            {"config.yaml": ".hydra"},
        ]

    @property
    def LOGGING_DEPTH(self) -> int:
        """How many parts an exported key may have."""
        return self._logging_depth

    @LOGGING_DEPTH.setter
    def LOGGING_DEPTH(self, value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"LOGGING_DEPTH is {value!r}; use an integer of at least 0")
        self._logging_depth = value

    @property
    def IGNORE_PARAMS(self) -> list[str]:
        """Keys that are not exported, with what is below them."""
        return self._ignore_params

    @IGNORE_PARAMS.setter
    def IGNORE_PARAMS(self, value: list[str]) -> None:
        self._ignore_params = _strings("IGNORE_PARAMS", value)

    @property
    def ARTIFACTS(self) -> list[str | dict[str, str]]:
        """Files of the run folder to export; a mapping gives the file and its sub-folder."""
        return self._artifacts

    @ARTIFACTS.setter
    def ARTIFACTS(self, value: list[str | dict[str, str]]) -> None:
        if not isinstance(value, list) or not all(_is_artifact(entry) for entry in value):
            raise ValueError(
                f"ARTIFACTS is {value!r}; use a list of file names or mappings of a file name to "
                "its sub-folder"
            )
        self._artifacts = value


def _is_artifact(entry: Any) -> bool:
    if isinstance(entry, dict):
        return all(isinstance(text, str) for pair in entry.items() for text in pair)
    return isinstance(entry, str)


def _strings(name: str, value: Iterable[Any]) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{name} is {value!r}; use a list of texts")
    return value
