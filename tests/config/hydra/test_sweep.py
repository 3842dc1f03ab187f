"""Which combinations run, which are left out or refused, and what is said about them."""

import gc
import os

import pytest
import yaml
from hydra.core.utils import JobReturn
from omegaconf import DictConfig

from autrainer.config.hydra.collector import pause_collector, resume_collector
from autrainer.config.hydra.compose import SweepHooks
from autrainer.config.schema.run import RunConfig
from autrainer.errors import ConfigError, OutputError
from tests.config.conftest import finished_run

MAIN = """\
defaults: [_autrainer_, _self_]
results_dir: results
experiment_id: default
iterations: 5
hydra:
  sweeper:
    filters: {filters}
    params: {{seed: "1, 2", batch_size: 32, learning_rate: 0.1, model: "ToyFFNN, Big_Net"}}
"""


def with_filters(project, *entries):
    project("conf/config.yaml", MAIN.format(filters=list(entries)))


@pytest.mark.parametrize(
    "entry",
    [
        {"hydra_filter_sweeper.Expression": {"expr": 'model.id == "Big_Net"'}},
        {"hydra_filter_sweeper.Expression": {"expr": 'model["id"] == "Big_Net"'}},
        {"type": "expr", "expr": 'model.id == "Big_Net"'},
        {"type": "class", "target": "my_filters.NoBigNets", "limit": 1},
        {"my_filters.NoBigNets": {"limit": 1, "_log_": True}},
    ],
)
def test_filters_leave_combinations_out(project, sweep, entry):
    project(
        "my_filters.py",
        "from hydra_filter_sweeper import AbstractFilter\n"
        "class NoBigNets(AbstractFilter):\n"
        "    def filter(self, limit):\n"
        "        return self.config.model.id == 'Big_Net' and limit == 1\n",
    )
    with_filters(project, entry)
    recorded = sweep()
    assert [config["model"]["id"] for config in recorded.configs] == ["ToyFFNN", "ToyFFNN"]
    assert recorded.output.count("Filtered: ") == 2


def test_a_filter_that_does_not_log_is_silent(project, sweep):
    expr = {"expr": "seed == 1", "_log_": False}
    with_filters(project, {"hydra_filter_sweeper.Expression": expr})
    recorded = sweep()
    assert recorded.values("seed") == [2, 2]
    assert "Filtered" not in recorded.output


def test_a_filter_that_fails_ends_the_sweep_before_anything_runs(project, sweep):
    with_filters(project, {"hydra_filter_sweeper.Expression": {"expr": "nothing == 1"}})
    with pytest.raises(ConfigError, match=r"Expression failed.*_fail_: false"):
        sweep()


def test_a_filter_may_fail_when_it_says_so(project, sweep):
    expr = {"expr": "nothing == 1", "_fail_": False}
    with_filters(project, {"hydra_filter_sweeper.Expression": expr})
    assert len(sweep().configs) == 4


def test_an_unknown_type_of_filter_is_told_with_the_near_match(project, sweep):
    with_filters(project, {"type": "exist", "path": "metrics.csv"})
    with pytest.raises(ConfigError, match=r"type is 'exist'.*did you mean 'exists'"):
        sweep()


def test_a_finished_run_is_skipped_and_says_so(sweep):
    sweep(finish=True)
    again = sweep(finish=True)
    assert again.configs == []
    assert "Skipping: ToyTabular-C_ToyFFNN_Adam_0.001_32_epoch_5_None_None_1" in again.output
    assert [outcome.state for outcome in again.outcomes] == ["finished before"]


def test_the_configuration_of_a_finished_run_is_read_again_only_where_it_has_changed(sweep):
    sweep("seed=1,2", finish=True)
    read = []

    def check(config, sources):
        read.append(config["seed"])
        return RunConfig.read(config, sources)

    def selected(*overrides):
        return sweep(*overrides, hooks=SweepHooks(check=check)).configs

    assert selected("seed=1,2") == []
    assert read == []
    assert [config["seed"] for config in selected("seed=1,2,3")] == [3]
    assert read == [3]
    assert selected("seed=1,2", "progress_bar=false") == []
    assert read == [3, 1, 2]
    with pytest.raises(ConfigError, match="jobs is 'none'"):
        selected("seed=1,2", "jobs=none")


def test_a_finished_run_that_no_filter_leaves_out_is_read_when_it_is_launched(project, sweep):
    with_filters(project)
    sweep(finish=True)
    pools = []

    def pool(points):
        pools.extend(point.run.sweep.jobs for point in points)

    hooks = SweepHooks(check=RunConfig.read, pool=pool)
    assert len(sweep(hooks=hooks).configs) == 4
    assert pools == [1] * 4


