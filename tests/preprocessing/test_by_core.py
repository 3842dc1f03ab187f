"""What the core makes of recordings is what the classes make of them, to the last bit."""

import subprocess
import sys

import numpy as np
import pytest
import yaml

from autrainer.data.file_handlers import AudioFileHandler
from autrainer.errors import ConfigError
from autrainer.preprocessing.by_core import extract_by_core, native_format
from autrainer.preprocessing.by_torch import extract_by_torch
from autrainer.preprocessing.jobs import Job
from autrainer.serving import Serving
from autrainer.transforms import PannMel, StereoToMono
from tests.conftest import CONF
from tests.serving.conftest import write_model, write_wav

MEL = {
    **{"window_size": 256, "hop_size": 80, "sample_rate": 8000, "fmin": 50, "fmax": 4000},
    **{"mel_bins": 64, "ref": 1.0, "amin": 1e-10, "top_db": None},
}
SOUND = "autrainer.datasets.utils.AudioFileHandler"
NPY = "autrainer.datasets.utils.NumpyFileHandler"
MONO = "autrainer.transforms.StereoToMono"
PANN = "autrainer.transforms.PannMel"
PREPROCESSING = {
    "file_handler": {SOUND: {"target_sample_rate": 8000}},
    "pipeline": [MONO, {PANN: MEL}],
}


def job_of(folder, preprocess=PREPROCESSING, handler=NPY):
    return Job("Mine", "mine", preprocess, folder, {}, handler)


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_features_are_those_of_the_classes(tmp_path, channels, rate):
    recording = str(write_wav(tmp_path / "a.wav", 4321, rate=rate, channels=channels))
    by_core, _ = extract_by_core(job_of(tmp_path))
    by_classes, _ = extract_by_torch(job_of(tmp_path))
    by_core(recording, tmp_path / "core.npy")
    by_classes(recording, tmp_path / "classes.npy")
    assert (tmp_path / "core.npy").read_bytes() == (tmp_path / "classes.npy").read_bytes()
    assert np.load(tmp_path / "core.npy").shape[2] == 64


def test_features_are_those_of_inference(tmp_path):
    recording = write_wav(tmp_path / "a.wav", 9000, rate=16000, channels=2)
    extract_by_core(job_of(tmp_path))[0](str(recording), tmp_path / "a.npy")
    model = write_model(
        tmp_path / "model", handler=AudioFileHandler(8000), pipeline=[PannMel(**MEL)]
    )
    serving = Serving(model, trusted=[CONF.parent])
    features = serving.features_of(serving.file_handler.load(str(recording)))
    assert np.array_equal(np.load(tmp_path / "a.npy"), features.numpy())


def test_arguments_are_read_as_the_classes_read_them():
    steps = native_format(PREPROCESSING).steps
    assert steps == (*StereoToMono().native_steps(), *PannMel(**MEL).native_steps())
    # Transforms act by their order, not by their place.
    turned = {**PREPROCESSING, "pipeline": [{PANN: MEL}, MONO]}
    assert native_format(turned) == native_format(PREPROCESSING)


@pytest.mark.parametrize("name", ["log_mel_8k", "log_mel_16k", "log_mel_32k"])
def test_packaged_preprocessings_are_made_by_the_core(name):
    preprocess = yaml.safe_load((CONF / "preprocessing" / f"{name}.yaml").read_text())
    assert native_format(preprocess).steps[1][0] == "mel"


@pytest.mark.parametrize(
    "changes",
    [
        {"file_handler": NPY},
        {"file_handler": {SOUND: {"target_rate": 8000}}},
        {"file_handler": None},
        {"pipeline": [{MONO: {"order": 3}}]},
        {"pipeline": [{PANN: {**MEL, "order": 3}}]},
        {"pipeline": [{PANN: {"window_size": 256}}]},
        {"pipeline": [MONO, MONO]},
        {"pipeline": ["autrainer.transforms.Expand"]},
        {"pipeline": ["my_project.StereoToMono"]},
    ],
)
def test_everything_else_is_left_to_the_classes(changes, tmp_path):
    assert extract_by_core(job_of(tmp_path, {**PREPROCESSING, **changes})) is None


def test_features_that_are_no_arrays_are_left_to_the_classes(tmp_path):
    assert extract_by_core(job_of(tmp_path, handler="autrainer.data.ImageFileHandler")) is None


@pytest.mark.parametrize("arguments", [{"window_size": 0}, {"fmin": 5000}, {"hop_size": "x"}])
def test_arguments_that_make_no_sense_are_told_by_the_classes(tmp_path, arguments):
    preprocess = {**PREPROCESSING, "pipeline": [MONO, {PANN: {**MEL, **arguments}}]}
    assert extract_by_core(job_of(tmp_path, preprocess)) is None
    with pytest.raises(ConfigError, match=f"{next(iter(arguments))} is"):
        extract_by_torch(job_of(tmp_path, preprocess))


@pytest.mark.parametrize(
    "arguments",
    [{"target_sample_rate": "fast"}, {"target_sample_rate": 0}, {"offset": -1}, {"duration": "x"}],
)
def test_arguments_of_the_file_handler_that_make_no_sense_are_told_by_it(tmp_path, arguments):
    job = job_of(tmp_path, {**PREPROCESSING, "file_handler": {SOUND: arguments}})
    assert extract_by_core(job) is None
    with pytest.raises(ConfigError, match=f"AudioFileHandler: {next(iter(arguments))} is"):
        extract_by_torch(job)


@pytest.mark.parametrize("num_samples", [0, 1, 100])
def test_recordings_that_are_too_short_are_told(tmp_path, num_samples):
    recording = str(write_wav(tmp_path / "a.wav", num_samples))
    by_core, _ = extract_by_core(job_of(tmp_path))
    with pytest.raises(ValueError, match="no samples" if not num_samples else "short|samples"):
        by_core(recording, tmp_path / "a.npy")
    assert not (tmp_path / "a.npy").exists()


def test_the_command_imports_neither_torch_nor_pandas(project):
    text = yaml.safe_dump({**PREPROCESSING, "file_handler": {SOUND: {"target_sample_rate": 8000}}})
    (project / "conf/preprocessing/short.yaml").write_text(text)
    code = (
        "import sys\n"
        "sys.argv = ['autrainer', 'preprocess', 'dataset=Mine']\n"
        "import atexit\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'audobject', 'scipy', 'soundfile'}\n"
        "atexit.register(lambda: print('LOADED', sorted(heavy & set(sys.modules))))\n"
        "from autrainer.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "5 made" in done.stdout
    assert "LOADED []" in done.stdout
