import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from autrainer.config.schema.classes import check_target
from autrainer.config.schema.targets import Target
from autrainer.loggers import (
    AbstractLogger,
    FallbackLogger,
    MLFlowLogger,
    TensorBoardLogger,
    get_params_to_export,
)
from autrainer.loggers.mlflow import tracking_uri
from autrainer.runs.timer import Timer


class Metric:
    def __init__(self, name, suffix):
        self.name = name
        self.suffix = suffix
        self.starting_metric = -1e32 if suffix == "max" else 1e32

    def compare(self, a, b):
        return a > b if self.suffix == "max" else a < b


UAR, MSE = Metric("uar", "max"), Metric("mse", "min")


class FileLogger(AbstractLogger):
    """Writes what it is told into a file, a line each."""

    def setup(self):
        self.file = open("log.jsonl", "w")  # noqa: SIM115

    def end_run(self):
        self.file.close()

    def _write(self, *entry):
        self.file.write(json.dumps(entry) + "\n")

    def log_params(self, params):
        self._write("params", get_params_to_export(params))

    def log_metrics(self, metrics, iteration=None):
        self._write("metrics", metrics, iteration)

    def log_timers(self, timers):
        self._write("timers", timers)

    def log_artifact(self, filename, path=""):
        self._write("artifact", filename, path)


class FailingLogger(FileLogger):
    """Its server goes down after the parameters."""

    def log_metrics(self, metrics, iteration=None):
        raise ConnectionError("server is down")


def make_trainer(folder):
    timers = {f"{name}_timer": Timer(folder, name) for name in ("train", "dev", "test")}
    return SimpleNamespace(cfg=OmegaConf.create({"seed": 1}), output_directory=folder, **timers)


def make_logger(kind=FileLogger, **kwargs):
    return kind("exp", "run", [UAR, MSE], UAR, **kwargs)


def run_through(logger, folder):
    trainer = make_trainer(folder)
    logger.cb_on_train_begin(trainer=trainer)
    rows = [
        {"uar": 0.5, "mse": 2.0, "train_loss": 1.0, "dev_loss": 1.5},
        {"uar": float("nan"), "mse": 1.0, "train_loss": 0.5, "dev_loss": 1.75},
    ]
    for iteration, row in enumerate(rows, start=1):
        logger.cb_on_iteration_end(trainer=trainer, iteration=iteration, metrics=row)
    logger.cb_on_test_end(trainer=trainer, test_results={"test_uar": 0.25})
    logger.cb_on_train_end(trainer=trainer)


def read_log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_run_is_logged_in_its_order(tmp_path):
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").touch()
    (tmp_path / "metrics.csv").touch()
    run_through(make_logger(), tmp_path)
    entries = read_log(tmp_path)
    assert entries[0] == ["params", {"seed": 1}]
    assert [entry[2] for entry in entries if entry[0] == "metrics"] == [None, 1, None, 2, None]
    assert entries[5] == ["metrics", {"test_uar": 0.25}, None]
    assert entries[6] == ["timers", {f"time.{n}.mean": "0:00:00" for n in ("train", "dev", "test")}]
    assert entries[7:] == [
        ["artifact", "metrics.csv", str(tmp_path)],
        ["artifact", "config.yaml", str(tmp_path / ".hydra")],
    ]


def test_best_values_are_logged_before_the_values_of_an_iteration(tmp_path):
    run_through(make_logger(artifacts=[]), tmp_path)
    best = [entry[1] for entry in read_log(tmp_path) if entry[0] == "metrics"][2]
    assert best == {
        "train_loss.min": 0.5,
        "dev_loss.min": 1.5,
        "best_iteration": 1,
        "uar.max": 0.5,
        "mse.min": 1.0,
    }


def test_standard_deviations_are_logged_but_not_compared(tmp_path):
    logger = make_logger()
    logger.setup()
    logger.log_and_update_metrics({"uar": 0.5, "uar.std": 0.1}, 1)
    logger.end_run()
    assert read_log(tmp_path)[1] == ["metrics", {"uar": 0.5, "uar.std": 0.1}, 1]


def test_a_value_of_no_metric_is_refused():
    with pytest.raises(KeyError, match="f1"):
        make_logger().log_and_update_metrics({"f1": 0.5}, 1)


