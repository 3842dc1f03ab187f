import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.data.targets import (
    AbstractTargetTransform,
    LabelEncoder,
    MinMaxScaler,
    MultiLabelEncoder,
    MultiTargetMinMaxScaler,
    MultiTargetStandardScaler,
    RaggedTargetsError,
    StandardScaler,
)
from autrainer.errors import ConfigError, DataError
from autrainer.runs.objects import object_yaml
from autrainer.runs.writing.columns import Labels, LabelSets, Texts, ValueLists, Values

TRANSFORMS = {
    "labels": LabelEncoder(["b", "a", "c"]),
    "label sets": MultiLabelEncoder(0.5, ["b", "a", "c"]),
    "number": MinMaxScaler("age", 10, 30),
    "numbers": MultiTargetMinMaxScaler(["x", "y"], [0, -1], [1, 3]),
    "number without bounds": StandardScaler("age", 20, 5),
    "numbers without bounds": MultiTargetStandardScaler(["x", "y"], [0, -1], [1, 3]),
}


@pytest.fixture(params=TRANSFORMS, ids=list(TRANSFORMS))
def transform(request):
    return TRANSFORMS[request.param]


def outputs(transform, num_samples):
    torch.manual_seed(0)
    return torch.randn(num_samples, len(transform))


@given(st.lists(st.text(max_size=3), min_size=1))
def test_labels_are_sorted_without_repetition_and_decode_to_themselves(labels):
    encoder = LabelEncoder(labels)

    assert encoder.labels == sorted(set(labels))
    assert [encoder.decode(encoder.encode(label)) for label in labels] == labels
    assert encoder.encode_all(labels).tolist() == [encoder.encode(label) for label in labels]


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, unique=True))
def test_scaled_train_values_lie_between_0_and_1_and_decode_to_themselves(values):
    scaler = MinMaxScaler("age", min(values), max(values))

    scaled = scaler.encode_all(np.array(values))

    assert scaled.dtype == torch.float32
    assert (scaled.min(), scaled.max()) == (0, 1)
    assert [scaler.decode(scaler.encode(value)) for value in values] == pytest.approx(
        values, abs=1e-6
    )


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, unique=True))
def test_standardized_train_values_have_mean_0_and_deviation_1(values):
    scaler = StandardScaler("age", np.mean(values), np.std(values))

    scaled = scaler.encode_all(np.array(values)).double()

    assert scaled.mean().item() == pytest.approx(0, abs=1e-5)
    assert scaled.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    assert [scaler.decode(scaler.encode(value)) for value in values] == pytest.approx(
        values, abs=1e-6
    )


@pytest.mark.parametrize(
    ("bounded", "unbounded"),
    [
        (MinMaxScaler("age", 10, 30), StandardScaler("age", 20, 5)),
        (
            MultiTargetMinMaxScaler(["x", "y"], [10, 10], [30, 30]),
            MultiTargetStandardScaler(["x", "y"], [20, 20], [5, 5]),
        ),
    ],
)
def test_only_a_sigmoid_keeps_predictions_within_the_train_values(bounded, unbounded):
    outputs = torch.full((1, len(bounded)), 50.0)

    for scaler, expected in ((bounded, 30.0), (unbounded, 20 + 5 * 50.0)):
        assert torch.equal(scaler.probabilities_training(outputs[:0]), outputs[:0])
        probabilities = scaler.probabilities_inference(outputs)
        found = decoded(scaler.decode_array(scaler.predict_array(probabilities)))
        assert np.ravel(found).tolist() == [expected] * len(scaler)


class Logarithm(MinMaxScaler):
    def decode(self, x):
        return float(np.exp(super().decode(x)))


def test_a_transform_is_affine_unless_it_decodes_in_its_own_way():
    assert [name for name, transform in TRANSFORMS.items() if transform.is_affine] == [
        *("number", "numbers", "number without bounds", "numbers without bounds")
    ]
    assert not Logarithm("age", 0, 1).is_affine


