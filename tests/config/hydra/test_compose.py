"""What a main configuration becomes, and which file wins."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import autrainer
from autrainer.config.hydra.snapshot import Snapshot, SnapshotSource, frozen
from autrainer.config.packaged import packaged_dir
from autrainer.config.schema.run import RunConfig
from autrainer.errors import ConfigError
from tests.conftest import CONF


def test_without_a_main_configuration_the_packaged_toy_run_is_composed(sweep):
    [config] = sweep().configs
    assert config["iterations"] == 5
    assert (config["seed"], config["batch_size"], config["learning_rate"]) == (1, 32, 0.001)
    assert config["optimizer"] == {"id": "Adam", "_target_": "torch.optim.Adam"}
    assert config["scheduler"] == {"id": "None", "_target_": "None"}


def test_training_attributes_have_their_defaults(sweep):
    [config] = sweep("+eval_frequency=2", "batch_size=7").configs
    assert config["training_type"] == "epoch"
    assert config["save_frequency"] == 2
    assert config["inference_batch_size"] == 7
    assert config["device"] == "cuda:0"
    flags = ("reproducible", "progress_bar", "continue_training", "remove_continued_runs")
    outputs = ("save_train_outputs", "save_dev_outputs", "save_test_outputs")
    assert all(config[key] is True for key in flags + outputs)


def test_a_file_of_the_user_shadows_the_packaged_one_as_a_whole(project, sweep):
    project("conf/optimizer/SGD.yaml", "id: SGD\n_target_: my_project.SGD\n")
    [config] = sweep("optimizer=SGD").configs
    assert config["optimizer"] == {"id": "SGD", "_target_": "my_project.SGD"}


def test_a_file_with_the_suffix_yml_is_found(project, sweep):
    project("conf/optimizer/Mine.yml", "id: Mine\n_target_: my_project.Mine\n")
    [config] = sweep("optimizer=Mine").configs
    assert config["optimizer"]["id"] == "Mine"


def test_another_folder_takes_the_place_of_conf(project, sweep):
    project("conf/optimizer/Mine.yaml", "id: Mine\n_target_: conf.Mine\n")
    project("other/optimizer/Mine.yaml", "id: Mine\n_target_: other.Mine\n")
    os.rename("conf/dataset", "other/dataset")
    os.rename("conf/model", "other/model")
    os.rename("conf/augmentation", "other/augmentation")
    [config] = sweep("-cd", "other", "optimizer=Mine").configs
    assert config["optimizer"]["_target_"] == "other.Mine"


@pytest.mark.parametrize("spelling", [["-cd", "b"], ["--config-dir", "b"], ["--config-dir=b"]])
def test_the_last_folder_given_wins(project, sweep, spelling):
    project("a/config.yaml", "x")
    project("b/mine.yaml", "defaults: [_autrainer_, _self_]\nanswer: 42\n")
    for group in ("dataset", "model", "augmentation"):
        os.rename(f"conf/{group}", f"b/{group}")
    assignments = ["+seed=1", "+batch_size=2", "+learning_rate=0.1"]
    where = ["+iterations=1", "+results_dir=r", "+experiment_id=e"]
    [config] = sweep("-cd", "a", *spelling, "-cn", "mine.yaml", *assignments, *where).configs
    assert config["answer"] == 42


def test_a_missing_folder_is_an_error(sweep):
    with pytest.raises(ConfigError, match="'nowhere' does not exist"):
        sweep("-cd", "nowhere")


def test_the_config_path_flag_is_refused_with_the_way_out(sweep):
    with pytest.raises(ConfigError, match=r"-cp is not supported.*-cd.*-cn"):
        sweep("-cp", "conf")


def test_folders_are_as_they_were_when_the_sweep_began(project, sweep):
    def edit(_):
        project("conf/model/ToyFFNN.yaml", "id: ToyFFNN\n_target_: edited.Model\n")

    recorded = sweep("seed=1,2", before=edit)
    targets = [config["model"]["_target_"] for config in recorded.configs]
    assert targets == ["my_project.MyModel", "my_project.MyModel"]


def test_the_working_directory_is_importable_during_a_job_only(project, sweep):
    project("importable.py", "VALUE = 3\n")
    found = []

    def look(_):
        import importlib

        found.append(importlib.import_module("importable").VALUE)

    before = list(sys.path)
    sweep(before=look)
    assert found == [3]
    assert sys.path == before


def test_the_configuration_of_a_peer_project_composes_unchanged(project, sweep):
    project(
        "conf/config.yaml",
        """\
