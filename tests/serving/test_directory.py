"""A folder of recordings in several calls gives what one call gives."""

import numpy as np
import pytest
import torch

from autrainer.data.file_handlers import NumpyFileHandler
from autrainer.models import FFNN
from autrainer.serving import Inference
from autrainer.serving.directory import JOURNAL_FILE, Outputs, run_directory
from tests.serving.conftest import write_model

NAMES = [f"{number}.npy" for number in range(7)]


@pytest.fixture
def inference(tmp_path):
    torch.manual_seed(0)
    folder = write_model(tmp_path / "model", FFNN(2, 4, 3, dropout=0), handler=NumpyFileHandler())
    root = tmp_path / "in"
    root.mkdir()
    rng = np.random.default_rng(0)
    for name in NAMES:
        np.save(root / name, rng.standard_normal(4, dtype=np.float32))
    (root / "3.npy").write_text("no array")
    return Inference(folder, preprocess_cfg=None, batch_size=2)


def run(inference, folder, names=NAMES, **options):
    outputs = Outputs(folder, embeddings=".npy", **options)
    root = inference.serving.folder.parent / "in"
    return run_directory(inference, root, names, outputs, update_frequency=0)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class Interrupts:
    """A model that asks to be stopped when it has been called so many times."""

    def __init__(self, monkeypatch, inference, calls):
        self.left, self.made = calls, 0
        self.inner = inference.serving.forward
        monkeypatch.setattr(inference.serving, "forward", self)

    def __call__(self, features, **options):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.made += 1
        return self.inner(features, **options)


@pytest.mark.parametrize("calls", range(4))
def test_an_interrupted_call_is_gone_on(inference, tmp_path, monkeypatch, calls):
    run(inference, tmp_path / "whole")
    with monkeypatch.context() as patched:
        Interrupts(patched, inference, calls)
        with pytest.raises(KeyboardInterrupt):
            run(inference, tmp_path / "out")
    assert (tmp_path / "out" / JOURNAL_FILE).exists()
    assert not (tmp_path / "out" / "results.csv").exists()
    with monkeypatch.context() as patched:
        rest = Interrupts(patched, inference, 100)
        run(inference, tmp_path / "out")
    assert rest.made == 4 - calls
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def interrupted(inference, folder, monkeypatch):
    with monkeypatch.context() as patched:
        Interrupts(patched, inference, 3)
        with pytest.raises(KeyboardInterrupt):
            run(inference, folder)
    return folder / JOURNAL_FILE


def test_a_journal_that_ends_anywhere_is_gone_on(inference, tmp_path, monkeypatch):
    run(inference, tmp_path / "whole")
    journal = interrupted(inference, tmp_path / "out", monkeypatch)
    content = journal.read_bytes()
    ends = [0, 1, content.index(b"\n"), content.index(b"\n") + 1, len(content) - 1, len(content)]
    for end in [*ends, *range(50, len(content), 97)]:
        (tmp_path / "out" / "results.csv").unlink(missing_ok=True)
        journal.write_bytes(content[:end])
        run(inference, tmp_path / "out")
        assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_another_question_begins_anew(inference, tmp_path, monkeypatch):
    journal = interrupted(inference, tmp_path / "out", monkeypatch)
    content = journal.read_bytes()
    changes = {
        "files": lambda: run(inference, tmp_path / "out", NAMES[:6]),
        "batches": lambda: run(other, tmp_path / "out"),
    }
    other = Inference(inference.serving.folder, preprocess_cfg=None, batch_size=3)
    for change in changes.values():
        journal.write_bytes(content)
        results = change()
        assert [result.name for result in results] == NAMES[: len(results)]


def test_a_changed_recording_begins_anew(inference, tmp_path, monkeypatch):
    interrupted(inference, tmp_path / "out", monkeypatch)
    root = inference.serving.folder.parent / "in"
    np.save(root / "0.npy", np.zeros(5, np.float32)[:4])
    run(inference, tmp_path / "out")
    run(inference, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
