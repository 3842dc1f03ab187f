"""Too little memory while training: told with sizes, figures and advice; other errors as is."""

import pytest

from autrainer.errors import OutOfMemoryError
from autrainer.runs.status import read_status
from tests.training.conftest import built

PARTS = "tests.training.parts"


@pytest.mark.parametrize("kind", ["torch", "numpy"])
def test_memory_that_is_not_there_is_told_with_batch_sizes_and_advice(tmp_path, kind):
    trainer = built(
        tmp_path, "inference_batch_size=5", callbacks=[{f"{PARTS}.Greedy": {"kind": kind}}]
    )
    with pytest.raises(
        OutOfMemoryError,
        match=r"batch_size 16 and inference_batch_size 5 \(\d+.* GiB held.*try micro_batch_size=8",
    ):
        trainer.train()
    assert read_status(trainer.output_directory)["exception"]["type"] == "OutOfMemoryError"


def test_other_errors_stay_what_they_are(tmp_path):
    trainer = built(tmp_path, callbacks=[f"{PARTS}.Failing"])
    with pytest.raises(RuntimeError, match=r"^the callback has failed$"):
        trainer.train()
