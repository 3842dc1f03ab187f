import logging
import os
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.data.items import DataBatch, DataItem
from autrainer.data.loader import Loader
from autrainer.data.paths.workers import WorkerSeeding
from autrainer.data.sampler import BalancedSampler, BlockSampler, EpochSampler, WeightedSampler
from autrainer.data.split_source import ItemsOnly, ResidentArrays
from autrainer.errors import ConfigError, DataError

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
        ({"resident_mb": -1}, "resident_mb is -1; use an integer of at least 0"),
        ({"nonfinite": "skip"}, "nonfinite is 'skip'; use one of error, warn, ignore"),
        ({"nonfinite": 1}, "nonfinite is 1; use one of error, warn, ignore"),
        ({"pad": {"to": 0}}, "pad.to is 0"),
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


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
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


SAMPLERS = [
    EpochSampler(50, seed=2, rank=1, world_size=3, pads_end=True),
    WeightedSampler(np.arange(50), 80, seed=2),
    BalancedSampler(np.arange(50) > 40, seed=2),
    BlockSampler(50, 8, window=2, seed=2),
]


@forks
@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__)
@pytest.mark.parametrize(
    ("is_resident", "num_workers"), [(True, 0), (True, 2), (False, 0), (False, 2)]
)
def test_a_sampler_decides_the_order_on_every_path(closing, sampler, is_resident, num_workers):
    loader = closing(50, is_resident, sampler=sampler, num_workers=num_workers)

    for epoch in range(2):
        visited = [index for batch in order(loader) for index in batch]
        assert visited == sampler.indices(epoch, 0, len(sampler)).tolist()
    passing = iter(loader)
    next(passing)
    alone = make(50, sampler=sampler)
    alone.load_state_dict(loader.state_dict())
    assert order(passing) == order(alone)


def test_a_state_of_another_sampler_is_refused():
    state = make(50, sampler=SAMPLERS[0]).state_dict()

    with pytest.raises(ConfigError, match=r"sampler was .*EpochSampler.* and is .*BlockSampler"):
        make(50, sampler=SAMPLERS[3]).load_state_dict(state)


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
def test_a_forked_process_starts_workers_of_its_own(closing):
    loader = closing(20, is_resident=False, num_workers=2)
    expected = order(loader)
    passing = iter(loader)
    next(passing)
    loader.start_at(0)

    child = os.fork()
    if child == 0:
        found = order(loader)
        loader.close()
        os._exit(0 if found == expected else 1)
    _pid, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    del passing
    loader.start_at(0)
    assert order(loader) == expected


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
def test_what_foreign_code_draws_belongs_to_the_sample(closing):
    noise = Noise(8, is_resident=False)
    alone, workers, other = (
        closing(dataset=noise, batch_size=3, seed=seed, num_workers=num_workers)
        for seed, num_workers in ((5, 0), (5, 2), (6, 0))
    )

    def drawn(loader):
        return {
            index: values
            for batch in loader
            for index, values in zip(batch.index.tolist(), batch.features.tolist(), strict=True)
        }

    first, second = drawn(alone), drawn(alone)
    assert drawn(workers) == first
    assert len({value for values in first.values() for value in values}) == 24
    assert all(first[index] != second[index] for index in first)
    assert drawn(other) != first
    resumed = closing(dataset=noise, batch_size=3, seed=5)
    resumed.start_at(1, 2)
    last = drawn(resumed)
    assert last == {index: second[index] for index in last}


def test_what_foreign_code_draws_leaves_shared_generators_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()

    list(make(dataset=Noise(9, is_resident=False)))

    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert random.getstate() == before[2]


class Own(Table):
    """Says that its items are made by our code alone."""

    def source(self):
        return ItemsOnly("a test", is_thread_safe=True)


@given(
    num_samples=st.integers(1, 40),
    batch_size=st.integers(1, 9),
    num_workers=st.integers(1, 3),
    prefetch=st.integers(1, 3),
)
def test_threads_make_the_same_batches(num_samples, batch_size, num_workers, prefetch):
    options = {"batch_size": batch_size}
    ahead = make(
        dataset=Own(num_samples), num_workers=num_workers, prefetch_factor=prefetch, **options
    )

    for ours, theirs in zip(ahead, make(num_samples, **options), strict=True):
        for name in ("features", "target", "index"):
            assert torch.equal(getattr(ours, name), getattr(theirs, name))
    assert ahead.epoch == 1


