"""A pass that several processes share: the same updates as those of one process."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.data.items import DataBatch
from autrainer.data.loader import Loader
from autrainer.data.sampler import EpochSampler, WeightedSampler
from autrainer.data.split_source import ItemsOnly
from autrainer.errors import ConfigError
from autrainer.runs.process.run_process import RunProcess
from autrainer.runs.random.keys import active_key
from tests.data.test_loader import Table


class Drawing(Table):
    def __getitem__(self, index):
        item = super().__getitem__(index)
        item.features = torch.rand(1)
        return item


class Items(Table):
    """Items that threads may make."""

    def source(self):
        return ItemsOnly("one by one", is_thread_safe=True)


def loaders(world_size, num_samples=10, is_resident=True, dataset=None, **options):
    """The loaders of all processes of a run."""
    options = {"batch_size": 4, "collate_fn": DataBatch.collate, **options}
    dataset = dataset or Table(num_samples, is_resident)
    return [
        Loader(
            dataset, **{"seed": 1, "shuffle": True, **options}, process=RunProcess(rank, world_size)
        )
        for rank in range(world_size)
    ]


def samples_of(shares):
    """The samples of an update, of which each process has a share."""
    return [index for batch in shares if batch is not None for index in batch.index.tolist()]


def updates(ranks):
    """The samples of each update: those of all processes, by rank."""
    passes = [list(loader) for loader in ranks]
    return [samples_of(shares) for shares in zip(*passes, strict=True)]


@given(
    num_samples=st.integers(1, 60),
    batch_size=st.integers(3, 20),
    world_size=st.integers(1, 3),
    epoch=st.integers(0, 3),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    source=st.sampled_from(["arrays", "threads of items"]),
    num_workers=st.sampled_from([0, 2]),
)
@settings(max_examples=60)
def test_the_samples_of_an_update_are_those_of_one_process(
    num_samples, batch_size, world_size, epoch, shuffle, drop_last, source, num_workers
):
    options = {
        "batch_size": batch_size,
        "shuffle": shuffle,
        "drop_last": drop_last,
        "dataset": Table(num_samples) if source == "arrays" else Items(num_samples, False),
        "num_workers": num_workers,
    }
    alone = loaders(1, num_samples, **options)
    together = loaders(world_size, num_samples, **options)
    for loader in (*alone, *together):
        loader.start_at(epoch)

    assert updates(together) == updates(alone)


@given(data=st.data(), num_samples=st.integers(1, 60), batch_size=st.integers(3, 20))
@settings(max_examples=60)
def test_a_position_is_kept_by_any_and_taken_by_any_number_of_processes(
    data, num_samples, batch_size
):
    """A run goes on with 1, 2 or 3 processes, each time from where the last ones were."""
    whole = loaders(1, num_samples, batch_size=batch_size)
    expected = [*updates(whole), *updates(whole)]
    seen, state = [], None
    while len(seen) < len(expected):
        ranks = loaders(
            data.draw(st.integers(1, 3), label="world size"), num_samples, batch_size=batch_size
        )
        for loader in ranks if state is not None else ():
            loader.load_state_dict(state)
        num_steps = data.draw(st.integers(1, len(expected)), label="steps")
        passes = [iter(loader) for loader in ranks]
        for _ in range(num_steps):
            shares = [next(batches, "end") for batches in passes]
            if "end" in shares:
                assert shares == ["end"] * len(shares)
                break
            seen.append(samples_of(shares))
        states = [loader.state_dict() for loader in ranks]
        assert all(other == states[0] for other in states)
        state = states[0]

    assert seen == expected


@pytest.mark.parametrize("is_resident", [True, False])
def test_a_process_without_a_sample_in_the_last_batch_takes_its_step_all_the_same(is_resident):
    ranks = loaders(3, 9, is_resident, batch_size=4)

    passes = [[samples_of([batch]) for batch in loader] for loader in ranks]

    assert [len(batches) for batches in passes] == [3, 3, 3]
    assert [len(batches[-1]) for batches in passes] == [1, 0, 0]
    assert [loader.epoch for loader in ranks] == [1, 1, 1]


@pytest.mark.parametrize("sampler", [EpochSampler(10, seed=3), WeightedSampler([1] * 10, seed=3)])
def test_what_a_sampler_gives_is_shared_too(sampler):
    assert updates(loaders(2, sampler=sampler)) == updates(loaders(1, sampler=sampler))


def test_what_is_drawn_for_a_sample_is_the_same_in_any_number_of_processes():
    def drawn(world_size):
        ranks = loaders(world_size, dataset=Drawing(12, is_resident=False))
        return sorted(
            value for loader in ranks for batch in loader for value in batch.features[:, 0].tolist()
        )

    assert drawn(1) == drawn(2) == drawn(3)


def test_what_a_collate_function_draws_differs_between_the_shares_of_a_batch():
    def collate(items):
        batch = DataBatch.collate(items)
        batch.drawn = active_key().draws(None, "test").bits()
        return batch

    drawn = [
        batch.drawn
        for loader in loaders(2, is_resident=False, collate_fn=collate)
        for batch in loader
    ]

    assert len(set(drawn)) == len(drawn) == 6


def test_a_batch_that_is_too_small_for_all_processes_is_refused():
    with pytest.raises(ConfigError, match="batch_size is 2 for 3 processes"):
        loaders(3, batch_size=2)


def test_a_sampler_that_is_shared_already_is_refused():
    sampler = EpochSampler(10, seed=1, rank=1, world_size=2)
    with pytest.raises(ConfigError, match="remove its rank and world_size"):
        loaders(2, sampler=sampler)
