"""Features are made once, of what has changed, whole or not at all."""

import errno
import os
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from autrainer.config.hydra.snapshot import frozen
from autrainer.config.locate import locate
from autrainer.data.file_handlers import AudioFileHandler, NumpyFileHandler
from autrainer.datasets import AbstractDataset
from autrainer.errors import ConfigError, CorruptFileError, OutputError
from autrainer.preprocessing import extraction, jobs
from autrainer.preprocessing.by_torch import extract_by_torch
from autrainer.preprocessing.extraction import run_job, state_of
from autrainer.preprocessing.jobs import PLAIN, Job, job_of
from autrainer.preprocessing.manifest import FILE
from autrainer.runs.writing import files
from autrainer.serving.model import read_preprocessing
from autrainer.training.recording.reproduction import _raw_audio_pipeline
from tests.preprocessing.conftest import (
    DATASET,
    FEATURES,
    contents,
    features_in,
    write_preprocessing,
)
from tests.serving.conftest import write_wav

SOUND = "autrainer.data.AudioFileHandler"
NPY = "autrainer.data.NumpyFileHandler"
MONO = "autrainer.transforms.StereoToMono"


@pytest.fixture
def job(project):
    def read(**changes):
        dataset = {**yaml.safe_load(DATASET), **changes}
        preprocess = yaml.safe_load((project / "conf/preprocessing/short.yaml").read_text())
        return job_of("Mine", dataset, preprocess)

    return read


def made(job, **options):
    """Names of the features that are made by a call, in their order, and what is said of it."""
    seen = []
    lock = threading.Lock()

    def extract_of(job):
        extract, _ = extract_by_torch(job)

        def noted(recording, target):
            extract(recording, target)
            with lock:
                seen.append(target.relative_to(job.folder).as_posix())

        return noted, True

    state = run_job(job, extract_of, update_frequency=0, **options)
    return sorted(seen), state


def test_features_are_what_the_pipeline_makes_of_the_recordings(project, job):
    names, state = made(job())
    assert names == FEATURES == features_in(project)
    assert (state.made, state.kept, state.failures) == (5, 0, {})
    for name in FEATURES:
        recording = project / "data/default" / name.replace(".npy", ".wav")
        signal = AudioFileHandler(8000).load(str(recording)).mean(dim=0, keepdim=True)
        expected = torch.nn.functional.pad(signal, (0, 1200 - signal.shape[-1]))
        features = np.load(project / "data/short" / name)
        assert features.dtype == np.float32
        assert np.array_equal(features, expected.numpy())


def test_what_is_there_is_not_made_again(project, job):
    made(job())
    before = contents(project)
    names, state = made(job())
    assert (names, state.kept) == ([], 5)
    assert contents(project) == before


def test_only_a_recording_that_has_changed_is_made_again(project, job):
    made(job())
    write_wav(project / "data/default/deep/b.wav", 1100)
    os.utime(project / "data/default/d.wav", ns=(1, 1))
    assert made(job())[0] == ["d.npy", "deep/b.npy"]
    assert made(job())[0] == []


def test_only_features_that_are_gone_or_have_another_size_are_made_again(project, job):
    made(job())
    (project / "data/short/a.npy").unlink()
    with open(project / "data/short/e.npy", "ab") as file:
        file.write(b"!")
    assert made(job())[0] == ["a.npy", "e.npy"]


def test_features_of_a_recording_that_is_gone_are_kept(project, job):
    made(job())
    (project / "data/default/a.wav").unlink()
    assert made(job())[0] == []


def test_another_preprocessing_makes_everything_again(project, job):
    made(job())
    write_preprocessing(project, 1300)
    assert made(job())[0] == FEATURES
    assert np.load(project / "data/short/a.npy").shape == (1, 1300)
    write_preprocessing(project, 1200)
    assert made(job(), force=False)[0] == FEATURES


def test_another_version_of_features_makes_everything_again(job, monkeypatch):
    made(job())
    monkeypatch.setattr(jobs, "FEATURES_VERSION", jobs.FEATURES_VERSION + 1)
    assert made(job())[0] == FEATURES
    assert made(job())[0] == []


def test_force_makes_everything_again(job):
    made(job())
    assert made(job(), force=True)[0] == FEATURES


def test_features_that_others_have_made_are_left_alone(project, job):
    (project / "data/short").mkdir()
    np.save(project / "data/short/a.npy", np.zeros(3))
    for _ in range(2):
        names, state = made(job())
        assert list(state.foreign) == ["a.npy"]
        assert np.load(project / "data/short/a.npy").shape == (3,)
    assert names == []
    assert made(job(), force=True)[0] == FEATURES
    assert made(job())[1].kept == 5


