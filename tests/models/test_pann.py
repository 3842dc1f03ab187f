"""Networks of PANNs: what they weigh, take and give."""

import pytest
import torch
from torch.nn import functional

from autrainer.errors import DataError
from autrainer.models import Cnn10, Cnn14

KINDS = {Cnn10: (4, 512, 4_948_928, 57, 6), Cnn14: (6, 2048, 79_673_792, 81, 3)}
"""Blocks, width, parameters without the head, entries of the state, segments of 101 frames."""


def on_meta(make):
    with torch.device("meta"):
        return make()


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_and_names_are_those_of_the_published_networks(kind):
    num_blocks, width, num_parameters, num_entries, _ = KINDS[kind]
    model = on_meta(lambda: kind(7))
    assert sum(p.numel() for p in model.parameters()) == num_parameters + (width + 1) * 7
    names = [*model.state_dict()]
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    expected = {f"bn0.{name}" for name in norm} | {"fc1.weight", "fc1.bias"}
    expected |= {"out.weight", "out.bias"}
    for block in range(1, num_blocks + 1):
        expected |= {f"conv_block{block}.conv{i}.weight" for i in (1, 2)}
        expected |= {f"conv_block{block}.bn{i}.{name}" for i in (1, 2) for name in norm}
    assert set(names) == expected
    assert len(names) == num_entries


@pytest.mark.parametrize("kind", KINDS)
def test_clips_and_segments_have_their_shapes(kind):
    *_, width, _, _, num_segments = KINDS[kind]
    x = torch.empty(2, 1, 101, 64, device="meta")
    clipwise = on_meta(lambda: kind(7))
    segmentwise = on_meta(lambda: kind(7, segmentwise=True))
    assert clipwise(x).shape == segmentwise(x).shape == (2, 7)
    assert clipwise.embeddings(x).shape == segmentwise.embeddings(x).shape == (2, width)
    assert segmentwise.segments(x).shape == (2, num_segments, 7)


def test_a_clip_is_decided_on_as_the_paper_says():
    torch.manual_seed(1)
    model = Cnn10(3, in_channels=2).eval()
    for norm in (module for module in model.modules() if hasattr(module, "running_mean")):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 2, 35, 64)
    mean, var = model.bn0.running_mean, model.bn0.running_var
    y = (x - mean) / (var + 1e-5).sqrt()
    for block in (model.conv_block1, model.conv_block2, model.conv_block3, model.conv_block4):
        y = functional.relu(block.bn1(functional.conv2d(y, block.conv1.weight, padding=1)))
        y = functional.relu(block.bn2(functional.conv2d(y, block.conv2.weight, padding=1)))
        y = functional.avg_pool2d(y, 2)
    y = y.mean(3)
    clip = functional.relu(model.fc1(y.max(2).values + y.mean(2)))
    torch.testing.assert_close(model.embeddings(x), clip)
    torch.testing.assert_close(model(x), model.out(clip))
    sums = functional.max_pool1d(y, 3, 1, 1) + functional.avg_pool1d(y, 3, 1, 1)
    segments = functional.relu(model.fc1(sums.transpose(1, 2)))
    model.segmentwise = True
    torch.testing.assert_close(model.segments(x), model.out(segments))
    torch.testing.assert_close(model(x), model.segments(x).mean(1))
    torch.testing.assert_close(model.embeddings(x), segments.mean(1))


@pytest.mark.parametrize("shape", [(1, 1, 15, 64), (1, 1, 16, 40), (1, 2, 16, 64), (1, 16, 64)])
def test_other_shapes_are_told_with_what_is_taken(shape):
    model = on_meta(lambda: Cnn10(2))
    with pytest.raises(DataError, match=r"\(B, 1, T, 64\) with T of 16 or more, found \(1, "):
        model(torch.empty(shape, device="meta"))
    assert model(torch.empty(1, 1, 16, 64, device="meta")).shape == (1, 2)