def test_a_finished_run_counts_wherever_it_computed(sweep):
    sweep("device=cpu", finish=True)
    assert sweep("device=cuda:0", "save_train_outputs=false").configs == []


def test_a_finished_run_of_another_configuration_is_not_skipped_silently(sweep):
    sweep(finish=True)
    with pytest.raises(ConfigError) as caught:
        sweep("model.hidden_size=9")
    message = str(caught.value)
    assert "model.hidden_size: 8 (there), 9 (here)" in message
    assert "model.id='ToyFFNN-${model.hidden_size}'" in message


@pytest.mark.parametrize("overrides", [["model.hidden_size=9"], ["model.hidden_size=7,9"]])
def test_what_is_wrong_is_told_before_the_run_in_its_folder_is_another_one(sweep, overrides):
    def check(points):
        raise ConfigError(f"misspelt in {len(points)}")

    sweep(finish=True)
    with pytest.raises(ConfigError, match="misspelt in"):
        sweep(*overrides, hooks=SweepHooks(before_launch=check))


def test_a_finished_run_of_an_earlier_version_is_recognised(sweep):
    recorded = sweep(finish=True)
    [config], [directory] = recorded.configs, recorded.directories
    del config["reproducible"]
    finished_run(directory, config)
    assert sweep().configs == []


def test_a_finished_run_without_a_configuration_is_skipped_with_a_warning(sweep):
    [directory] = sweep(finish=True).directories
    (directory / ".hydra" / "config.yaml").unlink()
    again = sweep()
    assert again.configs == []
    assert "taken as the same run" in again.output


def test_an_unfinished_run_is_run_again(sweep):
    sweep()
    assert len(sweep().configs) == 1


def test_different_runs_never_share_a_folder(sweep):
    with pytest.raises(ConfigError) as caught:
        sweep("model.hidden_size=1,2")
    message = str(caught.value)
    assert "model.hidden_size: 1 (first), 2 (second)" in message
    assert "add model.id='ToyFFNN-${model.hidden_size}'" in message


def test_the_way_out_works(sweep):
    recorded = sweep("model.hidden_size=1,2", "model.id=ToyFFNN-${model.hidden_size}")
    assert [config["model"]["id"] for config in recorded.configs] == ["ToyFFNN-1", "ToyFFNN-2"]
    assert len(set(recorded.directories)) == 2


def test_the_way_out_of_a_top_level_key_works(sweep):
    with pytest.raises(ConfigError, match=r"hydra\.sweep\.subdir=") as caught:
        sweep("eval_frequency=1,5")
    advice = str(caught.value).split("add ")[1].replace("'", "")
    recorded = sweep("eval_frequency=1,5", advice)
    assert [directory.name[-2:] for directory in recorded.directories] == ["-1", "-5"]


def test_no_way_out_is_told_that_cannot_be_resolved(sweep):
    sweep("+swa=0.5", finish=True)
    with pytest.raises(ConfigError) as caught:
        sweep("+swa={last: 3}")
    assert "swa.last: None (there), 3 (here)" in str(caught.value)
    assert "give each of them an experiment_id of its own" in str(caught.value)


def test_the_same_configuration_runs_once_and_says_so(sweep):
    recorded = sweep("seed=1,1")
    assert recorded.values("seed") == [1]
    assert "is the same configuration twice" in recorded.output


def test_ids_may_contain_underscores_and_slashes(sweep):
    recorded = sweep("model=Big_Net", "model.id=a_b/c")
    assert recorded.directories[0].name.startswith("ToyTabular-C_a_b%2Fc_Adam")


def test_a_failing_job_does_not_stop_the_others(sweep):
    def fail(config):
        if config["seed"] != 2:
            raise (ConfigError("readable") if config["seed"] == 1 else ValueError("surprise"))

    recorded = sweep("seed=1,2,3", before=fail)
    assert recorded.values("seed") == [1, 2, 3]
    assert recorded.code == 1
    assert [outcome.state for outcome in recorded.outcomes] == ["failed", "done", "failed"]
    assert "2 of 3 jobs failed" in recorded.errors
    readable, surprise = recorded.errors.split("seed=3")
    assert "ConfigError: readable" in readable
    assert "Traceback" not in readable
    assert "Traceback" in surprise


