"""A small convolutional network on spectrogram files, one epoch, by the same steps of torch."""

import numpy as np
import pytest
import torch
from benches.python.test_epochs import CLASSES, data_loader, loader, write_npy

SHAPE = (1, 101, 64)
JOBS = {"512 files": 512, "2,048 files": 2048}


def small_network():
    torch.manual_seed(1)
    layers = []
    for before, after in ((1, 8), (8, 16), (16, 32)):
        layers += [torch.nn.Conv2d(before, after, 3, padding=1, stride=2), torch.nn.ReLU()]
    return torch.nn.Sequential(
        *layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(32, CLASSES)
    )


def trainer():
    model = small_network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    criterion = torch.nn.CrossEntropyLoss()

    def step(features, target):
        optimizer.zero_grad()
        loss = criterion(model(features), target)
        loss.backward()
        optimizer.step()

    return step


@pytest.fixture(scope="module", params=JOBS)
def job(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spectrograms")
    write_npy(folder, JOBS[request.param], SHAPE)
    return request.param, folder, JOBS[request.param]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    "who",
    [
        "DataLoader, 0 workers",
        "DataLoader, 1 worker",
        "DataLoader, 2 workers",
        "ours, in line",
        "ours, 1 worker",
        "ours, 2 workers",
        "ours, resident",
    ],
)
def test_epoch_of_a_small_network(benchmark, job, who):
    name, folder, num_files = job
    benchmark.group = f"train: small CNN on {name} of {SHAPE}, one epoch"
    paths = [str(folder / "files" / f"{number}.npy") for number in range(num_files)]
    num_workers = next((count for count in (1, 2) if f"{count} worker" in who), 0)
    step = trainer()
    if who.startswith("DataLoader"):
        batches = data_loader(paths, np.load, num_workers)

        def epoch():
            for features, target in batches:
                step(features, target)

    else:
        resident_mb = 1024 * ("resident" in who)
        batches = loader(
            folder, num_files, "npy", "NumpyFileHandler", num_workers, resident_mb=resident_mb
        )

        def epoch():
            for batch in batches:
                step(batch.features, batch.target)

    benchmark.pedantic(epoch, rounds=5, iterations=1, warmup_rounds=1)