def test_recordings_that_cannot_be_read_end_no_others(project, job):
    folder = project / "data/default"
    (folder / "a.wav").write_text("no sound")
    (folder / "d.wav").unlink()
    write_wav(folder / "e.wav", 0)
    names, state = made(job())
    assert names == ["c.x.npy", "deep/b.npy"] == features_in(project)
    assert list(state.failures) == [
        os.path.join("data", "default", name) for name in ("a.wav", "d.wav", "e.wav")
    ]
    assert state.failures["data/default/e.wav"] == "it holds no samples"
    for name in ("a.wav", "d.wav", "e.wav"):
        write_wav(folder / name, 1000)
    assert made(job())[0] == ["a.npy", "d.npy", "e.npy"]


@pytest.mark.parametrize("left", ["note", "line", "head", "nothing"])
def test_files_without_a_note_are_made_again(project, job, left):
    made(job())
    manifest = project / "data/short" / FILE
    before, content = contents(project), manifest.read_bytes()
    lines = content.splitlines(keepends=True)
    kept = {"note": lines[:-1], "line": [*lines[:-1], lines[-1][:9]], "head": lines[:1]}
    manifest.write_bytes(b"".join(kept.get(left, [b"damage"])))
    names, _ = made(job())
    assert names == (FEATURES[-1:] if left in ("note", "line") else FEATURES)
    assert contents(project) == before


def test_the_order_of_the_threads_changes_nothing(project, job):
    made(job(), num_threads=1)
    before = contents(project)
    for path in (project / "data/short").rglob("*"):
        if path.is_file():
            path.unlink()
    made(job(), num_threads=4)
    assert contents(project) == before


@pytest.mark.parametrize(
    "config",
    [
        {"file_handler": "tests.preprocessing.parts.Reads", "pipeline": [MONO]},
        {"file_handler": SOUND, "pipeline": [MONO, "tests.serving.parts.FailsOnLoud"]},
        {
            "file_handler": SOUND,
            "pipeline": [MONO],
            "written_by": "tests.preprocessing.parts.Saves",
        },
    ],
)
def test_code_of_others_is_called_by_one_thread_whatever_is_asked(tmp_path, config):
    config = dict(config)
    handler = config.pop("written_by", NPY)
    recordings = [str(write_wav(tmp_path / f"{n}.wav", 100 + n)) for n in range(9)]
    files = {f"{n}.npy": recording for n, recording in enumerate(recordings)}
    job = Job("Mine", "mine", config, tmp_path / "out", files, handler)
    threads = set()

    def extract_of(job):
        extract, may_be_threaded = extract_by_torch(job)

        def noted(recording, target):
            threads.add(threading.current_thread().name)
            extract(recording, target)

        return noted, may_be_threaded

    run_job(job, extract_of, num_threads=4, update_frequency=0)
    assert len(threads) == 1
    own = Job("Mine", "mine", {"file_handler": SOUND, "pipeline": [MONO]}, tmp_path, {}, NPY)
    assert extract_by_torch(own)[1]


def test_files_that_vanish_while_they_are_counted_are_not_there(project, job, monkeypatch):
    made(job())
    scandir = os.scandir

    def scanned_late(path):
        entries = list(scandir(path))
        (project / "data/short/a.npy").unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(extraction.os, "scandir", scanned_late)
    assert list(state_of(job()).missing) == ["a.npy"]


def test_a_disk_that_takes_no_file_ends_everything(project, job):
    (project / "data/short").mkdir()
    (project / "data/short/deep").write_text("in the way")
    with pytest.raises(OutputError, match="short/deep"):
        made(job())


@pytest.fixture
def synced(monkeypatch):
    """Names of the files that are synced; of `synced.failing` it cannot be done."""
    found = SimpleNamespace(names=[], failing="")

    def sync(file):
        name = os.path.basename(os.readlink(f"/proc/self/fd/{file}"))
        found.names.append(name)
        if name == found.failing:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(files, "_sync_file_system", lambda folder: False)
    return found


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux")


@needs_proc
@pytest.mark.parametrize("together", [1, 2, 100])
def test_all_features_are_on_the_disk_when_the_call_ends(job, synced, monkeypatch, together):
    monkeypatch.setattr(extraction, "SYNCED_TOGETHER", together)
    made(job())
    names = [os.path.basename(name) for name in FEATURES]
    assert sorted(name for name in synced.names if name.endswith(".npy")) == sorted(names)
    assert {"short", "deep"} <= set(synced.names)


@needs_proc
@pytest.mark.parametrize("together", [1, 100])
def test_a_file_that_the_disk_does_not_take_is_removed_and_made_again(
    project, job, synced, monkeypatch, together
):
    monkeypatch.setattr(extraction, "SYNCED_TOGETHER", together)
    synced.failing = "d.npy"
    with pytest.raises(OutputError, match=r"Input/output error.*d\.npy"):
        made(job())
    assert not (project / "data/short/d.npy").exists()
    synced.failing = ""
    assert "d.npy" in made(job())[0]
    assert features_in(project) == FEATURES