def test_all_targets_at_once_are_those_of_single_samples():
    table = np.array([[0.25, 0.5], [2, -7]], dtype=np.float32)

    scaler = TRANSFORMS["numbers"]
    assert torch.equal(scaler.encode_all(table), torch.stack([scaler.encode(r) for r in table]))
    encoder = TRANSFORMS["label sets"]
    labels = [["a"], [], ["c", "b"]]
    assert encoder.encode_all(labels).tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1]]
    masks = np.array([[0, 1, 0], [0, 0, 0]])
    assert encoder.encode_all(masks).dtype == torch.float32
    assert encoder.encode_all(masks).tolist() == masks.tolist()


@pytest.mark.parametrize("num_samples", [1, 2, 5])
def test_a_batch_of_any_size_gives_one_prediction_per_sample(transform, num_samples):
    probabilities = transform.probabilities_inference(outputs(transform, num_samples))

    predictions = transform.predict_array(probabilities)
    names, values = transform.probability_columns(probabilities)
    single = [transform.predict_inference(row) for row in probabilities]

    assert predictions.tolist() == single == transform.predict_inference(probabilities)
    assert values.shape == (num_samples, len(names))
    assert [transform.probabilities_to_dict(row) for row in probabilities] == [
        dict(zip(names, row, strict=True)) for row in values.tolist()
    ]


def decoded(predictions):
    """Decoded predictions as the values that the file holds."""
    match predictions:
        case Labels():
            return [predictions.labels[code] for code in predictions.codes]
        case LabelSets():
            return [
                [label for label, present in zip(predictions.labels, row, strict=True) if present]
                for row in predictions.mask
            ]
        case Values() | ValueLists():
            return predictions.values.tolist()
        case Texts():
            return list(predictions.texts)


def test_all_predictions_decode_as_single_ones_do(transform):
    predictions = transform.predict_array(transform.probabilities_inference(outputs(transform, 4)))

    expected = [transform.decode(prediction) for prediction in predictions.tolist()]
    assert decoded(transform.decode_array(predictions)) == expected


def test_what_a_user_overrides_for_one_sample_holds_for_all_of_them():
    class Upside(LabelEncoder):
        def encode(self, x):
            return len(self) - 1 - super().encode(x)

        def decode(self, x):
            return super().decode(len(self) - 1 - x)

        def predict_inference(self, x):
            return x.argmin(dim=-1).tolist()

    encoder = Upside(["a", "b", "c"])

    assert encoder.encode_all(["a", "c"]).tolist() == [2, 0]
    assert encoder.predict_array(torch.tensor([[0.1, 0.2, 0.7]])).tolist() == [0]
    assert decoded(encoder.decode_array(np.array([0, 2]))) == ["c", "a"]
    assert encoder.probability_columns(torch.tensor([[0.1, 0.2, 0.7]]))[0] == ["c", "b", "a"]


class Squeezing(AbstractTargetTransform):
    """As users write them: one sample at a time, and axes of one are lost."""

    def __len__(self):
        return 1

    def encode(self, x):
        return float(x)

    def decode(self, x):
        return x * 2

    def probabilities_training(self, x):
        return x

    probabilities_inference = probabilities_training

    def predict_inference(self, x):
        return x.squeeze().tolist()

    def majority_vote(self, x):
        return x[0]

    def probabilities_to_dict(self, x):
        return {"it": x.item()}


@pytest.mark.parametrize("num_samples", [1, 3])
def test_a_transform_that_knows_single_samples_only_serves_batches(num_samples):
    transform = Squeezing()
    probabilities = torch.arange(num_samples).float()[:, None]

    predictions = transform.predict_array(probabilities)

    assert transform.encode_all(["1", "2"]).dtype == torch.float32
    assert predictions.shape == (num_samples,)
    assert decoded(transform.decode_array(predictions)) == [2.0 * i for i in range(num_samples)]
    assert transform.probability_columns(probabilities)[1].shape == (num_samples, 1)


def test_targets_of_different_lengths_fit_no_tensor():
    class Sequences(Squeezing):
        def encode(self, x):
            return torch.zeros(x)

    with pytest.raises(RaggedTargetsError, match="Sequences"):
        Sequences().encode_all([1, 2])


