"""Strange recordings have results or one clear error, and kills change nothing."""

import pytest
import torch

from autrainer.serving import Inference
from tests.conftest import REPOSITORY
from tests.serving.conftest import write_model
from tests.torture.command_kills import COMMANDS, contents, make_project
from tests.torture.conftest import torture
from tests.torture.recordings import FAULTY, RATE, SOUND, write, write_strange


@pytest.fixture
def inference(tmp_path):
    def build(**options):
        return Inference(write_model(tmp_path / "model"), trusted=[REPOSITORY], **options)

    return build


@pytest.mark.parametrize("options", [{}, {"window_length": 0.2}, {"min_length": 0.5}], ids=str)
def test_each_recording_has_a_result_or_one_clear_error(inference, tmp_path, options):
    write_strange(tmp_path / "in")
    built = inference(**options)
    table = built.predict_directory(tmp_path / "in", "wav", recursive=True, update_frequency=0)
    stems = {name.rpartition("/")[2].removesuffix(".wav") for name in table["filename"]}
    assert stems == set(SOUND)
    assert {name.removesuffix(".wav") for name in built.failures} == set(FAULTY)
    assert all(error and "\n" not in error for error in built.failures.values())


def test_a_folder_of_texts_has_as_many_errors(inference, tmp_path):
    for number in range(20):
        (tmp_path / f"{number:02}.wav").write_text("text")
    built = inference()
    assert built.predict_directory(tmp_path, "wav", update_frequency=0).empty
    assert len(built.failures) == 20


def test_an_hour_is_cut_into_windows(inference, tmp_path):
    write(tmp_path / "in" / "hour.wav", 1)
    path = tmp_path / "in" / "hour.wav"
    # Silence of an hour, most of which takes no room on the disk.
    num_bytes = 3600 * RATE * 2
    head = bytearray(path.read_bytes()[:44])
    head[4:8], head[40:44] = (36 + num_bytes).to_bytes(4, "little"), num_bytes.to_bytes(4, "little")
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(44 + num_bytes)
    predictions, outputs, _ = inference(window_length=60).predict_file(path)
    assert len(predictions) == 61
    assert torch.isfinite(outputs["3540.00-3600.00"]).all()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_killed_ends_as_one_that_was_left_alone(command):
    told = torture("command_kills", "--command", command, "--kills", "4", "--seed", "7")
    assert "all outputs are equal (seed 7)" in told


def test_a_difference_would_be_seen(tmp_path):
    make_project(tmp_path / "project", 2)
    COMMANDS["preprocess"](tmp_path / "project", tmp_path / "one")
    COMMANDS["preprocess"](tmp_path / "project", tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    path = tmp_path / "two" / "second.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert contents(tmp_path / "one") != contents(tmp_path / "two")
