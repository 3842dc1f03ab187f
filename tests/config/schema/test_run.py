"""The training attributes of a configuration, and what is wrong with them."""

import pytest
from omegaconf import OmegaConf

from autrainer.config.schema.run import RunConfig
from autrainer.errors import ConfigError


@pytest.fixture
def config():
    group = {"id": "X", "_target_": "x.X"}
    return {
        "iterations": 5,
        "seed": 1,
        "batch_size": 32,
        "learning_rate": 0.001,
        "dataset": dict(group),
        "model": dict(group),
        "optimizer": dict(group),
        "scheduler": {"id": "None", "_target_": "None"},
        "augmentation": {"id": "None"},
        "plotting": {},
    }


def test_a_small_configuration_has_defaults(config):
    run = RunConfig.read(config)
    training, seeds = run.training, run.seeds
    assert (training.iterations, training.batch_size, training.inference_batch_size) == (5, 32, 32)
    assert (training.training_type, training.eval_frequency) == ("epoch", 1)
    assert run.saving.save_frequency == 1
    assert (seeds.training, seeds.dataset, seeds.seed) == (1, 1, 1)
    assert run.compute.reproducible
    assert run.saving.save_train_outputs
    assert not training.progress_bar
    assert not run.resuming.continue_training


def test_values_are_read_as_they_are(config):
    config |= {
        "seed": "5-9",
        "training_type": "step",
        "eval_frequency": 2,
        "inference_batch_size": 0,
        "learning_rate": 1,
        "progress_bar": True,
        "callbacks": ["x.Y", {"x.Z": {"a": 1}}],
        "loggers": None,
        "train_loader_kwargs": {"num_workers": 2},
        "device": "cpu",
        "anything_else": {"of": "mine"},
    }
    run = RunConfig.read(OmegaConf.create(config))
    assert (run.seeds.training, run.seeds.dataset) == (5, 9)
    assert (run.training.eval_frequency, run.saving.save_frequency) == (2, 2)
    assert run.training.inference_batch_size == 32
    assert run.training.learning_rate == 1.0
    assert run.training.progress_bar
    assert [(each.path, each.arguments) for each in run.callbacks.targets] == [
        ("x.Y", {}),
        ("x.Z", {"a": 1}),
    ]
    assert run.loggers.targets == ()
    assert run.loaders.train.arguments == {"num_workers": 2}


def test_loader_options_of_the_dataset_replace_the_general_ones(config):
    config["train_loader_kwargs"] = {"num_workers": 2}
    config["dataset"]["train_loader_kwargs"] = {"drop_last": True}
    assert RunConfig.read(config).loaders.train.arguments == {"drop_last": True}


BAD = [
    ("training_type", "epochs", "use 'epoch' or 'step'"),
    *[
        (key, value, "use an integer of at least 1")
        for key in ("iterations", "eval_frequency", "save_frequency", "batch_size")
        for value in (0, -1, 1.5, "2", True, [1], 2**31)
    ],
    ("inference_batch_size", -3, "use an integer of at least 1"),
    *[
        ("learning_rate", value, "use a number above 0")
        for value in (0, -0.1, "fast", float("nan"), float("inf"), 1e300, 10**400, True)
    ],
    *[
        ("seed", value, "use an integer from 0 to 4294967295, or 'A-B'")
        for value in (-1, 2**32, "1", "1-", "1-2-3", "a-b", 1.0, True)
    ],
    ("progress_bar", "yes", "use true or false"),
    ("reproducible", 1, "use true or false"),
    ("device", 1.5, "use a text"),
    ("callbacks", "x.Y", "use a list of import paths"),
    ("train_loader_kwargs", 3, "use a mapping of num_workers"),
    ("model", "Net", "autrainer list model"),
]


@pytest.mark.parametrize(("key", "value", "allowed"), BAD)
def test_a_bad_value_is_told_with_its_key_and_what_is_allowed(config, key, value, allowed):
    config[key] = value
    with pytest.raises(ConfigError) as caught:
        RunConfig.read(config)
    assert str(caught.value).startswith(f"{key} is {value!r}; ")
    assert allowed in str(caught.value)


REQUIRED = [
    "iterations",
    "seed",
    "batch_size",
    "learning_rate",
    "dataset",
    "model",
    "optimizer",
    "scheduler",
    "augmentation",
    "plotting",
]


@pytest.mark.parametrize("missing", [None, "???"])
@pytest.mark.parametrize("key", REQUIRED)
def test_a_missing_key_is_told(config, key, missing):
    config[key] = missing
    with pytest.raises(ConfigError, match=f"^{key} is missing; "):
        RunConfig.read(config)
    del config[key]
    with pytest.raises(ConfigError, match=f"^{key} is missing; "):
        RunConfig.read(config)


