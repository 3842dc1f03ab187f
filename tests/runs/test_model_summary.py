import torch

from autrainer.runs.model_summary import save_model_summary
from autrainer.runs.yaml.reading import read_yaml


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.frozen = torch.nn.BatchNorm1d(4).eval()
        self.dropout = torch.nn.Dropout()
        self.head = torch.nn.Linear(4, 2)

    def forward(self, features, scale):
        return self.head(self.dropout(self.frozen(features))) * scale


INPUTS = {"features": torch.ones(1, 4), "scale": torch.ones(1, 1)}


def test_a_summary_counts_the_parameters(tmp_path):
    save_model_summary(Net(), INPUTS, tmp_path)
    counts = read_yaml(tmp_path / "model_summary.yaml")
    assert counts["total_params"] == counts["trainable_params"] == 4 * 2 + 2 + 4 * 2
    assert "head" in (tmp_path / "model_summary.txt").read_text()


def test_summarising_leaves_model_and_generators_as_they_were(tmp_path):
    model = Net().train()
    model.frozen.eval()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    save_model_summary(model, INPUTS, tmp_path)
    assert torch.equal(torch.rand(1), expected)
    assert [module.training for module in model.children()] == [False, True, True]
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_a_model_that_cannot_be_called_is_reported_and_keeps_no_hooks(tmp_path, caplog):
    model = Net()
    save_model_summary(model, {"features": torch.ones(1, 5), "scale": torch.ones(1)}, tmp_path)
    assert "Net has no summary" in caplog.text
    assert list(tmp_path.iterdir()) == []
    assert not any(module._forward_hooks for module in model.modules())


def test_a_summarised_model_is_not_kept_alive(tmp_path):
    import gc
    import weakref

    model = Net()
    alive = weakref.ref(model)
    save_model_summary(model, INPUTS, tmp_path)
    del model
    gc.collect()
    assert alive() is None
