from pathlib import Path

import pytest
import yaml

from autrainer.config.instantiate import instantiate
from autrainer.datasets import AbstractDataset, utils
from autrainer.datasets.utils import file_handlers, target_transforms

# Those of published data sets have a test of their own, in corpora/test_configs.py.
CONFIGS = [
    path
    for path in sorted((Path(__file__).parents[2] / "conf" / "dataset").glob("*.yaml"))
    if path.stem.startswith(("Toy", "Digits"))
]
CONSUMED = ("criterion", "transform")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_dataset_gives_a_batch_of_each_split(path):
    text = path.read_text()
    config = yaml.safe_load(text)
    arguments = {key: value for key, value in config.items() if key not in CONSUMED}

    dataset = instantiate(arguments, instance_of=AbstractDataset, seed=1)

    assert text.startswith("# ")
    assert config["id"] == path.stem
    for subset in ("train", "dev", "test"):
        batch = next(iter(getattr(dataset, f"create_{subset}_loader")(4)))
        assert len(batch.features) == len(batch.target) == 4
        assert len(getattr(dataset, f"{subset}_dataset")) >= 200
    assert dataset.tracking_metric.name in [metric.name for metric in dataset.metrics]
    assert dataset.output_dim == (1 if dataset.task == "regression" else 10)


def test_stored_runs_find_their_classes():
    from autrainer.datasets.utils.target_transforms import (
        label_encoder,
        min_max_scaler,
        multi_label_encoder,
        multi_target_min_max_scaler,
    )

    for module in (
        label_encoder,
        min_max_scaler,
        multi_label_encoder,
        multi_target_min_max_scaler,
        target_transforms,
        file_handlers,
    ):
        for name in module.__all__:
            assert getattr(module, name) is getattr(utils, name)
