"""Epochs over 2,000 WAV of 3 s whose log-mel spectrograms are made while a model trains."""

import numpy as np
import pandas as pd
import pytest
import torch
from benches.python.test_epochs import BATCH, CLASSES, HandWritten, read_wav, write_wav
from benches.python.test_files_training import trainer

from autrainer.datasets import BaseClassificationDataset
from autrainer.features import native
from autrainer.features.settings import preset
from autrainer.models import Cnn10
from autrainer.transforms import PannMel, SmartCompose, StereoToMono

NUM_FILES, RATE = 2_000, 16_000
MEL = {
    **{"window_size": 512, "hop_size": 160, "sample_rate": RATE, "fmin": 50, "fmax": 8000},
    **{"mel_bins": 64, "ref": 1.0, "amin": 1e-10, "top_db": None},
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A folder of recordings, and of their spectrograms as files."""
    folder = tmp_path_factory.mktemp("recordings")
    write_wav(folder, NUM_FILES, 3)
    (folder / "mel").mkdir()
    to_mel = PannMel(**MEL)
    for number in range(NUM_FILES):
        signal = torch.from_numpy(read_wav(folder / "files" / f"{number}.wav"))[None]
        np.save(folder / "mel" / f"{number}.npy", to_mel.change(signal).numpy())
    for subset, count in (("train", NUM_FILES), ("dev", 1), ("test", 1)):
        labels = [f"class {number % CLASSES}" for number in range(count)]
        frame = pd.DataFrame({"file": [f"{n}.wav" for n in range(count)], "label": labels})
        frame.to_csv(folder / f"{subset}.csv", index=False)
    return folder


def ours(folder, num_workers, *, ready):
    transform = SmartCompose([StereoToMono(), PannMel(**MEL)])
    dataset = BaseClassificationDataset(
        path=str(folder),
        features_subdir="mel" if ready else "files",
        seed=1,
        metrics=["autrainer.metrics.Accuracy"],
        tracking_metric="autrainer.metrics.Accuracy",
        index_column="file",
        target_column="label",
        file_type="npy" if ready else "wav",
        file_handler=f"autrainer.data.file_handlers.{'Numpy' if ready else 'Audio'}FileHandler",
        train_transform=None if ready else transform,
    )
    return dataset.create_train_loader(BATCH, num_workers=num_workers, resident_mb=0)


class ByHand:
    """A recording as a log-mel spectrogram, by soundfile and torch.stft."""

    def __init__(self):
        self.window = torch.hann_window(512)
        self.bank = torch.from_numpy(
            native.MelSpectrogram(preset("panns", RATE)).filter_bank()
        ).float()

    def __call__(self, path):
        signal = torch.from_numpy(read_wav(path))
        spectrum = torch.stft(signal, 512, 160, window=self.window, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()
        mel = (self.bank.T @ power).clamp(min=1e-10).log10().mul(10)
        return mel.T[None].contiguous().numpy()


def by_hand(folder, num_workers):
    paths = [str(folder / "files" / f"{number}.wav") for number in range(NUM_FILES)]
    return torch.utils.data.DataLoader(
        HandWritten(paths, ByHand()),
        batch_size=BATCH,
        shuffle=True,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        # Forked as it is by default: one thread in each, or they wait for each other.
        worker_init_fn=lambda _: torch.set_num_threads(1),
    )


WAYS = {
    **{f"DataLoader, {n} workers": lambda folder, n=n: by_hand(folder, n) for n in (0, 1, 2)},
    **{f"ours, {n} workers": lambda folder, n=n: ours(folder, n, ready=False) for n in (0, 2)},
    "ours, ready features": lambda folder: ours(folder, 2, ready=True),
}


def pairs_of(batches, who):
    if who.startswith("DataLoader"):
        return batches
    return ((batch.features, batch.target) for batch in batches)


def test_both_make_the_same_features(recordings):
    path = str(recordings / "files" / "0.wav")
    one = PannMel(**MEL).change(torch.from_numpy(read_wav(path))[None]).numpy()
    np.testing.assert_allclose(ByHand()(path), one, atol=1e-2)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("who", WAYS)
def test_epoch_of_a_small_network(benchmark, recordings, who):
    benchmark.group = f"train: small CNN on {NUM_FILES} WAV of 3 s, log-mel on the fly, one epoch"
    step, batches = trainer(), WAYS[who](recordings)

    def epoch():
        for features, target in pairs_of(batches, who):
            step(features, target)

    benchmark.pedantic(epoch, rounds=3, iterations=1, warmup_rounds=1)


NUM_STEPS = 6


@pytest.mark.parametrize("who", ["ours, 2 workers", "ours, ready features"])
def test_a_model_that_takes_more_than_its_features(benchmark, recordings, who):
    benchmark.group = f"train: Cnn10 on WAV of 3 s, log-mel on the fly, {NUM_STEPS} steps"
    torch.manual_seed(1)
    model = Cnn10(CLASSES).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    criterion = torch.nn.CrossEntropyLoss()
    batches = WAYS[who](recordings)

    def steps():
        for (features, target), _ in zip(pairs_of(batches, who), range(NUM_STEPS), strict=False):
            optimizer.zero_grad()
            criterion(model(features), target).backward()
            optimizer.step()

    benchmark.pedantic(steps, rounds=2, iterations=1, warmup_rounds=1)
