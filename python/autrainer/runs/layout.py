"""Every file and folder that a run makes in its folder, and what may stand in the place of one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

from autrainer.errors import OutputError
from autrainer.runs.writing.opening import kind_of

RESULTS_DIR = "results"
"""Where experiments lie unless a configuration says otherwise."""

RUNS = "training"
"""Folder of the runs in that of an experiment."""

MEMBERS_FILE = "runs.yaml"
"""In the folder of averaged runs, which is like that of a run otherwise: their names."""

MULTIRUN_FILE = "multirun.yaml"
"""Hydra's own record of a sweep, beside its runs."""

SWEEP_FILE = "sweep.yaml"
"""The journal of a sweep, beside its runs: which there are, and how far it is."""

TABLE = "metrics.csv"
"""Written when everything else is on disk; in folders of every version the mark of the end."""

CONFIG_FILE = PurePath(".hydra", "config.yaml")
"""The configuration as it was given."""

STATUS_FILE = "status.yaml"
ERROR_FILE = "error.txt"
TIMES_FILE = "timer.yaml"
STAGES_FILE = "stages.yaml"
HARDWARE_FILE = "hardware.yaml"
REQUIREMENTS_FILE = "requirements.txt"
LOG_FILE = "training.log"
SCRIPT_LOG_FILE = "train_script.log"
LOG_FILES = (LOG_FILE, SCRIPT_LOG_FILE, "train.log")
"""The log of the run, and what Hydra logs of the command, by one name or another."""

LOCK_FILE = ".lock"
SUMMARY = "model_summary"
MANIFEST_FILE = "MANIFEST"
"""Size and checksum of every other file of a finished run."""

MODEL_STATE = "model.pt"
"""The weights that are trained, in `_best` and its siblings."""

EMA_STATE = "ema.pt"
SWA_STATE = "swa.pt"
AVERAGED_STATES = (EMA_STATE, SWA_STATE)
"""Averaged weights, beside `model.pt` and with its keys, if a run has them."""
MODEL_FILE = "model.yaml"
TARGET_TRANSFORM_FILE = "target_transform.yaml"
INFERENCE_TRANSFORM_FILE = "inference_transform.yaml"
FILE_HANDLER_FILE = "file_handler.yaml"
PREPROCESS_FILE_HANDLER_FILE = "preprocess_file_handler.yaml"
PREPROCESS_PIPELINE_FILE = "preprocess_pipeline.yaml"

INITIAL = "_initial"
BEST = "_best"
TEST = "_test"
RESUME = "_resume"
"""What a run keeps to go on where it was, until it has finished."""

PLOTS = "_plots"
BEST_RESULTS_FILE = "best_results.yaml"
DEV_RESULTS = "dev"
"""Name of the results of the dev set, without suffix: in `_best`, and of each iteration."""

TEST_RESULTS = "test_holistic"
"""The same of the test set, in `_test`."""

MEAN_RESULTS = "dev_swa"
"""The same of the dev set, of the mean of the best weights (`SWA_STATE`), in `_best`."""

STATE_SUFFIX = ".pt"
"""Of checkpoints: the model, the optimizer and the scheduler."""

ARRAYS = ("outputs", "targets", "indices", "losses")
"""What is kept of every sample of a split, an array each."""

TABLE_FORMATS = ("csv", "parquet", "arrow")
"""Of the table of results of a split."""

UNSCALED = "_unscaled"
"""Ends names of scores, and of files of them, in the units of the targets."""
UNSCALED_TABLE = f"metrics{UNSCALED}.csv"
FOLDERS = frozenset({".hydra", INITIAL, BEST, TEST, PLOTS, RESUME})
_ITERATION = re.compile(r"(epoch|step)_([0-9]+)")

_TOP = re.compile(
    rf"metrics({UNSCALED})?\.csv"
    r"|status\.yaml|error\.txt|training\.log|train_script\.log|train\.log|MANIFEST"
    r"|timer\.yaml|stages\.yaml|hardware\.yaml|requirements\.txt|model_summary\.(txt|yaml)"
    r"|(model|target_transform|inference_transform|file_handler)\.yaml"
    r"|(preprocess_file_handler|preprocess_pipeline)\.yaml"
    r"|\.lock(-[\w-]+(\.tmp)?)?"
)
_INSIDE = re.compile(
    rf"(model|optimizer|scheduler|ema|swa)\.pt|best_results\.yaml"
    rf"|({DEV_RESULTS}|{MEAN_RESULTS}|{TEST_RESULTS})({UNSCALED})?\.yaml"
    rf"|(train|dev|test)_({'|'.join(ARRAYS)})\.npy"
    rf"|(train|dev|test)_results\.({'|'.join(TABLE_FORMATS)})"
)
_HYDRA = re.compile(r"(config|hydra|overrides)\.yaml")
_PASSING = re.compile(r"\.autrainer-[0-9-]+\.tmp")
_PASSING_FOLDER = re.compile(r"\..+\.copying")


