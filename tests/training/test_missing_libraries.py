"""Whole runs where the optional libraries are not installed."""

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from autrainer.errors import MissingExtraError, RunInterruptedError
from autrainer.runs.finished import is_finished
from tests.conftest import CONF, REPOSITORY
from tests.training.conftest import built, trained
from tests.training.parts import FlatModel
from tests.training.resuming.test_resumption import Stopper

LOGGERS = {
    "TensorBoardLogger": "tensorboard",
    "MLFlowLogger": "mlflow",
    "WandBLogger": "wandb",
    "TrackioLogger": "trackio",
}
OPTIONAL = ("pyarrow", "scipy", "sklearn", "soundfile", *LOGGERS.values())


@pytest.fixture(autouse=True)
def _no_optional_library(monkeypatch):
    # Not pyarrow: where it was there when pandas was imported, pandas needs it.
    for library in {*OPTIONAL} - {"pyarrow"}:
        for module in [name for name in sys.modules if name.split(".")[0] == library]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, library, None)


@pytest.mark.parametrize(("name", "extra"), LOGGERS.items())
def test_a_logger_without_its_library_logs_nothing_and_the_run_ends(tmp_path, caplog, name, extra):
    run = trained(tmp_path, loggers=[f"autrainer.loggers.{name}"]).output_directory
    assert is_finished(run)
    warnings = [record.getMessage() for record in caplog.records if name in record.getMessage()]
    assert len(warnings) == 1
    assert f"pip install 'autrainer[{extra}]'" in warnings[0]


def test_a_run_with_such_a_logger_goes_on_where_it_was(tmp_path):
    options, loggers = (
        ("dataset.size=160", "iterations=3"),
        [*map("autrainer.loggers.{}".format, LOGGERS)],
    )
    trainer = built(tmp_path, *options, loggers=loggers)
    trainer.callback_manager.register(Stopper())
    with pytest.raises(RunInterruptedError):
        trainer.train()
    again = built(tmp_path, *options, loggers=loggers)
    again.train()
    assert again.initial_iteration == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("outputs_format=parquet",), r"outputs_format: parquet needs pyarrow.*autrainer\[arrow\]"),
        (("outputs_format=arrow",), r"outputs_format: arrow needs pyarrow.*autrainer\[arrow\]"),
    ],
)
def test_what_cannot_be_done_without_is_told_before_training(
    tmp_path, options, message, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=message):
        built(tmp_path, *options)


def test_digits_cannot_be_had_without_scikit_learn(tmp_path):
    dataset = yaml.safe_load((CONF / "dataset" / "Digits-Tabular.yaml").read_text())
    with pytest.raises(MissingExtraError, match=r"Digits needs scikit-learn.*autrainer\[digits\]"):
        built(tmp_path, dataset=dataset)


@pytest.fixture
def sounds(tmp_path, csv_run):
    """Changes of a configuration that train on 43 sounds of 16 samples, at 8 kHz."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data" / "features"
    for path in list(folder.iterdir()):
        with wave.open(str(path.with_suffix(".wav")), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(rng.integers(-999, 999, 16, np.int16).tobytes())
    handler = "autrainer.data.file_handlers.AudioFileHandler"
    dataset = csv_run("Classification", file_type="wav", file_handler=handler)["dataset"]
    dataset["transform"] = {"type": "raw"}
    model = {"id": "Flat", "_target_": f"{FlatModel.__module__}.FlatModel", "input_size": 16}
    return {"dataset": dataset, "model": {**model, "hidden_size": 8, "transform": {"type": "raw"}}}


def test_a_run_on_wav_files_of_one_rate_needs_none_of_them(tmp_path, sounds):
    """In a process of its own, in which none has ever been there."""
    sounds["loggers"] = [f"autrainer.loggers.{name}" for name in LOGGERS]
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(REPOSITORY)!r})\n"
        f"sys.modules.update(dict.fromkeys({OPTIONAL!r}))\n"
        "from tests.training.conftest import trained\n"
        "from pathlib import Path\n"
        f"print(trained(Path('.'), **{sounds!r}).output_directory)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert is_finished(Path(process.stdout.strip()))


def last_of(subset, tmp_path):
    name = Path(pd.read_csv(tmp_path / "data" / f"{subset}.csv")["file"].iloc[-1]).stem
    return tmp_path / "data" / "features" / f"{name}.wav"


@pytest.mark.parametrize("subset", ["train", "test"])
def test_a_sound_that_only_soundfile_reads_is_told_before_training(tmp_path, sounds, subset):
    path = last_of(subset, tmp_path)
    path.write_bytes(b"FORM" * 9)
    with pytest.raises(MissingExtraError, match=rf"{path.name}: .*soundfile.*autrainer\[audio\]"):
        built(tmp_path, **sounds)
