"""What is logged as lines of JSON."""

import json
import math

import pytest

from autrainer.loggers import JSONLinesLogger
from autrainer.metrics import Accuracy


def logger_in(folder, *, resumed=False):
    logger = JSONLinesLogger("exp", "run", [Accuracy()], Accuracy(), output_dir=str(folder))
    if resumed:
        logger.load_state_dict({"best_metrics": logger.best_metrics, "last_iteration": 1})
    logger.setup()
    return logger


def written(logger):
    return [json.loads(line) for line in logger.path.read_text().splitlines()]


def log_iteration(logger, iteration, accuracy=0.5):
    values = {"accuracy": accuracy, "train_loss": 1.0, "dev_loss": 2.0}
    logger.log_and_update_metrics(values, iteration)


def test_values_that_json_has_not_are_null_and_names_stay_readable(tmp_path):
    logger = logger_in(tmp_path)
    logger.log_params({"größe": 1, "path": tmp_path})
    logger.log_metrics({"accuracy": math.nan, "dev_loss": math.inf}, 1)
    logger.end_run()
    params, metrics = written(logger)
    assert params["params"] == {"größe": 1, "path": str(tmp_path)}
    assert "größe" in logger.path.read_text()
    assert metrics["metrics"] == {"accuracy": None, "dev_loss": None}
    assert metrics["iteration"] == 1


TORN = ['{"event": "metrics", "iterat', '{"event": "best", "metrics": {}}\n', "\0\0\0\n", "[]\n"]


@pytest.mark.parametrize("torn", TORN)
def test_a_line_that_was_torn_is_written_again(tmp_path, torn):
    logger = logger_in(tmp_path)
    log_iteration(logger, 1)
    logger.end_run()
    whole = logger.path.read_text()
    logger.path.write_text(whole + torn)
    again = logger_in(tmp_path, resumed=True)
    log_iteration(again, 1)
    log_iteration(again, 2)
    again.end_run()
    assert logger.path.read_text().startswith(whole)
    assert [line.get("iteration") for line in written(again)] == [None, 1, None, 2]


def test_another_run_of_the_name_begins_the_file_anew(tmp_path):
    logger = logger_in(tmp_path)
    log_iteration(logger, 1)
    logger.end_run()
    again = logger_in(tmp_path)
    log_iteration(again, 1, accuracy=0.75)
    again.end_run()
    assert [line["metrics"]["accuracy"] for line in written(again)[1:]] == [0.75]


def test_lines_are_there_as_soon_as_they_are_logged(tmp_path):
    logger = logger_in(tmp_path)
    log_iteration(logger, 1)
    assert [line["event"] for line in written(logger)] == ["best", "metrics"]
    logger.end_run()


def test_a_link_in_the_place_of_the_file_is_not_written_through(tmp_path):
    (tmp_path / "exp").mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "exp" / "run.jsonl").symlink_to(tmp_path / "mine.txt")
    with pytest.raises(OSError, match="a link"):
        logger_in(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"
