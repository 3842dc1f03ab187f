"""How much disk a run takes is known before it trains."""

import pytest

from autrainer.training.recording.registry import needed_bytes
from tests.training.conftest import trained

DRAWN = "{autrainer.data.sampler.BalancedSampler: {num_draws: 20000}}"


def used_bytes(folder):
    """Of the disk, with what blocks that are not full waste."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))


@pytest.mark.parametrize(
    "options",
    [
        ("iterations=3",),
        ("iterations=3", "dataset.size=5000"),
        ("iterations=2", "model.hidden_size=20000", "optimizer=Adam"),
        ("iterations=5", "model.hidden_size=20000", "keep_checkpoints=1"),
        ("iterations=40", "dataset=ToyTabular-MTR"),
        ("iterations=3", f"train_loader_kwargs.sampler={DRAWN}"),
    ],
    ids=" ".join,
)
def test_the_estimate_is_right_within_a_factor_of_two(tmp_path, options):
    run = trained(tmp_path, *options)
    expected = needed_bytes(run.config, run.parts, run.stateful)
    assert 0.5 < expected / used_bytes(run.output_directory) < 2
