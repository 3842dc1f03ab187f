"""New experiments of runs that are there already."""

import csv
import os

import pytest
import yaml

from autrainer.cli import group
from autrainer.cli.errors import CommandLineError
from autrainer.cli.main import run as command
from autrainer.errors import ConfigError
from autrainer.postprocessing import AggregateGrid, GroupGrid
from tests.run_folders import write_run

NAME = "Toy-C_FFNN_Adam_0.001_{}_epoch_3_None_None_{}"


@pytest.fixture
def results(tmp_path):
    for experiment, shift in (("first", 0), ("second", 4)):
        for seed in (1, 2):
            write_run(
                tmp_path / "results" / experiment / "training",
                NAME.format(16, seed),
                batch_size=16,
                seed=seed + shift,
            )
    write_run(tmp_path / "results" / "first" / "training", seed=1)
    return tmp_path / "results"


def grouping(*runs, **more):
    return {"experiment_id": "new", "dir": "results", "id": "first", "runs": list(runs), **more}


def grouped(*groupings, **options):
    grid = GroupGrid("results", groupings, draws=False, **options)
    return grid, grid.group_runs()


@pytest.mark.usefixtures("results")
def test_runs_are_copied_without_states_and_averaged(results):
    small = {"run_name": "small", "combine": [NAME.format(16, 1), NAME.format(16, 2)]}
    large = {"run_name": "large", "combine": NAME.format(32, 1)}
    _, made = grouped(grouping(small, large, create_summary=True))
    new = results / "new"
    assert sorted(os.listdir(new)) == ["grouping", "summary", "training"]
    assert len(os.listdir(new / "training")) == 3
    assert not list((new / "training").rglob("*.pt"))
    with (new / "grouping" / "metrics.csv").open() as file:
        rows = {row["run_name"]: float(row["accuracy"]) for row in csv.DictReader(file)}
    assert rows == {"small": pytest.approx(0.515), "large": 0.51}
    assert [summary.folder.name for summary in made] == ["summary", "grouping"]


@pytest.mark.usefixtures("results")
def test_names_of_averaged_runs_stand_for_their_members(results):
    averaged = AggregateGrid(results, "first", ["seed"])
    averaged.aggregate()
    run = {"run_name": "all", "combine": [NAME.format(16, "#")], "states": True}
    grouped(grouping(run))
    assert sorted(os.listdir(results / "new" / "training")) == [NAME.format(16, s) for s in (1, 2)]
    assert list((results / "new" / "training").rglob("*.pt"))


@pytest.mark.usefixtures("results")
def test_equal_names_of_two_experiments_do_not_replace_each_other(results):
    runs = [
        {"run_name": name, "id": name, "combine": [NAME.format(16, 1)]}
        for name in ("first", "second")
    ]
    grid, _ = grouped(grouping(*runs))
    assert grid.renamed == {NAME.format(16, 1): f"{NAME.format(16, 1)}~second"}
    members = {
        name: yaml.safe_load((results / "new" / "grouping" / name / "runs.yaml").read_text())
        for name in ("first", "second")
    }
    assert members == {
        "first": [NAME.format(16, 1)],
        "second": [f"{NAME.format(16, 1)}~second"],
    }


@pytest.mark.usefixtures("results")
def test_a_second_call_copies_nothing_again(results):
    run = {"run_name": "small", "combine": [NAME.format(16, 1)]}
    grouped(grouping(run))
    copied = results / "new" / "training" / NAME.format(16, 1)
    before = copied.stat().st_mtime_ns
    grid, _ = grouped(grouping(run))
    assert (copied.stat().st_mtime_ns, grid.renamed) == (before, {})


@pytest.mark.usefixtures("results")
def test_what_is_wrong_is_told_before_anything_is_copied(results):
    with pytest.raises(ConfigError, match="no finished run 'none'"):
        grouped(grouping({"run_name": "small", "combine": ["none"]}))
    with pytest.raises(ConfigError, match="unknown key 'combin'; did you mean 'combine'"):
        grouped(grouping({"run_name": "small", "combin": ["none"]}))
    with pytest.raises(ConfigError, match="small has no id"):
        grouped(
            {
                "experiment_id": "new",
                "dir": "results",
                "runs": [{"run_name": "small", "combine": ["none"]}],
            }
        )
    run = {"run_name": "small", "combine": [NAME.format(16, 1)]}
    with pytest.raises(ConfigError, match="max_runs is 'x'; use an integer"):
        grouped(grouping(run), max_runs="x")
    with pytest.raises(ConfigError, match="create_summary is 'yes'; use true or false"):
        grouped(grouping(run, create_summary="yes"))
    with pytest.raises(ConfigError, match="combine of small is 3; give a name"):
        grouped(grouping({"run_name": "small", "combine": 3}))
    with pytest.raises(ConfigError, match="'small' is no mapping"):
        grouped(grouping("small"))
    with pytest.raises(ConfigError, match="give a list"):
        grouped({"experiment_id": "new", "runs": "none"})
    assert not (results / "new").exists()


@pytest.mark.usefixtures("results")
def test_a_name_with_a_slash_stays_below_its_folder(results):
    grouped(grouping({"run_name": "../a/b", "combine": [NAME.format(16, 1)]}))
    (folder,) = [path for path in (results / "new" / "grouping").iterdir() if path.is_dir()]
    assert folder.name == "..%2Fa%2Fb" or folder.name == "%2E.%2Fa%2Fb"


CONFIG = """\
defaults:
  - _hydra_disable_logging_
  - _self_
results_dir: results
max_runs: null
groupings:
  - experiment_id: new
    dir: ${results_dir}
    id: first
    runs:
      - run_name: small
        combine: [%s]
"""


@pytest.fixture
def config(results):
    path = results.parent / "conf" / "grouping.yaml"
    path.parent.mkdir()
    path.write_text(CONFIG % NAME.format(16, 1))
    return path


@pytest.mark.usefixtures("config")
def test_the_command_reads_a_configuration(results, capsys):
    assert command(["group", "-cn", "grouping"]) == 0
    assert "Tables: results/new/grouping" in capsys.readouterr().out
    assert (results / "new" / "grouping" / "small" / "metrics.csv").is_file()
    assert {path.name for path in results.parent.iterdir()} == {"conf", "results"}


@pytest.mark.usefixtures("config")
def test_the_function_returns_what_it_made():
    (summary,) = group({"groupings.0.experiment_id": "other"}, config_name="grouping")
    assert summary.folder.parts[-2:] == ("other", "grouping")


@pytest.mark.usefixtures("results")
def test_a_configuration_that_was_not_filled_in_is_told(capsys):
    with pytest.raises(CommandLineError, match="is missing"):
        group()
    assert command(["group", "-cp", "x"]) == 2
    capsys.readouterr()


@pytest.mark.usefixtures("config")
def test_a_run_that_is_not_there_ends_with_1(capsys):
    assert command(["group", "-cn", "grouping", "groupings.0.runs.0.combine=[none]"]) == 1
    assert "there is no finished run 'none'" in capsys.readouterr().err