def test_evaluating_more_rarely_than_training_lasts_is_refused(config):
    config["eval_frequency"] = 6
    with pytest.raises(ConfigError, match="eval_frequency is 6, more than the 5 iterations"):
        RunConfig.read(config)


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("eval_frequencey", "eval_frequency"),
        ("learningrate", "learning_rate"),
        ("schedulr", "scheduler"),
        ("save_train_output", "save_train_outputs"),
    ],
)
def test_a_misspelt_key_is_told_with_the_one_that_is_meant(config, slip, meant):
    config[slip] = 1
    with pytest.raises(ConfigError, match=f"{slip} is no training attribute; .*'{meant}'"):
        RunConfig.read(config)


@pytest.mark.parametrize("key", ["notes", "seed_2", "model_name", "hidden", "batch_size_big"])
def test_keys_of_the_users_own_are_fine(config, key):
    config[key] = 1
    RunConfig.read(config)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_worker": 1}, "num_worker is no option of a loader; did you mean 'num_workers'"),
        ({"shuffle": True}, "shuffle is no option of a loader; use num_workers"),
        ({"num_workers": -1}, "num_workers is -1; use an integer of at least 0"),
        ({"drop_last": "no"}, "drop_last is 'no'; use true or false"),
        ({"nonfinite": "skip"}, "nonfinite is 'skip'; use error, warn or ignore"),
    ],
)
def test_options_of_loaders_are_checked(config, options, message):
    config["dataset"]["dev_loader_kwargs"] = options
    with pytest.raises(ConfigError, match=rf"dataset\.dev_loader_kwargs\.{message}"):
        RunConfig.read(config)


@pytest.mark.parametrize("policy", ["error", "warn", "ignore", "allow"])
def test_features_that_are_not_finite_may_be_ignored_by_the_old_word_too(config, policy):
    config["dev_loader_kwargs"] = {"nonfinite": policy}
    assert RunConfig.read(config).loaders.dev.arguments == {"nonfinite": policy}


@pytest.mark.parametrize("split", ["dev", "test"])
def test_only_the_train_loader_takes_a_sampler(config, split):
    config["dataset"]["train_loader_kwargs"] = {"sampler": "x.Y"}
    assert RunConfig.read(config).loaders.train.arguments == {"sampler": "x.Y"}
    config[f"{split}_loader_kwargs"] = {"sampler": "x.Y"}
    message = rf"^{split}_loader_kwargs\.sampler cannot be set; evaluation sees every sample once"
    with pytest.raises(ConfigError, match=message):
        RunConfig.read(config)


def test_everything_that_is_wrong_is_told_at_once(config):
    config |= {"iterations": 0, "seed": "x", "scheduler": {"id": "S", "step_frequency": "epoch"}}
    with pytest.raises(ConfigError) as caught:
        RunConfig.read(config)
    assert str(caught.value).splitlines()[0] == "the configuration has 3 problems:"
    assert "scheduler.step_frequency is 'epoch'; use 'batch' or 'evaluation'" in str(caught.value)


class Everywhere:
    def of(self, key):
        return f"conf/{key}.yaml"


def test_the_file_that_a_value_comes_from_is_named(config):
    config["iterations"] = 0
    with pytest.raises(ConfigError, match=r"iterations is 0 \(conf/iterations.yaml\); use"):
        RunConfig.read(config, Everywhere())


@pytest.mark.parametrize("device", ["cpu", "cuda:0", "cuda", "mps", "xpu:1", "privateuseone"])
def test_any_device_of_torch_may_be_named(config, device):
    assert RunConfig.read(config | {"device": device}).compute.device == device


def test_a_misspelt_device_is_refused_instead_of_training_on_the_cpu(config):
    with pytest.raises(ConfigError, match="device is 'cdua:0'; did you mean 'cuda'"):
        RunConfig.read(config | {"device": "cdua:0"})


@pytest.mark.parametrize("metrics", ["autrainer.metrics.UAR", []])
def test_metrics_are_a_list(config, metrics):
    config["dataset"]["metrics"] = metrics
    with pytest.raises(ConfigError, match=r"dataset.metrics is .*use a list") as caught:
        RunConfig.read(config)
    assert "problems" not in str(caught.value)


def test_a_configuration_that_inherits_nothing_is_told_how_to():
    with pytest.raises(ConfigError, match=r"defaults: \[_autrainer_, _self_\]") as caught:
        RunConfig.read({"iterations": 5})
    assert "batch_size" not in str(caught.value)


@pytest.mark.parametrize("name", ["..", "../other", "a/../../b", "a/..", "/tmp/x"])
def test_an_experiment_stays_in_the_folder_of_results(config, name):
    with pytest.raises(ConfigError, match=r"experiment_id is '.*'; use the name of a folder in"):
        RunConfig.read({**config, "experiment_id": name})


@pytest.mark.parametrize("name", ["default", "group/first", "..a", "a..b", "1.2", "ü x", 5])
def test_an_experiment_may_have_any_other_name(config, name):
    assert RunConfig.read({**config, "experiment_id": name}).sweep.experiment_id == str(name)
