import logging
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.data.items import DataBatch, DataItem
from autrainer.data.loader import Loader, ResidentArrays, WorkerSeeding
from autrainer.errors import ConfigError

# Forking beside torch's own threads is what a torch DataLoader does on Linux.
forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


class Table(torch.utils.data.Dataset):
    """Rows that lie in memory; as items, or as arrays too."""

    def __init__(self, num_samples, is_resident=True):
        self.features = torch.arange(num_samples * 3, dtype=torch.float32).reshape(-1, 3) / 7
        self.targets = torch.arange(num_samples) % 5
        self.is_resident = is_resident

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        return DataItem(self.features[index].clone(), self.targets[index].item(), index)

    def resident(self):
        return ResidentArrays(self.features, self.targets) if self.is_resident else None


def make(num_samples=10, is_resident=True, **options):
    options = {"batch_size": 3, "seed": 1, "shuffle": True, **options}
    dataset = options.pop("dataset", None) or Table(num_samples, is_resident)
    return Loader(dataset, collate_fn=options.pop("collate_fn", DataBatch.collate), **options)


def order(batches):
    return [batch.index.tolist() for batch in batches]


@pytest.fixture
def closing():
    """Loaders that are closed at the end of the test."""
    loaders = []

    def opened(*args, **kwargs):
        loaders.append(make(*args, **kwargs))
        return loaders[-1]

    yield opened
    for loader in loaders:
        loader.close()


@given(
    num_samples=st.integers(1, 70),
    batch_size=st.integers(1, 80),
    shuffle=st.booleans(),
    is_resident=st.booleans(),
)
def test_a_pass_shows_every_sample_once(num_samples, batch_size, shuffle, is_resident):
    loader = make(num_samples, is_resident, batch_size=batch_size, shuffle=shuffle)

    batches = list(loader)

    assert len(batches) == len(loader)
    assert all(len(batch.index) == batch_size for batch in batches[:-1])
    index = torch.cat([batch.index for batch in batches])
    assert sorted(index.tolist()) == list(range(num_samples))
    assert torch.equal(torch.cat([b.features for b in batches]), loader.dataset.features[index])
    assert torch.equal(torch.cat([b.target for b in batches]), loader.dataset.targets[index])


@given(num_samples=st.integers(1, 70), batch_size=st.integers(1, 80), shuffle=st.booleans())
def test_arrays_and_items_give_the_same_bytes(num_samples, batch_size, shuffle):
    options = {"batch_size": batch_size, "shuffle": shuffle}

    for fast, slow in zip(
        make(num_samples, True, **options), make(num_samples, False, **options), strict=True
    ):
        for name in ("features", "target", "index"):
            assert torch.equal(getattr(fast, name), getattr(slow, name))
            assert getattr(fast, name).dtype == getattr(slow, name).dtype


@given(
    batch=st.integers(0, 4), epoch=st.integers(0, 2**40), is_resident=st.booleans(), seed=st.data()
)
def test_starting_at_a_batch_goes_on_as_the_whole_run_would(batch, epoch, is_resident, seed):
    seed = seed.draw(st.integers(0, 2**32 - 1))
    whole, resumed = (make(10, is_resident, seed=seed) for _ in range(2))
    whole.start_at(epoch)
    resumed.start_at(epoch, batch)

    expected = order(whole)[batch:] + order(whole)

    assert order(resumed) + order(resumed) == expected


def test_every_pass_has_another_order_that_only_the_seed_decides():
    torch.manual_seed(0)
    first = make(50)
    passes = [order(first) for _ in range(3)]
    torch.manual_seed(1)
    np.random.seed(1)

    again = make(50, is_resident=False)
    assert [order(again) for _ in range(3)] == passes
    assert passes[0] != passes[1] != passes[2] != passes[0]
    assert order(make(50, seed=2)) != passes[0]


def test_loading_leaves_all_shared_generators_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()

    list(make(50))
    list(make(50, is_resident=False))

    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert random.getstate() == before[2]


def test_without_shuffling_samples_come_in_their_own_order():
    loader = make(7, shuffle=False)

    assert order(loader) == order(loader) == [[0, 1, 2], [3, 4, 5], [6]]


def test_the_last_batch_can_be_dropped():
    loader = make(7, shuffle=False, drop_last=True)

    assert order(loader) == [[0, 1, 2], [3, 4, 5]]
    assert len(loader) == 2


def test_a_pass_that_is_broken_off_is_served_again():
    loader = make()

    half = iter(loader)
    first = next(half).index.tolist()
    half.close()

    assert loader.epoch == 0
    assert order(loader)[0] == first
    assert loader.epoch == 1


def test_iterators_of_one_loader_do_not_disturb_each_other():
    loader, other = make(), make()
    expected = order(other)

    pairs = [(a.index.tolist(), b.index.tolist()) for a, b in zip(loader, loader, strict=True)]

    assert [a for a, _ in pairs] == [b for _, b in pairs] == expected
    assert loader.epoch == 1


@pytest.mark.parametrize("shuffle", [True, False])
def test_what_a_model_does_to_a_batch_stays_in_the_batch(shuffle):
    loader = make(shuffle=shuffle)

    for batch in loader:
        batch.features.zero_()
        batch.target.zero_()

    assert loader.dataset.features.sum() > 0
    assert loader.dataset.targets.sum() > 0