def iteration_folder(training_type: str, iteration: int) -> str:
    """Name of the folder of an evaluated iteration.

    >>> iteration_folder("epoch", 3)
    'epoch_3'
    """
    return f"{training_type}_{iteration}"


def iteration_of(folder: str) -> int | None:
    """The iteration whose folder has this name; None if it is that of none.

    >>> iteration_of("step_500"), iteration_of("_best")
    (500, None)
    """
    match = _ITERATION.fullmatch(folder)
    return None if match is None else int(match[2])


def results_file(name: str, *, unscaled: bool = False) -> str:
    """Name of a file of scores.

    Args:
        name: `DEV_RESULTS`, `MEAN_RESULTS` or `TEST_RESULTS`.
        unscaled: In the units of the targets.
    """
    return f"{name}{UNSCALED if unscaled else ''}.yaml"


MEAN_FILES = (
    SWA_STATE,
    results_file(MEAN_RESULTS),
    results_file(MEAN_RESULTS, unscaled=True),
)
"""What is made in `_best` when a run has been trained, if the best weights are averaged."""


def array_file(subset: str, name: str) -> str:
    """Name of the file of an array of `ARRAYS`, of `train`, `dev` or `test`."""
    return f"{subset}_{name}.npy"


def table_file(subset: str, table_format: str) -> str:
    """Name of the table of results of `train`, `dev` or `test`."""
    return f"{subset}_results.{table_format}"


def is_file_of_run(path: PurePath) -> bool:
    """Whether a run makes a file of this name.

    Args:
        path: Relative to the run folder. Plots have the names of metrics, which may be any: none of
            them counts.
    """
    *folders, name = path.parts
    if _PASSING.fullmatch(name) or (folders and _PASSING_FOLDER.fullmatch(folders[0])):
        return True
    if not folders:
        return bool(_TOP.fullmatch(name))
    if folders[0] == RESUME:
        return True
    if len(folders) > 1 or not is_folder_of_run(PurePath(folders[0])):
        return False
    return bool((_HYDRA if folders[0] == ".hydra" else _INSIDE).fullmatch(name))


def is_folder_of_run(path: PurePath) -> bool:
    """Whether a run makes a folder of this name; as `is_file_of_run`."""
    first, *below = path.parts
    if below:
        return first == RESUME or bool(_PASSING_FOLDER.fullmatch(first))
    return first in FOLDERS or bool(_ITERATION.fullmatch(first) or _PASSING_FOLDER.fullmatch(first))


def misplaced(folder: Path) -> list[str]:
    """What stands where a run makes files and folders and is neither; each as `PATH is a link`.

    A run writes through no link, so that it changes nothing outside its folder, and waits for no
    pipe. The folder itself, or one above it, may be a link. What the user has put beside does not
    count.
    """
    return [f"{path} is {kind}" for path, kind in _misplaced(folder)]


def refuse_misplaced(folder: Path) -> None:
    """Look whether nothing is misplaced in a folder.

    Raises:
        OutputError: naming everything that is in the way.
    """
    found = misplaced(folder)
    if found:
        raise OutputError(
            f"{folder} cannot be worked on: {'; '.join(found)}; a run makes files and folders of "
            "its own there and follows no links: move these away"
        )


def _misplaced(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.iterdir()):
        name, kind = PurePath(path.name), kind_of(path)
        if is_folder_of_run(name):
            if kind != "a folder":
                yield path, kind or "a file"
            elif path.name != PLOTS:
                yield from _misplaced_inside(path)
        elif kind is not None and is_file_of_run(name):
            yield path, kind


def _misplaced_inside(folder: Path) -> Iterator[tuple[Path, str]]:
    with os.scandir(folder) as entries:
        irregular = [e for e in entries if not e.is_file(follow_symlinks=False)]
    for entry in sorted(irregular, key=lambda entry: entry.name):
        kind = kind_of(entry.path)
        if kind is not None and is_file_of_run(PurePath(folder.name, entry.name)):
            yield Path(entry.path), kind