def test_unknown_labels_are_counted_and_named():
    encoder = LabelEncoder(["a", "b"])

    with pytest.raises(
        DataError, match=r"3 samples .* labels: 'x', 'y' \(rows 1, 2, 3\); .*'a', 'b'"
    ):
        encoder.encode_all(["a", "x", "y", "x"])
    with pytest.raises(DataError, match="unknown label 'x'; the train labels are 'a', 'b'"):
        encoder.encode("x")


@pytest.mark.parametrize(("labels", "values"), [([1, 10], ["10", "1"]), (["1", "10"], [10, 1])])
def test_labels_are_known_by_their_text_too(labels, values):
    encoder = LabelEncoder(labels)

    assert encoder.encode_all(values).tolist() == [1, 0]
    assert [encoder.encode(value) for value in values] == [1, 0]
    with pytest.raises(DataError, match="1 sample with unknown labels: '01'"):
        encoder.encode_all(["1", "01"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "at least one"),
        (["a", float("nan")], "1 sample without labels \\(row 1\\)"),
        (["a", None], "1 sample without"),
        (["a", 1], "int and str"),
    ],
)
def test_labels_that_cannot_be_coded_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        LabelEncoder(labels)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MultiLabelEncoder(0.5, ["a", "a"]),
        lambda: MinMaxScaler("age", 1, 1),
        lambda: MinMaxScaler("age", float("nan"), 1),
        lambda: MultiTargetMinMaxScaler(["x", "y"], [0, 2], [1, 2]),
        lambda: MultiTargetMinMaxScaler(["x"], [0, 1], [1, 2]),
        lambda: StandardScaler("age", 1, 0),
        lambda: StandardScaler("age", float("nan"), 1),
        lambda: StandardScaler("age", 1, float("inf")),
        lambda: MultiTargetStandardScaler(["x", "y"], [0, 2], [1, 0]),
        lambda: MultiTargetStandardScaler([], [], []),
    ],
)
def test_ranges_and_labels_that_make_no_sense_are_refused(make):
    with pytest.raises(DataError):
        make()


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_probability(threshold):
    with pytest.raises(ConfigError, match="threshold"):
        MultiLabelEncoder(threshold, ["a"])


def test_targets_that_are_no_numbers_are_counted_and_named_with_their_rows():
    values = [1.0, "two", float("nan"), 4.0]

    with pytest.raises(DataError, match=r"2 values of 'age' .*'two', empty or NaN \(rows 1, 2\)"):
        TRANSFORMS["number"].encode_all(values)
    with pytest.raises(DataError, match=r"1 value of 'y'.*inf \(row 0\)"):
        TRANSFORMS["numbers"].encode_all(np.array([[1.0, np.inf]]))


def test_multi_label_targets_lie_between_0_and_1():
    encoder = MultiLabelEncoder(0.5, ["wet", "loud"])
    soft = np.array([[0, 1], [0.25, 1]], dtype=np.float32)

    assert encoder.encode_all(soft).tolist() == soft.tolist()
    with pytest.raises(DataError) as error:
        encoder.encode_all(np.array([[0, 1], [2, -1], [1, 0]], dtype=np.float32))
    assert str(error.value) == (
        "2 values below 0 or above 1: 2 of 'wet', -1 of 'loud' (row 1); a sample has a label (1), "
        "or has it not (0)"
    )


def test_a_tie_goes_to_the_first_label_in_order():
    assert TRANSFORMS["labels"].majority_vote(["c", "b", "b", "c", "a"]) == "b"


def test_a_label_that_half_of_the_votes_have_is_present():
    assert TRANSFORMS["label sets"].majority_vote([["a"], ["a", "b"]]) == ["b", "a"]


def test_votes_on_numbers_are_their_mean():
    assert TRANSFORMS["number"].majority_vote([1.0, 2.0]) == 1.5
    assert TRANSFORMS["numbers"].majority_vote([[1.0, 2.0], [3.0, 6.0]]) == [2.0, 4.0]


def test_a_probability_at_the_threshold_predicts_nothing():
    encoder = MultiLabelEncoder(0.5, ["a", "b"])

    assert encoder.predict_inference(torch.tensor([0.5, 0.6])) == [0, 1]


def test_arguments_are_written_and_build_an_equal_transform(transform):
    import audobject

    text = object_yaml(transform)

    assert audobject.from_yaml_s(text) == transform
