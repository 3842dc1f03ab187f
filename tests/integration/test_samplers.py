"""The installed command, with a sampler chosen by a configuration."""

import numpy as np
import pandas as pd
import pytest

from tests.integration.conftest import only_run

CONFIG = """\
defaults: [_autrainer_, _self_]
results_dir: results
experiment_id: default
iterations: 4
device: cpu
progress_bar: false
train_loader_kwargs:
  sampler: autrainer.data.sampler.BalancedSampler
hydra:
  sweeper:
    params:
      +seed: 1
      +batch_size: 8
      +learning_rate: 0.01
      plotting: None
      dataset: Birds
      model: ToyFFNN
      model.input_size: 4
      optimizer: Adam
"""
DATASET = """\
id: Birds
_target_: autrainer.datasets.BaseClassificationDataset
path: data
features_subdir: features
index_column: file
target_column: label
file_type: npy
file_handler: autrainer.datasets.utils.NumpyFileHandler
criterion: autrainer.criterions.CrossEntropyLoss
metrics: [autrainer.metrics.UAR]
tracking_metric: autrainer.metrics.UAR
transform: {type: tabular}
"""
COUNTS = {"train": (45, 10, 5), "dev": (2, 2, 2), "test": (3, 2, 1)}


@pytest.fixture
def birds(project):
    """Files of three classes, of which the first has most of the train samples."""
    (project / "data" / "features").mkdir(parents=True)
    (project / "conf" / "dataset").mkdir()
    (project / "conf" / "config.yaml").write_text(CONFIG)
    (project / "conf" / "dataset" / "Birds.yaml").write_text(DATASET)
    rng = np.random.default_rng(0)
    for subset, counts in COUNTS.items():
        files = [f"{subset}{number}" for number in range(sum(counts))]
        for file in files:
            np.save(project / "data" / "features" / f"{file}.npy", rng.random(4, np.float32))
        labels = np.repeat(["crow", "robin", "wren"], counts)
        frame = pd.DataFrame({"file": files, "label": labels})
        frame.to_csv(project / "data" / f"{subset}.csv", index=False)
    return project


def test_a_balanced_run_sees_every_class_about_equally_often(autrainer, birds):
    autrainer("train")
    run = only_run(birds)
    labels = pd.read_csv(birds / "data" / "train.csv")["label"].to_numpy()
    indices = [np.load(run / f"epoch_{epoch}" / "train_indices.npy") for epoch in range(1, 5)]
    assert [len(drawn) for drawn in indices] == [60] * 4
    seen = pd.Series(labels[np.concatenate(indices)]).value_counts()
    # 240 draws: a class has 80 of them, give or take two standard deviations of 7.3.
    assert sorted(seen.index) == ["crow", "robin", "wren"]
    assert seen.between(65, 95).all(), seen
    assert np.load(run / "epoch_1" / "dev_indices.npy").tolist() == list(range(6))


def test_a_misspelt_sampler_is_told_with_the_near_match(autrainer, birds):
    config = birds / "conf" / "config.yaml"
    config.write_text(CONFIG.replace("BalancedSampler", "BalancedSamplr"))
    process = autrainer("train", check=False)
    assert process.returncode == 1
    assert "train_loader_kwargs.sampler cannot be used" in process.stderr
    assert "did you mean 'BalancedSampler'" in process.stderr
    assert list(birds.rglob("_initial")) == []
