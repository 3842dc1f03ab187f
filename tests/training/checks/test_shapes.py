"""Shapes of data, model, criterion and metrics: what does not fit is told before training."""

import pytest
import torch

from autrainer.errors import ConfigError
from autrainer.models import FFNN
from autrainer.runs.layout import ERROR_FILE
from tests.training.conftest import built, trained

HERE = "tests.training.checks.test_shapes"


class ThreeOutputs(FFNN):
    def __init__(self, output_dim, **kwargs):
        super().__init__(output_dim, **kwargs)
        self.add_module(self._last, torch.nn.Linear(self.hidden_size, 3))


class Pair(FFNN):
    def forward(self, features):
        return super().forward(features), features


class Squeezes(FFNN):
    def forward(self, features):
        return super().forward(features).squeeze()


class Raises(FFNN):
    def forward(self, features):
        if self.training:
            raise RuntimeError("out of luck")
        return super().forward(features)


class CountingLoss(torch.nn.CrossEntropyLoss):
    calls = 0

    def forward(self, output, target):
        type(self).calls += 1
        return super().forward(output, target)


class WrongLoss(CountingLoss):
    def forward(self, output, target):
        return super().forward(output[:-1], target)


def model(kind, **options):
    return {"model___target_": f"{HERE}.{kind}", **options}


@pytest.mark.parametrize(
    "criterion", ["CrossEntropyLoss", "BalancedCrossEntropyLoss"], ids=["plain", "weighted"]
)
def test_a_wrong_number_of_outputs_is_told_with_the_shapes(tmp_path, criterion):
    path = f"autrainer.criterions.{criterion}"
    with pytest.raises(ConfigError) as caught:
        built(tmp_path, dataset__criterion=path, **model("ThreeOutputs"))
    assert str(caught.value) == (
        "model gives outputs (B, 3) for features (B, 64), and the dataset ToyTabular-C needs "
        f"(B, 10); the last layer of {HERE}.ThreeOutputs has to give output_dim = 10 values a "
        "sample; its constructor is given output_dim"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"dataset__feature_shape": [8, 8], "model__input_size": 8},
            r"model gives outputs \(B, 8, 10\) for features \(B, 8, 8\).* the last axis .* flatten",
        ),
        (model("Pair"), r"model gives a tuple.* needs outputs \(B, 10\).*return a tensor"),
        (
            {"dataset__criterion": "autrainer.criterions.BCEWithLogitsLoss"},
            r"dataset.criterion is autrainer.criterions.BCEWithLogitsLoss, which does not take "
            r"outputs \(B, 10\) with targets \(B,\): .*for classification use .*CrossEntropyLoss",
        ),
        (
            {"dataset__criterion": "torch.nn.L1Loss"},
            r"dataset.criterion is torch.nn.L1Loss, .*outputs \(B, 10\) with targets \(B,\)",
        ),
    ],
)
def test_what_does_not_fit_is_told_before_training(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        built(tmp_path, **changes)


def test_a_metric_of_another_task_is_told_before_training(tmp_path):
    uar = "autrainer.metrics.UAR"
    metrics = {
        "dataset__metrics": ["autrainer.metrics.MLAccuracy", uar],
        "dataset__tracking_metric": uar,
    }
    with pytest.raises(
        ConfigError, match=r"dataset.metrics\[1\] is autrainer.metrics.UAR.*targets \(B, 10\).*ML"
    ):
        built(tmp_path, "dataset=ToyTabular-MLC", **metrics)


def test_a_model_that_squeezes_a_single_sample_only_trains(tmp_path):
    trained(tmp_path, "iterations=1", **model("Squeezes"))


def test_a_model_that_squeezes_its_only_output_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"gives outputs \(B,\).* has to keep the axis"):
        built(tmp_path, "dataset=ToyTabular-R", **model("Squeezes"))


def test_what_users_wrote_is_not_called_before_training(tmp_path):
    trainer = built(tmp_path, dataset__criterion=f"{HERE}.CountingLoss")
    before = CountingLoss.calls
    trainer.close()
    assert before == 0


@pytest.mark.parametrize(
    "options",
    [["optimizer=SGD"], ["optimizer=SAM-SGD"], ["optimizer=LBFGS"], ["+micro_batch_size=8"]],
)
def test_a_criterion_that_fails_on_a_batch_is_told_with_its_shapes(tmp_path, options):
    criterion = {"dataset__criterion": f"{HERE}.WrongLoss"}
    with pytest.raises(
        ConfigError,
        match=r"WrongLoss, .*outputs \(B, 10\) with targets \(B,\): .*test_shapes.py, lin",
    ):
        trained(tmp_path, *options, **criterion)


def test_a_model_of_another_input_size_is_told_the_size(tmp_path):
    message = r"float32 \(B, 64\): RuntimeError: .*; try model.input_size=64$"
    with pytest.raises(ConfigError, match=message):
        trained(tmp_path, "model.input_size=63")


def test_what_a_user_raises_stays_what_it_is(tmp_path):
    with pytest.raises(RuntimeError, match=r"^out of luck$"):
        trained(tmp_path, **model("Raises"))


def test_the_record_of_what_does_not_fit_holds_the_whole_traceback(tmp_path):
    with pytest.raises(ConfigError):
        trained(tmp_path, "model.input_size=63")
    text = (tmp_path / "experiment" / "training" / "run" / ERROR_FILE).read_text()
    assert "in forward" in text
    assert "RuntimeError" in text.split("direct cause")[0]
    assert "autrainer.errors.ConfigError: the model" in text.split("direct cause")[1]


def test_looking_leaves_no_trace_in_the_model(tmp_path):
    trainer = built(tmp_path)
    hooks = [len(module._forward_hooks) for module in trainer.model.modules()]
    trainer.close()
    assert sum(hooks) == 0
    assert trainer.model.training