def test_what_would_be_made_is_told_without_making_it(project, job):
    assert len(state_of(job()).missing) == 5
    assert not (project / "data/short").exists()
    made(job())
    assert state_of(job()).kept == 5


def test_features_lie_where_the_dataset_looks_for_them(project, job):
    made(job(features_path="elsewhere", file_type=".npy"))
    assert (project / "elsewhere/short/deep/b.npy").is_file()


def test_pictures_stay_what_they_are(tmp_path):
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    pictures = "autrainer.datasets.utils.ImageFileHandler"
    config = {"file_handler": pictures, "pipeline": []}
    for handler, name in ((pictures, "b.png"), ("autrainer.data.NumpyFileHandler", "b.npy")):
        extract, _ = extract_by_torch(Job("Mine", "mine", config, tmp_path, {}, handler))
        extract(str(tmp_path / "a.png"), tmp_path / name)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), pixels)
    features = np.load(tmp_path / "b.npy")
    assert features.dtype == np.uint8
    assert np.array_equal(features, pixels.transpose(2, 0, 1))


def test_a_dataset_that_lists_its_recordings_itself_is_asked(project, job):
    (project / "data/recordings").symlink_to(project / "data/default")
    job = job(_target_="tests.preprocessing.parts.Listed")
    assert list(job.files) == ["a.npy", "c.x.npy"]
    assert set(job.files.values()) == {"data/recordings/a.wav", "data/recordings/c.x.wav"}
    assert made(job)[0] == ["a.npy", "c.x.npy"]


def test_a_pipeline_without_transforms_is_the_same_to_all(project, job):
    text = f"file_handler: {SOUND}\npipeline:\n"
    (project / "conf/preprocessing/short.yaml").write_text(text)
    assert made(job())[1].made == 5
    data = SimpleNamespace(features_subdir="short", file_handler=NumpyFileHandler())
    with frozen(project / "conf"):
        handler, pipeline = _raw_audio_pipeline(data)
    assert pipeline.transforms == []
    served, steps = read_preprocessing(project / "conf/preprocessing/short.yaml")
    assert (type(handler), steps.transforms) == (type(served), [])


@pytest.mark.parametrize("path", sorted(PLAIN))
def test_datasets_that_need_not_be_asked_list_their_recordings_as_all_do(path):
    kind = locate(path)
    for name in ("df_train", "df_dev", "df_test", "audio_subdir", "_read_csv"):
        assert getattr(kind, name) is getattr(AbstractDataset, name)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a.wav", "a.flac"], "a.wav and a.flac are different recordings"),
        (["deep/b.wav", "./deep/b.mp3"], r"deep/b.wav and \./deep/b.mp3 are different"),
        (["a", "a.wav"], "a and a.wav are different"),
    ],
)
def test_two_recordings_with_one_file_of_features_are_refused(project, job, names, found):
    rows = "".join(f"{name},a\n" for name in names)
    (project / "data/train.csv").write_text(f"filename,label\n{rows}")
    with pytest.raises(ConfigError, match=found):
        job()


def test_a_recording_under_two_names_is_one(project, job):
    (project / "data/train.csv").write_text("filename,label\na.wav,a\n./a.wav,b\n")
    assert made(job())[1].failures == {}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("a.wav", {"features_subdir": "default", "file_type": "wav"}),
        ("a.wav", {"features_subdir": "linked", "file_type": ".wav"}),
        ("{project}/data/default/a.wav", {"file_type": "wav"}),
    ],
)
def test_no_recording_is_written_over(project, job, name, changes):
    (project / "data/linked").symlink_to(project / "data/default")
    rows = f"filename,label\n{name.format(project=project)},a\n"
    for split in ("train", "dev", "test"):
        (project / f"data/{split}.csv").write_text(rows)
    with pytest.raises(ConfigError, match=r"would be written over the recording .*/default/a\.wav"):
        job(**changes)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"path": None}, ConfigError, "dataset Mine has no path"),
        ({"file_type": None}, ConfigError, "dataset Mine has no file_type"),
        ({"index_column": None}, ConfigError, "dataset Mine has no index_column"),
        ({"index_column": "name"}, CorruptFileError, r"train\.csv has no column 'name', there are"),
        ({"path": "nothing"}, FileNotFoundError, r"train\.csv"),
    ],
)
def test_a_dataset_that_lacks_something_is_refused(job, changes, error, message):
    with pytest.raises(error, match=message):
        job(**changes)


def test_an_empty_name_is_refused_with_its_line(project, job):
    with open(project / "data/dev.csv", "a") as file:
        file.write(",a\n")
    with pytest.raises(CorruptFileError, match=r"dev\.csv, line 4: filename is empty"):
        job()
