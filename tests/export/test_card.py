"""The card of a model: what people read before they use it."""

import pytest
import torch

from autrainer.data.targets import LabelEncoder, MultiLabelEncoder, StandardScaler
from autrainer.export.card import card_of
from autrainer.export.comparison import Comparison, compare
from autrainer.export.description import describe
from autrainer.export.program import Size
from autrainer.metrics import Accuracy
from autrainer.runs.record.run_record import RunRecord
from autrainer.statistics import bootstrap_interval
from tests.run_folders import write_csv, write_run, write_yaml

CLIPS, SPEAKERS = 60, 12
SIZES = [Size("batch", 1), Size(None, 1), Size("length", 257)]


def described(targets=None):
    comparison = Comparison("model.onnx", 2e-7, 60, "the test set")
    targets = targets or LabelEncoder(["no", "a|b"])
    return describe(SIZES, torch.zeros(1, 400), targets, ["Reader()"], ["Mel()"], [comparison])


@pytest.fixture
def run(tmp_path):
    """A run whose outputs and scores fit each other, on a test set with speakers."""
    rows = [{"filename": f"{n}.wav", "speaker": f"s{n % SPEAKERS}"} for n in range(CLIPS)]
    write_csv(tmp_path / "data" / "test.csv", rows)
    folder = write_run(tmp_path / "results" / "default" / "training", dataset__path="data")
    said = ["no" if n % 5 == 0 else "yes" for n in range(CLIPS)]
    outputs = [
        {"index": n, "predictions": word, "target": "yes", "probability_yes": 1}
        for n, word in enumerate(said)
    ]
    write_csv(folder / "_test" / "test_results.csv", outputs)
    write_yaml(folder / "_test" / "test_holistic.yaml", {"accuracy": {"all": 0.8}})
    interval = bootstrap_interval(
        Accuracy().fn, ["yes"] * CLIPS, said, [n % SPEAKERS for n in range(CLIPS)]
    )
    return folder, interval


def test_intervals_are_those_of_speakers(run):
    folder, interval = run
    card = card_of(described(), RunRecord(folder), "_best", ["model.onnx"])
    assert f"| accuracy | 0.8000 | {interval.low:.4f} to {interval.high:.4f} |" in card
    assert "all samples of one `speaker` (12 of them), of 60 samples" in card
    assert "With so few of them (12) it is coarse." in card


def test_the_card_tells_input_output_and_how_to_use_it(run):
    card = card_of(described(), RunRecord(run[0]), "_best", ["model.onnx"])
    assert "Input `features`: float32, shape (batch, 1, length)." in card
    assert "`length` is at least 257." in card
    assert "1. `Reader()`" in card
    assert "1. `Mel()`" in card
    assert "np.zeros((1, 1, 400), np.float32)" in card
    assert "model.pt2" not in card
    assert "hidden_size: 8" in card
    assert "\n\n\n" not in card


def test_results_of_another_checkpoint_are_not_told(run):
    card = card_of(described(), RunRecord(run[0]), "epoch_2", [])
    assert "which need not be `epoch_2`" in card
    assert "| accuracy |" not in card


@pytest.mark.parametrize(
    ("targets", "task", "meaning"),
    [
        (LabelEncoder(["a", "b"]), "Classification, one of 2 labels", "softmax"),
        (MultiLabelEncoder(0.4, ["a", "b"]), "Classification, any of 2 labels", "above 0.4"),
        (StandardScaler("age", 30, 9), "Regression, 1 target", "mean 30.0, std 9.0"),
    ],
)
def test_it_is_told_what_outputs_mean(targets, task, meaning):
    description = described(targets)
    assert description.task == task
    assert meaning in description.content["output"]["meaning"]


def test_a_difference_in_one_sample_of_a_batch_is_found():
    inputs = [torch.full((2,), float(n)) for n in range(5)]

    def run(features):
        return features.sum(1, keepdim=True) + (len(features) > 1) * torch.eye(5)[:, 3:4]

    found = compare("f", run, inputs, [x.sum()[None] for x in inputs], "noise", lambda _: True)
    assert (found.largest, found.num_samples, found.num_left_out) == (1, 5, 0)


def test_nan_where_there_was_a_number_is_no_agreement():
    found = compare(
        "f", lambda x: x * float("nan"), [torch.ones(1)], [torch.ones(1)], "noise", bool
    )
    assert not found.largest <= 1e9
    same = compare("f", lambda x: x, [torch.tensor([torch.nan])], [torch.tensor([torch.nan])],
                   "noise", bool)  # fmt: skip
    assert same.largest == 0


def test_samples_of_shapes_that_are_not_taken_are_counted():
    inputs = [torch.ones(3), torch.ones(4), torch.ones(3)]
    found = compare("f", lambda x: x, inputs, inputs, "the test set", lambda shape: shape[1] == 3)
    assert (found.num_samples, found.num_left_out) == (2, 1)
    assert str(found).endswith("2 samples of the test set; 1 of other shapes were left out")