defaults:
  - _autrainer_
  - _self_
  - override scheduler: StepLR

results_dir: results
experiment_id: peer
iterations: 3
notes: ${experiment_id}-${iterations}
loggers:
  - autrainer.loggers.TensorBoardLogger:
      output_dir: ${results_dir}/.runs
hydra:
  sweeper:
    filters:
      - hydra_filter_sweeper.Exists:
          path: metrics.csv
      - hydra_filter_sweeper.Expression:
          expr: seed == 2 and model["id"] == "Big_Net"
    params:
      +seed: 1, 2
      +batch_size: 32
      +learning_rate: 0.001
      dataset: ToyTabular-C
      model: ToyFFNN, Big_Net
      optimizer: Adam
""",
    )
    recorded = sweep()
    runs = [(config["seed"], config["model"]["id"]) for config in recorded.configs]
    assert runs == [(1, "ToyFFNN"), (1, "Big_Net"), (2, "ToyFFNN")]
    assert recorded.configs[0]["scheduler"]["step_size"] == 30
    assert recorded.configs[0]["notes"] == "peer-3"
    assert recorded.directories[1].name == (
        "ToyTabular-C_Big_Net_Adam_0.001_32_epoch_3_StepLR_None_1"
    )


def test_a_main_configuration_with_defaults_of_its_own_composes(project, sweep):
    project(
        "conf/_autrainer_.yaml",
        """\
defaults:
  - _self_
  - dataset: ???
  - model: ???
  - optimizer: ???
  - scheduler: None
  - augmentation: None
  - plotting: Default
  - /hydra/callbacks: [ConfigDirSnapshot]
  - override hydra/sweeper: autrainer_filter_sweeper
training_type: epoch
hydra:
  mode: MULTIRUN
  sweep:
    dir: ${results_dir}/${experiment_id}/training/
    subdir: ${dataset.id}_${model.id}_${seed}
