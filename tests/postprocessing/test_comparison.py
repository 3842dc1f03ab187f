"""What two runs differ in."""

import json
import math

import pytest

from autrainer.cli import diff
from autrainer.cli.errors import CommandLineError
from autrainer.cli.main import run as command
from autrainer.postprocessing.changed_samples import changed_samples
from autrainer.postprocessing.comparison import compare
from autrainer.runs.record.outputs import Outputs
from autrainer.runs.record.run_record import RunRecord
from tests.run_folders import write_csv, write_run, write_yaml


@pytest.fixture
def pair(tmp_path):
    training = tmp_path / "results" / "default" / "training"
    changes = {"model__hidden_size": 16, "dropout": 0.5}
    return (
        RunRecord(write_run(training, "one", seed=1)),
        RunRecord(write_run(training, "two", seed=2, **changes)),
    )


def test_keys_and_scores_that_differ_are_found(pair):
    found = compare(*pair)
    assert found.config.keys() == {"seed", "model.hidden_size", "dropout"}
    assert found.config["model.hidden_size"] == (8, 16)
    assert repr(found.config["dropout"][0]) == "absent"
    assert found.scores["test.accuracy"] == (0.51, 0.52)
    assert found.scores["best_iteration"] == (2, 2)


def test_the_iteration_at_which_curves_part_is_found(pair):
    found = compare(*pair)
    assert found.first_parting == 1
    assert found.curves["train_loss"].iteration is None
    text = (pair[0].folder / "metrics.csv").read_text()
    (pair[1].folder / "metrics.csv").write_text(text.replace("0.51,", "0.515,"))
    found = compare(pair[0], RunRecord(pair[1].folder))
    assert found.first_parting == 2
    assert found.curves["accuracy"].values == (0.51, 0.515)
    assert found.curves["mse"].iteration is None


def test_samples_with_other_predictions_come_the_largest_change_first(tmp_path):
    def outputs(name, probabilities):
        rows = [
            {
                "index": i,
                "predictions": "yes" if p > 0.5 else "no",
                "target": "yes",
                "file": f"{i}.wav",
            }
            | {"probability_yes": p}
            for i, p in enumerate(probabilities)
        ]
        write_csv(tmp_path / name / "test_results.csv", rows)
        return Outputs(tmp_path / name, "test")

    found = changed_samples(outputs("a", [0.9, 0.4, 0.6, 0.2]), outputs("b", [0.1, 0.6, 0.7]))
    assert [(s.index, s.name, s.predictions) for s in found.samples] == [
        (0, "0.wav", ("yes", "no")),
        (1, "1.wav", ("no", "yes")),
    ]
    assert [s.size for s in found.samples] == [pytest.approx(0.8), pytest.approx(0.2)]
    assert (found.num_compared, found.only_first, found.only_second) == (3, 1, 0)
    assert (found.now_right, found.now_wrong) == (1, 1)


def test_of_numbers_the_largest_difference_counts(tmp_path):
    for name, values in (("a", (1.0, 2.0, math.nan)), ("b", (1.5, 7.0, math.nan))):
        rows = [{"index": i, "predictions": v, "target": 1.0} for i, v in enumerate(values)]
        write_csv(tmp_path / name / "dev_results.csv", rows[:2])
    found = changed_samples(*(Outputs(tmp_path / name, "dev") for name in "ab"))
    assert [(s.index, s.size) for s in found.samples] == [(1, 5.0), (0, 0.5)]
    assert found.now_right is None


def test_predictions_of_other_samples_are_not_compared(pair):
    samples = {"test": {"rows": 4, "names": None, "targets": "a"}}
    for record, targets in zip(pair, "ab", strict=True):
        samples["test"]["targets"] = targets
        write_yaml(record.folder / "status.yaml", {"conditions": {"samples": samples}})
    found = compare(*(RunRecord(record.folder) for record in pair))
    assert found.samples == {"test.targets": ("a", "b")}
    assert found.predictions == {}


def test_versions_and_machines_that_differ_are_found(pair):
    for record, version, cores in zip(pair, ("2.4", "2.15"), (1, 8), strict=True):
        environment = {"torch": version, "processor": "EPYC", "intra_op_threads": cores}
        write_yaml(record.folder / "status.yaml", {"conditions": {"environments": [environment]}})
        (record.folder / "requirements.txt").write_text(f"numpy==2.0\nscipy=={version}\n")
    found = compare(*(RunRecord(record.folder) for record in pair))
    assert found.packages == {"scipy": ("2.4", "2.15"), "torch": ("2.4", "2.15")}
    assert found.environment == {"intra_op_threads": (1, 8)}


def test_the_command_prints_all_of_it(pair, capsys):
    assert command(["diff", "one", str(pair[1].folder), "-n", "1"]) == 0
    out = capsys.readouterr().out
    assert "model.hidden_size  8       16" in out
    assert "Packages: the same" in out
    assert "Curves: they part at epoch 1" in out
    assert "Predictions on test: 1 of 4 samples are different: 1 are right in B alone" in out


@pytest.mark.usefixtures("pair")
def test_a_run_is_the_same_as_itself(capsys):
    assert command(["diff", "one", "one"]) == 0
    out = capsys.readouterr().out
    assert "Configuration: the same" in out
    assert "Curves: the same in all 3 iterations" in out
    assert "0 of 4 samples are different" in out


@pytest.mark.usefixtures("pair")
def test_json_can_be_read(capsys):
    assert command(["diff", "one", "two", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["config"]["seed"] == [1, 2]
    assert content["predictions"]["test"]["samples"][0]["index"] == 2


def test_runs_that_have_not_finished_are_compared_as_far_as_they_are(pair, tmp_path):
    unfinished = write_run(tmp_path / "results" / "default" / "training", "three", finished=False)
    found = diff(pair[0].folder, unfinished)
    assert found.curves["accuracy"].iteration is None
    assert found.curves["accuracy"].iterations == 2
    assert found.predictions == {}


@pytest.mark.usefixtures("pair")
def test_what_is_wrong_is_told(tmp_path):
    with pytest.raises(CommandLineError, match="did you mean 'one'"):
        diff("onne", "two")
    with pytest.raises(CommandLineError, match="is no folder of a run"):
        diff("results", "two")
    table = tmp_path / "results/default/training/one/_test/test_results.csv"
    table.write_text(table.read_text()[:-8])
    with pytest.raises(CommandLineError, match=r"test_results\.csv"):
        diff("one", "two")
