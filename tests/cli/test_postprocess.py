"""`postprocess`: what it prints, returns and refuses."""

import re
import subprocess
import sys

import pytest

from autrainer.cli import postprocess
from autrainer.cli.errors import CommandLineError
from autrainer.cli.main import run as command
from tests.run_folders import write_run


@pytest.fixture(autouse=True)
def _results(tmp_path):
    for seed in (1, 2):
        write_run(tmp_path / "results" / "default" / "training", seed=seed)
    write_run(tmp_path / "results" / "default" / "training", "broken", finished=False)


def test_tables_are_written_and_printed(tmp_path, capsys):
    assert command(["postprocess", "results", "default", "-a", "seed", "-a", "seed", "model"]) == 0
    out = capsys.readouterr().out
    assert "Toy-C_FFNN_Adam_0.001_32_epoch_3_None_None_1    0.5100" in out
    assert "0.5150 ±0.0071" in out
    assert "Left out: broken: unfinished" in out
    assert "Tables: results/default/agg_seed_model" in out
    folders = {path.name for path in (tmp_path / "results" / "default").iterdir()}
    assert folders == {"training", "summary", "agg_seed", "agg_seed_model"}
    assert not (tmp_path / "results" / "default" / "summary" / "plots").exists()


def test_columns_that_do_not_fit_are_counted_and_stand_in_the_file(tmp_path, capsys, monkeypatch):
    for seed in (1, 2):
        run = tmp_path / "results" / "wide" / "training" / f"run-{seed}"
        write_run(run.parent, run.name, seed=seed)
        scores = {f"f1_label-{n}": 0.5 for n in range(60)}
        test = run / "_test" / "test_holistic.yaml"
        test.write_text(
            test.read_text() + "".join(f"{k}: {{all: {v}}}\n" for k, v in scores.items())
        )
    assert command(["postprocess", "results", "wide"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 160
    assert re.fullmatch(r"\.\.\. and 5\d more columns: test_f1_label-\d+, .*, \.\.\.", lines[3])
    header = (tmp_path / "results" / "wide" / "summary" / "metrics.csv").read_text()
    assert "label-59" in header.splitlines()[0]


def test_the_function_returns_the_tables():
    summary, averaged = postprocess("results", "default", aggregate=[["seed"]])
    assert summary.metrics.column("accuracy") == [0.51, 0.52]
    assert averaged.summary.metrics.column("accuracy") == [pytest.approx(0.515)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-a", "sead"], 2, "runs cannot be aggregated over 'sead'; did you mean 'seed'"),
        (["-a", "seed", "-a", "training_type"], 2, "cannot be aggregated over 'training_type'"),
        (["-m", "0"], 1, "max_runs is 0; use an integer of at least 1"),
        (["-m", "two"], 2, "invalid int value: 'two'"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(
    tmp_path, capsys, arguments, code, message
):
    assert command(["postprocess", "results", "default", *arguments]) == code
    assert message in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "results" / "default").iterdir()} == {"training"}


def test_in_a_notebook_a_message_is_printed_as_by_0_10(monkeypatch, capsys):
    with pytest.raises(CommandLineError, match="no experiment 'none'"):
        postprocess("results", "none")
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py"])
    assert postprocess("results", "none") is None
    assert "no experiment 'none'" in capsys.readouterr().err
    assert sys.argv == ["ipykernel_launcher.py"]


@pytest.mark.slow
def test_neither_torch_nor_pandas_nor_matplotlib_is_imported():
    code = (
        "import atexit, sys\n"
        "sys.argv = ['autrainer', 'postprocess', 'results', 'default', '-a', 'seed']\n"
        "heavy = {'torch', 'pandas', 'numpy', 'matplotlib', 'hydra', 'omegaconf'}\n"
        "atexit.register(lambda: print('LOADED', sorted(heavy & set(sys.modules))))\n"
        "from autrainer.cli.main import main\nmain()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "LOADED []" in process.stdout


def test_printed_runs_are_in_the_order_of_their_numbers_and_written_ones_in_that_of_texts(
    tmp_path, capsys
):
    training = tmp_path / "results" / "many" / "training"
    for seed in (2, 11, 109):
        write_run(training, f"run-{seed}", seed=seed)
    assert command(["postprocess", "results", "many"]) == 0
    assert re.findall(r"^run-\d+", capsys.readouterr().out, re.M) == ["run-2", "run-11", "run-109"]
    written = (training.parent / "summary" / "metrics.csv").read_text()
    assert re.findall(r"^run-\d+", written, re.M) == ["run-109", "run-11", "run-2"]
