"""Runs share what is computed of their files."""

from tests.training.conftest import same_states, state, trained


def test_runs_share_a_folder_of_features_and_learn_the_same(tmp_path, csv_run):
    transform = {"type": "tabular", "base": ["autrainer.transforms.Standardizer"]}
    changes = csv_run("Classification", transform=transform)
    cache = tmp_path / "cache"
    for name in ("one", "two"):
        trained(tmp_path, name=name, features_cache=str(cache), **changes)
    trained(tmp_path, name="plain", **changes)
    runs = tmp_path / "experiment" / "training"
    states = [state(runs / name, "_best") for name in ("one", "two", "plain")]
    assert same_states(states[0], states[1])
    assert same_states(states[0], states[2])
    assert len(list(cache.rglob("*.npy"))) == 24 + 10 + 9
