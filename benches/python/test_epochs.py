"""Epochs over files in the page cache, batch 32, beside the DataLoader that a user would write."""

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.datasets import BaseClassificationDataset

BATCH = 32
CLASSES = 10


class HandWritten(torch.utils.data.Dataset):
    """What a user would write: a table in memory, one file a sample."""

    def __init__(self, paths, load):
        self.paths, self.load = paths, load
        self.targets = torch.arange(len(paths)) % CLASSES

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return torch.from_numpy(self.load(self.paths[index])), self.targets[index]


def data_loader(paths, load, num_workers, **options):
    return torch.utils.data.DataLoader(
        HandWritten(paths, load),
        batch_size=BATCH,
        shuffle=True,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        **options,
    )


def loader(folder, num_files, suffix, handler, num_workers, **options):
    """The train loader of a dataset over the same files, not kept in memory unless said so."""
    for subset, count in (("train", num_files), ("dev", 1), ("test", 1)):
        names = [f"{number}.{suffix}" for number in range(count)]
        labels = [f"class {number % CLASSES}" for number in range(count)]
        frame = pd.DataFrame({"file": names, "label": labels})
        frame.to_csv(folder / f"{subset}.csv", index=False)
    dataset = BaseClassificationDataset(
        path=str(folder),
        features_subdir="files",
        seed=1,
        metrics=["autrainer.metrics.Accuracy"],
        tracking_metric="autrainer.metrics.Accuracy",
        index_column="file",
        target_column="label",
        file_type=suffix,
        file_handler=f"autrainer.data.file_handlers.{handler}",
    )
    return dataset.create_train_loader(
        BATCH, num_workers=num_workers, **{"resident_mb": 0, **options}
    )


def write_npy(folder, num_files, shape):
    (folder / "files").mkdir()
    rng = np.random.default_rng(0)
    for number in range(num_files):
        np.save(folder / "files" / f"{number}.npy", rng.standard_normal(shape, dtype=np.float32))


def write_wav(folder, num_files, seconds):
    soundfile = pytest.importorskip("soundfile")
    (folder / "files").mkdir()
    rng = np.random.default_rng(0)
    for number in range(num_files):
        signal = rng.uniform(-1, 1, int(seconds * 16_000)).astype(np.float32)
        soundfile.write(folder / "files" / f"{number}.wav", signal, 16_000, subtype="PCM_16")


def read_wav(path):
    import soundfile

    return soundfile.read(path, dtype="float32")[0]


JOBS = {
    "1,000 npy of (1, 500, 64)": (1_000, (1, 500, 64), "npy"),
    "5,000 npy of (1, 500, 64)": (5_000, (1, 500, 64), "npy"),
    "4,000 npy of 88 floats": (4_000, (88,), "npy"),
    "20,000 npy of 88 floats": (20_000, (88,), "npy"),
    "400 wav of 3 s": (400, 3, "wav"),
    "2,000 wav of 3 s": (2_000, 3, "wav"),
}
KINDS = {
    "npy": (write_npy, np.load, "NumpyFileHandler"),
    "wav": (write_wav, read_wav, "AudioFileHandler"),
}


@pytest.fixture(scope="module", params=JOBS)
def job(request, tmp_path_factory):
    """A folder with files that have just been written, so that they are in the page cache."""
    num_files, size, suffix = JOBS[request.param]
    folder = tmp_path_factory.mktemp("epochs")
    write, load, handler = KINDS[suffix]
    write(folder, num_files, size)
    yield request.param, folder, num_files, suffix, load, handler
    for path in (folder / "files").iterdir():
        path.unlink()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    "who",
    [
        "DataLoader, 0 workers",
        "DataLoader, 2 workers",
        "ours, in line",
        "ours, 2 workers",
        "ours, resident, first epoch",
        "ours, resident, later epochs",
    ],
)
def test_epoch_over_files(benchmark, job, who):
    name, folder, num_files, suffix, load, handler = job
    benchmark.group = f"load: epoch over {name}, batch {BATCH}"
    paths = [str(folder / "files" / f"{number}.{suffix}") for number in range(num_files)]

    def opened():
        if who.startswith("DataLoader"):
            return data_loader(paths, load, 2 * ("2 workers" in who))
        options = {"resident_mb": 4096} if "resident" in who else {}
        return loader(folder, num_files, suffix, handler, 2 * ("in line" not in who), **options)

    def epoch(batches):
        for _ in batches:
            pass

    once = opened()
    epoch(once)
    if "first epoch" in who:
        benchmark.pedantic(
            epoch, setup=lambda: ((opened(),), {}), rounds=5, iterations=1, warmup_rounds=0
        )
    else:
        benchmark.pedantic(epoch, args=(once,), rounds=5, iterations=1, warmup_rounds=1)


PADDED = {"400 wav of 2 to 4 s": 400, "2,000 wav of 2 to 4 s": 2_000}


def write_uneven(folder, num_files):
    soundfile = pytest.importorskip("soundfile")
    (folder / "files").mkdir()
    rng = np.random.default_rng(0)
    for number in range(num_files):
        signal = rng.uniform(-1, 1, rng.integers(32_000, 64_000)).astype(np.float32)
        soundfile.write(folder / "files" / f"{number}.wav", signal, 16_000, subtype="PCM_16")


def padded(samples):
    """What a user would write: one tensor of clips that differ in length, and their lengths."""
    features, targets = zip(*samples, strict=True)
    lengths = torch.tensor([len(sample) for sample in features])
    batch = torch.nn.utils.rnn.pad_sequence(features, batch_first=True)
    return batch, lengths, torch.stack(targets)


@pytest.fixture(scope="module", params=PADDED)
def uneven(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uneven")
    write_uneven(folder, PADDED[request.param])
    return request.param, folder, PADDED[request.param]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    "who", ["DataLoader, 0 workers", "DataLoader, 2 workers", "ours, in line", "ours, 2 workers"]
)
def test_epoch_over_files_of_different_lengths(benchmark, uneven, who):
    name, folder, num_files = uneven
    benchmark.group = f"load: epoch over {name}, padded to the longest of the batch, batch {BATCH}"
    num_workers = 2 * ("2 workers" in who)
    if who.startswith("DataLoader"):
        paths = [str(folder / "files" / f"{number}.wav") for number in range(num_files)]
        batches = data_loader(paths, read_wav, num_workers, collate_fn=padded)
    else:
        options = {"pad": {"to": "longest"}}
        batches = loader(folder, num_files, "wav", "AudioFileHandler", num_workers, **options)

    def epoch():
        for _ in batches:
            pass

    benchmark.pedantic(epoch, rounds=5, iterations=1, warmup_rounds=1)
