import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from autrainer.errors import ConfigError
from autrainer.models import FFNN, SeqFFNN, SmallCNN


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4))
def test_ffnn_has_as_many_layers_as_asked_and_nothing_added_matters(num_layers, batch):
    model = FFNN(3, 5, 7, num_layers, dropout=0.5).eval()
    x = torch.rand(batch, 5)
    before = model(x)
    names = [name for name, _ in model.named_children()]
    expected = [f"{k}{i}" for i in range(num_layers - 1) for k in ("Linear", "ReLU", "Dropout")]
    assert names == [*expected, f"Linear{num_layers - 1}"]
    assert before.shape == (batch, 3)
    assert model.embeddings(x).shape == (batch, 7 if num_layers > 1 else 5)
    model.extra = nn.Linear(3, 3)
    assert torch.equal(model(x), before)


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_sequences_are_pooled_over_time(cell, bidirectional, layers):
    model = SeqFFNN(
        3, 5, 4, layers, 6, backbone_cell=cell, backbone_bidirectional=bidirectional
    ).eval()
    x = torch.rand(2, 9, 5)
    assert model(x).shape == (2, 3)
    assert model.embeddings(x).shape == (2, 8 if bidirectional else 4)
    assert torch.equal(model(x.unsqueeze(1)), model(x))
    assert f"backbone.model.weight_ih_l{layers - 1}" in model.state_dict()
    assert "frontend.Linear1.bias" in model.state_dict()


def test_sequences_can_be_answered_frame_by_frame():
    model = SeqFFNN(3, 5, 4, 1, 6, backbone_time_pooling=False)
    assert model(torch.rand(2, 9, 5)).shape == (2, 9, 3)


@settings(max_examples=15, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40), st.integers(1, 3))
def test_small_cnn_takes_images_of_any_size(height, width, channels):
    model = SmallCNN(4, in_channels=channels, channels=[2, 3, 5]).eval()
    x = torch.rand(2, channels, height, width)
    assert model(x).shape == (2, 4)
    assert model.embeddings(x).shape == (2, 5)


@pytest.fixture
def one_thread():
    """Two threads wait for each other where another process keeps a core busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_small_cnn_learns_the_digits():
    features, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(features, dtype=torch.float32).view(-1, 1, 8, 8) / 16, torch.tensor(labels)
    train, test = map(
        torch.tensor, train_test_split(range(len(y)), test_size=0.2, stratify=y, random_state=1)
    )
    torch.manual_seed(1)
    model = SmallCNN(10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(5):
        for rows in train[torch.randperm(len(train))].split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    accuracy = (model.eval()(x[test]).argmax(1) == y[test]).float().mean()
    assert accuracy > 0.97


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FFNN(1, 2, 3, num_layers=0), "num_layers is 0"),
        (lambda: FFNN(1, 2, 3, transfer=True), "no pretrained weights for FFNN"),
        (lambda: SeqFFNN(1, 2, 3, 1, 2, backbone_cell="RNN"), "use 'LSTM' or 'GRU'"),
        (lambda: SmallCNN(1, channels=[]), "channels is empty"),
        (lambda: SmallCNN(1, transfer="url"), "transfer is 'url'"),
    ],
)
def test_bad_arguments_fail_at_construction(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