def test_a_logger_that_fails_is_reported_once_and_does_not_end_the_run(tmp_path, caplog):
    run_through(make_logger(FailingLogger), tmp_path)
    assert len(caplog.records) == 1
    assert "FailingLogger failed in log_metrics (ConnectionError: server is down)" in caplog.text


def test_a_logger_that_cannot_begin_ends_the_run(tmp_path):
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(IsADirectoryError):
        run_through(make_logger(), tmp_path)


def test_closing_ends_a_run_that_failed(tmp_path):
    logger = make_logger()
    logger.cb_on_train_begin(trainer=make_trainer(tmp_path))
    logger.close()
    logger.close()
    assert logger.file.closed


def test_the_fallback_says_what_to_install_and_then_does_nothing(tmp_path, caplog):
    logger = FallbackLogger("TensorBoardLogger", "tensorboard")
    assert "pip install 'autrainer[tensorboard]'" in caplog.text
    run_through(logger, tmp_path)
    logger.close()
    assert list(tmp_path.iterdir()) == []


def test_the_fallback_without_a_name_is_silent(caplog):
    FallbackLogger()
    assert caplog.records == []


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("MLFlowLogger", "mlflow"),
        ("TensorBoardLogger", "tensorboard"),
        ("TrackioLogger", "trackio"),
        ("WandBLogger", "wandb"),
    ],
)
def test_a_logger_whose_library_is_missing_is_a_fallback(name, library, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, library, None)
    import autrainer.loggers

    logger = make_logger(getattr(autrainer.loggers, name))
    assert isinstance(logger, FallbackLogger)
    assert isinstance(logger, AbstractLogger)
    assert name in caplog.text


class Coloured(TensorBoardLogger):
    """Takes an argument of its own."""

    def __init__(self, colour, **kwargs):
        super().__init__(**kwargs)
        self.colour = colour


def test_a_subclass_takes_arguments_of_its_own(monkeypatch):
    given = {"exp_name": "exp", "run_name": "run", "metrics": [UAR], "tracking_metric": UAR}
    assert Coloured(colour="red", **given).colour == "red"
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert isinstance(Coloured(colour="red", **given), FallbackLogger)


@pytest.mark.parametrize("kind", [MLFlowLogger, TensorBoardLogger])
def test_arguments_are_checked_by_their_names(kind):
    problems = check_target(
        Target.of_shorthand("loggers[0]", kind.__module__ + "." + kind.__name__),
        AbstractLogger,
        injected=("exp_name", "run_name", "metrics", "tracking_metric"),
    )
    assert problems == []
    misspelt = {f"{kind.__module__}.{kind.__name__}": {"output_dri": "x"}}
    (problem, *_) = check_target(Target.of_shorthand("loggers[0]", misspelt), AbstractLogger)
    assert "output_dir" in problem.line()


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:5000",
        "https://host/path",
        "sqlite:///runs.db",
        "file:///tmp/x",
        "databricks",
    ],
)
def test_tracking_addresses_are_taken_as_they_are(uri):
    assert tracking_uri(uri) == uri


def test_a_tracking_folder_holds_a_database(tmp_path, monkeypatch):
    assert tracking_uri("mlruns") == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert tracking_uri("mlruns") == "http://host:5000"
    assert tracking_uri("elsewhere") == f"sqlite:///{tmp_path}/elsewhere/mlflow.db"


def test_a_folder_with_runs_of_mlflow_stays_as_it_is(tmp_path):
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").touch()
    assert tracking_uri("mlruns") == (tmp_path / "mlruns").as_uri()


@pytest.mark.parametrize("library", ["sqlalchemy", "alembic"])
def test_a_tracking_folder_holds_files_where_there_is_no_database(tmp_path, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    assert tracking_uri("mlruns") == (tmp_path / "mlruns").as_uri()


def test_importing_the_loggers_imports_none_of_their_libraries():
    program = (
        "import sys, autrainer.loggers\n"
        "libraries = {'mlflow', 'tensorboard', 'wandb', 'trackio'}\n"
        "heavy = {'torch', 'pandas', 'numpy', 'matplotlib', *libraries}\n"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
