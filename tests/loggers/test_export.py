import copy

import pytest
from omegaconf import OmegaConf

from autrainer.loggers import get_params_to_export

CONFIG = {
    "results_dir": "results",
    "seed": 1,
    "device": "cpu",
    "_private": 2,
    "dataset": {
        "id": "Toy-C",
        "_target_": "a.Toy",
        "criterion": "a.Loss",
        "metrics": ["a.Accuracy"],
        "transform": {"type": "tabular"},
        "file_handler": {"a.Handler": {"size": 3}},
        "target_column": ["x", "y"],
        "_hidden": 1,
    },
    "model": {"id": "FFNN", "_target_": "a.FFNN", "layers": {"id": "Two", "width": 4}},
    "scheduler": {"id": "None"},
    "augmentation": {},
    "plotting": {"figsize": [10, 5]},
}


@pytest.mark.parametrize("make", [dict, OmegaConf.create])
def test_a_configuration_is_flattened(make):
    exported = get_params_to_export(make(CONFIG))
    assert exported == {
        "seed": 1,
        "device": "cpu",
        "dataset": "Toy-C",
        "dataset._target_": "a.Toy",
        "dataset.criterion": "a.Loss",
        "dataset.file_handler": "a.Handler",
        "dataset.target_column": ["x", "y"],
        "model": "FFNN",
        "model._target_": "a.FFNN",
        "model.layers": "Two",
    }


def test_the_configuration_is_left_as_it_was():
    config = OmegaConf.create(CONFIG)
    before = copy.deepcopy(config)
    get_params_to_export(config)
    assert config == before


def test_a_prefix_counts_as_the_key_of_the_part():
    assert get_params_to_export({"size": 3, "transform": 1}, "model") == {"model.size": 3}


def test_a_target_without_an_id_is_refused():
    with pytest.raises(KeyError, match="model has a _target_ but no id"):
        get_params_to_export({"model": {"_target_": "a.B"}})
