"""When a run ends because a metric does not improve any more."""

from types import SimpleNamespace

import pandas as pd
import pytest

from autrainer.callbacks.early_stopping import EarlyStopping
from autrainer.errors import ConfigError
from autrainer.metrics import Accuracy

NAN = float("nan")


def stopped_after(values, metric="dev_loss", earlier=0, **options):
    """After how many evaluations a run stops; a new process begins after `earlier` of them."""
    accuracy, rows, reasons = Accuracy(), [], []
    for number, value in enumerate(values, start=1):
        if number == 1 or number == earlier + 1:
            stopping = EarlyStopping(
                metric=metric, metrics=[accuracy], tracking_metric=accuracy, **options
            )
        rows.append({"accuracy": value, "dev_loss": value})
        trainer = SimpleNamespace(metrics=pd.DataFrame(rows), stop=reasons.append)
        stopping.cb_on_iteration_end(trainer, iteration=number, metrics=rows[-1])
        if reasons:
            return number, reasons[0]
    return None


@pytest.mark.parametrize(
    ("values", "patience", "expected"),
    [
        ([3, 2, 1, 1, 1], 2, 5),
        ([3, 2, 3, 1, 2, 2], 2, 6),
        ([3, 2, 1], 1, None),
        ([NAN, NAN, 1], 2, 2),
        ([1, NAN, 0.5, NAN, NAN], 2, 5),
    ],
)
def test_so_many_evaluations_without_improvement_are_waited_for(values, patience, expected):
    stopped = stopped_after(values, patience=patience)
    assert (stopped and stopped[0]) == expected


def test_a_gain_has_to_be_larger_than_min_delta():
    assert stopped_after([1.0, 0.95, 0.9], patience=2, min_delta=0.1)[0] == 3
    assert stopped_after([1.0, 0.85, 0.7], patience=1, min_delta=0.1) is None


def test_by_default_the_tracking_metric_decides_in_its_own_direction():
    number, reason = stopped_after([0.1, 0.5, 0.4], metric=None, patience=1)
    assert number == 3
    assert "accuracy was at best 0.5 and has not improved for 1 evaluations" in reason


@pytest.mark.parametrize("earlier", range(6))
def test_a_process_that_goes_on_stops_where_one_that_never_ended_would(earlier):
    values = [3, 2, 1, 2, 1, 1, 1]
    assert stopped_after(values, patience=3, earlier=earlier)[0] == 6


def test_a_metric_that_there_is_not_is_refused_with_the_near_match():
    with pytest.raises(ConfigError, match=r"early_stopping.metric is 'dev_los'; did you mean"):
        EarlyStopping(1, metric="dev_los", metrics=[Accuracy()], tracking_metric=Accuracy())