""",
    )
    recorded = sweep("seed=5")
    assert recorded.values("seed") == [5]
    assert recorded.directories[0].name == "ToyTabular-C_ToyFFNN_5"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["optimizer=Adan"], "optimizer is 'Adan'.*did you mean 'Adam'"),
        (["optimizer=Adam,Adan"], "optimizer is 'Adan'.*did you mean 'Adam'"),
        (["eval_frequencey=2"], "eval_frequencey is no key.*did you mean 'eval_frequency'"),
        (["model.hiden_size=2,3"], r"model.hiden_size is no key.*did you mean 'hidden_size'"),
        (["model.nope=2"], r"model.nope is no key.*\(the command line\); to add it, write \+model"),
        (["seed"], "the override 'seed' has no value; write seed=VALUE"),
        (["--training-type", "step"], "no flag '--training-type'.* by training_type=VALUE"),
        (["--seed=3"], "there is no flag '--seed'; a key of the configuration is set by seed=3"),
        (["seed=1,"], "the override '.?seed=1,' cannot be read"),
        (
            ["-cn", "nothing"],
            r"there are config, digits, group, tones$",
        ),
        (["-cn", "confg"], r"no main configuration 'confg'; did you mean 'config'\?"),
        (["-cn", "conf/config.yaml"], r"name it without its folder: -cn config"),
        (["model=3"], "'model=3' has a value of the wrong type"),
        (["=3"], "'=3' has a value of the wrong type"),
        (["+bad=${nowhere}"], "bad cannot be resolved"),
    ],
)
def test_a_misspelt_name_is_told_with_its_near_matches(sweep, arguments, message):
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        sweep(*arguments)


@pytest.mark.parametrize(
    ("defaults", "message"),
    [
        ("_autrainr_", "the defaults name '_autrainr_'.*did you mean '_autrainer_'"),
        ("modle: ToyFFNN", "there is no group 'modle' of configurations; did you mean 'model'"),
        ("model: ToyFNN", "model is 'ToyFNN'.*did you mean 'ToyFFNN'"),
    ],
)
def test_a_misspelt_default_is_told_with_its_near_matches(project, sweep, defaults, message):
    project("conf/config.yaml", f"defaults:\n  - {defaults}\n  - _self_\n")
    with pytest.raises(ConfigError, match=message):
        sweep()


@pytest.mark.parametrize("flags", [["--cfg", "job"], ["-c", "job"], ["--info", "searchpath"]])
def test_flags_of_hydra_answer_without_running_anything(sweep, flags):
    recorded = sweep(*flags)
    assert recorded.configs == []
    assert recorded.output != ""


def test_nothing_is_left_of_a_sweep_in_the_temporary_folder(sweep, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    def fail(_):
        raise RuntimeError("no")

    assert sweep(before=fail).code == 1
    assert list(temporary.iterdir()) == []


def test_the_packaged_configurations_are_those_of_the_repository():
    assert packaged_dir().resolve() == CONF.resolve()
    assert "optimizer/Adam" in Snapshot(packaged_dir()).paths


def test_every_packaged_file_that_names_a_class_names_its_module():
    snapshot = Snapshot(CONF)
    groups = ("dataset", "model", "optimizer", "scheduler", "augmentation")
    parsed = {name: snapshot.parsed(name) for name in snapshot.paths if name.startswith(groups)}
    assert len(parsed) > 270
    targets = {name: content["_target_"] for name, content in parsed.items()}
    assert [n for n, path in targets.items() if "." not in path and path != "None"] == []


OPTIMIZERS = sorted(name for name in Snapshot(CONF).paths if name.startswith("optimizer/"))


def test_there_are_fourteen_optimizers():
    assert len(OPTIMIZERS) == 14


@pytest.mark.parametrize("group", ["optimizer", "scheduler", "plotting"])
def test_every_option_of_a_group_composes(sweep, group):
    # test_conf.py composes data sets and augmentations, models/test_configurations.py models.
    options = [n.partition("/")[2] for n in Snapshot(CONF).paths if n.startswith(f"{group}/")]
    recorded = sweep(f"{group}={','.join(options)}", hooks=_without_folders())
    assert len(recorded.configs) == len(options)


@pytest.mark.parametrize(
    "name",
    [n for n in sorted(Snapshot(CONF).paths) if "/" not in n and not n.startswith(("_", "group"))],
)
def test_every_packaged_main_configuration_composes(sweep, name):
    recorded = sweep(config_name=name)
    assert recorded.configs
    RunConfig.read(recorded.configs[0])


def test_a_snapshot_goes_along_to_another_process(project):
    with frozen(Path("conf").absolute()):
        source = SnapshotSource("user", f"frozen://{Path('conf').absolute()}")
    Path("conf/model/ToyFFNN.yaml").unlink()
    travelled = pickle.loads(pickle.dumps(source))
    assert travelled.load_config("model/ToyFFNN").config.id == "ToyFFNN"
    assert travelled.is_group("model")
    assert travelled.list("", None) == ["augmentation", "dataset", "model"]
    assert travelled.list("model", None) == ["Big_Net", "ToyFFNN"]


def _without_folders():
    from autrainer.config.hydra.compose import SweepHooks

    return SweepHooks(own_folders=False)


def test_a_script_of_the_user_runs_with_its_own_task(project, tmp_path):
    project(
        "script.py",
        """\
import autrainer

@autrainer.main("config")
def task(config):
    print("seed", config.seed)
    if config.seed == 2:
        raise ValueError("unlucky number")

task()
""",
    )
    process = subprocess.run(
        [sys.executable, "script.py", "seed=1,2,3"], capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert [line for line in process.stdout.splitlines() if line.startswith("seed")] == [
        "seed 1",
        "seed 2",
        "seed 3",
    ]
    assert "1 of 3 jobs failed" in process.stderr
    assert "unlucky number" in process.stderr


def test_a_decorated_function_takes_a_configuration_directly():
    @autrainer.main("config")
    def task(config):
        return config["seed"]

    assert task({"seed": 7}) == 7