def test_a_custom_collate_function_gets_items():
    loader = make(collate_fn=lambda items: [item.index for item in items], shuffle=False)

    assert list(loader) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


@pytest.mark.parametrize(
    ("is_resident", "text"), [(True, "'arrays' (they lie in memory)"), (False, "'items'")]
)
def test_the_log_says_once_which_path_a_split_takes(caplog, is_resident, text):
    caplog.set_level(logging.DEBUG, "autrainer")
    loader = make(is_resident=is_resident, name="dev")

    list(loader)
    list(loader)

    assert len(caplog.records) == 1
    assert caplog.messages[0].startswith("dev loader: 10 samples by path")
    assert text in caplog.messages[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0; use an integer of at least 1"),
        ({"batch_size": "8"}, "batch_size is '8'"),
        ({"num_workers": -1}, "num_workers is -1; use an integer of at least 0"),
        ({"num_workers": 1.5}, "num_workers is 1.5"),
        ({"prefetch_factor": 2}, "prefetch_factor is 2 without workers"),
        ({"prefetch_factor": 0, "num_workers": 1}, "prefetch_factor is 0"),
        ({"timeout": 3}, "timeout is 3 without workers"),
        ({"timeout": -1, "num_workers": 1}, "timeout is -1"),
        ({"drop_last": "yes"}, "drop_last is 'yes'; use true or false"),
        ({"pin_memory": 1}, "pin_memory is 1"),
        ({"pin_memory_device": None}, "pin_memory_device is None"),
    ],
)
def test_an_option_with_a_wrong_value_is_named(options, message):
    with pytest.raises(ConfigError, match="train loader") as error:
        make(name="train", **options)

    assert message in str(error.value)


@pytest.mark.parametrize("position", [(-1, 0), (0, -1), (0, 5)])
def test_a_pass_cannot_start_where_there_is_nothing(position):
    with pytest.raises(ConfigError, match="one has 4 batches"):
        make().start_at(*position)


@pytest.mark.skipif(torch.cuda.is_available(), reason="pins memory")
def test_pinning_without_cuda_does_nothing():
    assert order(make(pin_memory=True)) == order(make())


@forks
def test_workers_change_nothing_about_the_batches(closing):
    loader = closing(50, is_resident=False, num_workers=2)
    alone = make(50, is_resident=False)
    state = torch.get_rng_state()

    for epoch in range(2):
        for ours, theirs in zip(loader, alone, strict=True):
            assert torch.equal(ours.index, theirs.index)
            assert torch.equal(ours.features, theirs.features)
        assert loader.epoch == alone.epoch == epoch + 1
    loader.start_at(7, 3)
    alone.start_at(7, 3)
    assert order(loader) == order(alone)
    assert torch.equal(torch.get_rng_state(), state)


@forks
def test_a_pass_with_workers_can_be_broken_off_and_closed(closing):
    loader = closing(50, is_resident=False, num_workers=1)
    expected = order(make(50))

    half = iter(loader)
    next(half)
    del half

    assert order(loader) == expected
    half = iter(loader)
    next(half)
    loader.close()
    loader.close()
    assert torch.multiprocessing.active_children() == []


@forks
def test_a_loader_that_is_dropped_takes_its_workers_along():
    loader = make(50, is_resident=False, num_workers=1)
    next(iter(loader))

    del loader

    assert torch.multiprocessing.active_children() == []


@forks
def test_workers_start_at_a_batch_the_first_time_too(closing):
    loader = closing(50, is_resident=False, num_workers=1)
    loader.start_at(2, 5)
    alone = make(50)
    alone.start_at(2, 5)

    assert order(loader) == order(alone)


def test_rows_in_memory_need_no_workers(closing):
    loader = closing(num_workers=2)

    assert order(loader) == order(make())
    assert torch.multiprocessing.active_children() == []


class Noise(Table):
    def __getitem__(self, index):
        features = torch.tensor([random.random(), np.random.random(), torch.rand(()).item()])
        return DataItem(features, 0, index)


class Offset:
    value = 0

    def offset_generator_seed(self, offset):
        self.value = offset


@forks
def test_every_worker_draws_from_a_stream_of_its_own(closing):
    noise = Noise(4, is_resident=False)
    options = {"dataset": noise, "num_workers": 2, "batch_size": 1, "shuffle": False}
    values = [
        [batch.features.tolist() for batch in closing(**options, worker_init_fn=WorkerSeeding(s))]
        for s in (5, 5, 6)
    ]

    assert values[0] == values[1] != values[2]
    assert values[0][0] != values[0][1]


def test_seeding_a_worker_offsets_the_transform():
    states = torch.get_rng_state(), np.random.get_state()
    transform = Offset()

    WorkerSeeding(2**32 - 1, transform)(3)

    assert transform.value == 3
    assert torch.initial_seed() == 2
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])


@settings(max_examples=5)
@given(st.integers(0, 3))
def test_dev_is_not_in_the_way_of_train(num_dev_passes):
    train, dev = make(20), make(5, shuffle=False)
    expected = make(20)

    for _ in range(3):
        for _ in range(num_dev_passes):
            list(dev)
        assert order(train) == order(expected)