def test_jobs_after_a_failed_batch_run_too(sweep):
    def fail(config):
        if config["seed"] == 1:
            raise ValueError("no")

    recorded = sweep("seed=1,2,3", "hydra.sweeper.max_batch_size=1", before=fail)
    assert recorded.values("seed") == [1, 2, 3]
    assert recorded.code == 1


def test_an_interrupt_ends_the_sweep_but_tells_what_is_done_and_what_is_not(sweep):
    def interrupt(config):
        if config["seed"] == 2:
            raise KeyboardInterrupt

    outcomes = []
    with pytest.raises(KeyboardInterrupt):
        sweep("seed=1,2,3", before=interrupt, hooks=SweepHooks(report=outcomes.extend))
    assert [outcome.state for outcome in outcomes] == ["done", "interrupted", "waiting"]


def test_every_combination_is_checked_before_the_first_one_runs(sweep):
    def check(config, _sources):
        if config["seed"] == 3:
            raise ConfigError("not 3")

    with pytest.raises(ConfigError, match="not 3"):
        sweep("seed=1,2,3", hooks=SweepHooks(check=check))


def test_the_record_of_a_sweep_survives_one_that_runs_nothing(sweep, tmp_path):
    sweep("seed=1,2", finish=True)
    path = tmp_path / "results" / "default" / "training" / "multirun.yaml"
    before = path.read_text()
    sweep("seed=1")
    assert path.read_text() == before
    assert yaml.safe_load(before)["hydra"]["mode"] == "MULTIRUN"


def test_a_link_in_the_place_of_the_record_of_a_sweep_is_replaced(tmp_path, sweep):
    folder = tmp_path / "results" / "default" / "training"
    folder.mkdir(parents=True)
    (tmp_path / "outside").write_text("precious")
    (folder / "multirun.yaml").symlink_to(tmp_path / "outside")
    sweep("seed=1", "+batch_size=3", "+learning_rate=1")
    assert (tmp_path / "outside").read_text() == "precious"
    assert "batch_size" in (folder / "multirun.yaml").read_text()


def test_a_pipe_in_the_place_of_the_record_of_a_sweep_is_told(tmp_path, sweep):
    folder = tmp_path / "results" / "default" / "training"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "multirun.yaml")
    with pytest.raises(OutputError, match=r"results cannot be written to .*is no regular file"):
        sweep("seed=1", "+batch_size=3", "+learning_rate=1")


def test_the_sweeper_of_hydra_works_too(sweep):
    recorded = sweep("seed=1,2", "+batch_size=3", "+learning_rate=1", "hydra/sweeper=basic")
    assert recorded.values("seed") == [1, 2]


def test_a_program_without_a_pool_says_that_jobs_are_left_out(sweep):
    recorded = sweep("+jobs=2", "seed=1")
    assert recorded.output.count("jobs is left out") == 1
    assert len(recorded.configs) == 1


def test_a_single_run_without_a_sweep_works_too(sweep):
    values = ["seed=1", "+batch_size=3", "+learning_rate=1"]
    recorded = sweep(*values, "hydra.mode=RUN", "hydra.run.dir=out")
    assert recorded.values("seed") == [1]


def living(kind):
    return sum(type(thing) is kind for thing in gc.get_objects())


def test_memory_does_not_grow_with_the_combinations_that_are_composed(sweep):
    nodes = []

    def check(*_):
        nodes.append(living(DictConfig))

    def launches_nothing(_points):
        raise ConfigError("enough")

    # The more objects live that other tests have imported, the later old garbage is looked at.
    gc.freeze()
    gc.collect()
    pause_collector()
    try:
        with pytest.raises(ConfigError, match="enough"):
            sweep("seed=range(1,25)", hooks=SweepHooks(check=check, before_launch=launches_nothing))
    finally:
        resume_collector()
        gc.unfreeze()
    assert len(nodes) == 24
    assert max(nodes[12:]) < 1.5 * max(nodes[:12])


def test_jobs_that_are_over_hold_neither_configurations_nor_variables(sweep):
    class Model:
        """What a job works on."""

    counts = []

    def fail(config):
        counts.append((living(Model), sum(job.cfg is not None for job in jobs())))
        model = Model()
        raise RuntimeError(f"{model} is too large")

    def jobs():
        return (thing for thing in gc.get_objects() if type(thing) is JobReturn)

    recorded = sweep("seed=range(1,5)", before=fail)
    assert counts[0][0] == 0
    assert counts[1:] == counts[:1] * 3
    assert recorded.errors.count("Model object at") == 4
