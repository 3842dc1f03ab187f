"""Which file set a key."""

import pytest

from autrainer.config.hydra.compose import SweepHooks
from autrainer.config.hydra.key_sources import Sources

MAIN = """\
defaults:
  - _autrainer_
  - _self_
  - override scheduler: StepLR
results_dir: results
experiment_id: default
iterations: 5
model:
  hidden_size: 3
hydra:
  sweeper:
    params: {+seed: 1, +batch_size: 32, +learning_rate: 0.001}
"""


@pytest.fixture
def source_of(project, sweep):
    def find(key, *arguments):
        project("conf/config.yaml", MAIN)
        found = []
        check = SweepHooks(check=lambda _, sources: found.append(sources.of(key)))

        def inside(_):
            found.append(Sources.of_job().of(key))

        sweep(*arguments, hooks=check, before=inside)
        assert found[0] == found[-1]
        return found[0]

    return find


@pytest.mark.parametrize(
    ("key", "source"),
    [
        ("iterations", "conf/config.yaml"),
        ("seed", "conf/config.yaml"),
        ("model.hidden_size", "conf/config.yaml"),
        ("model.id", "conf/model/ToyFFNN.yaml"),
        ("dataset.metrics[0]", "conf/dataset/ToyTabular-C.yaml"),
        ("nothing", None),
    ],
)
def test_a_key_comes_from_a_file_of_the_user(source_of, key, source):
    assert source_of(key) == source


@pytest.mark.parametrize(
    ("key", "ending"),
    [
        ("eval_frequency", "conf/_autrainer_.yaml"),
        ("scheduler.step_frequency", "conf/scheduler/StepLR.yaml"),
        ("optimizer._target_", "conf/optimizer/Adam.yaml"),
    ],
)
def test_a_key_comes_from_a_packaged_file(source_of, key, ending):
    assert source_of(key).endswith(ending)


@pytest.mark.parametrize(
    ("key", "argument"),
    [
        ("iterations", "iterations=3"),
        ("seed", "seed=2"),
        ("model.hidden_size", "model.hidden_size=7"),
        ("mine.deep", "+mine={deep: 1}"),
    ],
)
def test_a_key_comes_from_the_command_line(source_of, key, argument):
    assert source_of(key, argument) == "the command line"


def test_another_choice_of_a_group_is_another_file(source_of):
    assert source_of("model.id", "model=Big_Net") == "conf/model/Big_Net.yaml"


def test_outside_of_a_job_nothing_is_known():
    assert Sources.of_job() is None
    assert Sources().of("seed") is None