@pytest.mark.parametrize("kind", ["arrays", "items", "threads"])
@given(batch=st.integers(0, 4), epoch=st.integers(0, 3))
def test_a_state_goes_on_where_the_consumer_stood(kind, batch, epoch):
    def loader(**options):
        dataset = Own(10) if kind == "threads" else Table(10, kind == "arrays")
        return make(dataset=dataset, num_workers=2 * (kind == "threads"), **options)

    whole = loader()
    whole.start_at(epoch)
    expected = order(whole) + order(whole)
    stopped = loader()
    stopped.start_at(epoch)
    passing = iter(stopped)
    got = [next(passing).index.tolist() for _ in range(batch)]

    resumed = make(10, is_resident=False)
    resumed.load_state_dict(stopped.state_dict())

    assert got + order(resumed) + order(resumed) == expected
    passing.close()


def test_a_state_says_what_nobody_has_got_yet():
    loader = make(9)

    assert (loader.state_dict()["epoch"], loader.state_dict()["batch"]) == (0, 0)
    for number, _ in enumerate(loader, 1):
        assert (loader.state_dict()["epoch"], loader.state_dict()["batch"]) == (0, number)
    assert (loader.state_dict()["epoch"], loader.state_dict()["batch"]) == (1, 0)
    loader.start_at(4, 2)
    assert (loader.state_dict()["epoch"], loader.state_dict()["batch"]) == (4, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_samples": 11}, "num_samples was 10 and is 11"),
        ({"seed": 2}, "seed was 1 and is 2"),
        ({"batch_size": 4}, "batch_size was 3 and is 4"),
        ({"shuffle": False}, "shuffle was True and is False"),
        ({"drop_last": True}, "drop_last was False and is True"),
    ],
)
def test_a_state_of_other_batches_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        make(**changes).load_state_dict(make().state_dict())


def test_a_state_that_lacks_something_is_refused():
    state = make().state_dict()
    del state["batch"], state["drop_last"]

    with pytest.raises(ConfigError, match="lacks batch, drop_last"):
        make().load_state_dict(state)


def test_stages_tell_where_the_time_went():
    arrays, items = make(100), make(100, is_resident=False)
    list(arrays)
    list(items)

    assert set(arrays.stage_seconds()) == {"order", "read"}
    assert set(items.stage_seconds()) == {"order", "items"}
    assert all(seconds > 0 for seconds in items.stage_seconds().values())


class Holes(Table):
    def __init__(self, num_samples, is_resident=True):
        super().__init__(num_samples, is_resident)
        self.features[4, 1] = float("nan")


@pytest.mark.parametrize("is_resident", [True, False])
def test_features_that_are_not_finite_are_an_error(is_resident):
    loader = make(dataset=Holes(6, is_resident), shuffle=False, name="dev")

    with pytest.raises(DataError, match="sample 4 of dev: expected finite features"):
        list(loader)


@pytest.mark.parametrize("is_resident", [True, False])
def test_features_that_are_not_finite_may_be_ignored_or_told_once(caplog, is_resident):
    for policy, count in (("ignore", 0), ("allow", 0), ("warn", 1)):
        caplog.clear()
        loader = make(dataset=Holes(6, is_resident), shuffle=False, nonfinite=policy)
        list(loader)
        assert [batch.features.isnan().any().item() for batch in loader] == [False, True]
        assert len(caplog.records) == count


def test_padding_makes_one_tensor_of_items_of_any_length():
    class Ragged(Table):
        def __getitem__(self, index):
            return DataItem(torch.ones(index + 1), 0, index)

    batches = list(make(dataset=Ragged(4, False), shuffle=False, batch_size=2, pad={"axis": 0}))

    assert [batch.lengths.tolist() for batch in batches] == [[1, 2], [3, 4]]
    assert batches[0].features.tolist() == [[1, 0], [1, 1]]
    with pytest.raises(ConfigError, match=r"pad needs the collate function DataBatch\.collate"):
        make(pad={}, collate_fn=list)


def test_the_cpu_needs_no_copies():
    loader = make()

    assert order(loader.batches_on("cpu")) == order(make())
    assert loader.epoch == 1


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
