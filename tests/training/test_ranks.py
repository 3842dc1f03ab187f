"""A run of several processes, as far as one of them can be tried alone."""

import logging

import pytest

from autrainer.errors import AutrainerError, ConfigError
from autrainer.runs.random.generators import random_state
from autrainer.training import ModularTaskTrainer
from tests.ranks import Echo
from tests.training.conftest import built, configured
from tests.training.test_trainer import configured_plotting


def of_rank(trainer, rank, world_size=2, **changes):
    """A trainer of the same folder in another process."""
    cfg = configured(**changes)
    return ModularTaskTrainer(cfg, trainer.output_directory, communicator=Echo(rank, world_size))


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def finished(tmp_path):
    """A run that the main process has finished."""
    trainer = built(tmp_path)
    trainer.train()
    return trainer


def test_only_the_main_process_writes_logs_and_shows_anything(finished, caplog, capfd):
    before = content(finished.output_directory)
    caplog.set_level(logging.INFO)

    other = of_rank(
        finished,
        1,
        progress_bar=True,
        loggers=["tests.training.parts.Ledger"],
        plotting=configured_plotting(),
    )
    other.train()

    assert content(finished.output_directory) == before
    assert [record for record in caplog.records if record.levelno == logging.INFO] == []
    assert capfd.readouterr() == ("", "")
    assert (other.folder.lock, other.loggers, other.plot_metrics) == (None, [], None)
    assert other.disable_progress_bar


def test_two_processes_of_a_run_do_not_exclude_each_other(tmp_path):
    main = built(tmp_path)
    other = of_rank(main, 1)

    assert main.folder.is_held
    assert other.folder.is_held
    other.close()
    assert (main.folder.is_held, other.folder.is_held) == (True, False)
    with pytest.raises(AutrainerError, match="has been closed"):
        other.train()
    main.close()


def test_all_processes_begin_with_the_same_weights_and_share_the_batches(tmp_path):
    main = built(tmp_path)
    others = [of_rank(main, rank, 3) for rank in range(1, 3)]

    weights = [[p.tolist() for p in trainer.model.parameters()] for trainer in (main, *others)]
    assert weights[1:] == weights[:1] * 2
    shares = [next(iter(trainer.train_loader)).index.tolist() for trainer in others]
    batch = next(iter(main.train_loader)).index.tolist()
    assert (len(batch), batch[6:]) == (16, shares[0] + shares[1])
    for trainer in (main, *others):
        trainer.close()


def test_processes_draw_numbers_of_their_own_in_training_and_the_main_one_those_of_one(tmp_path):
    main = built(tmp_path)
    others = [of_rank(main, rank, 3) for rank in range(1, 3)]

    def drawn(trainer):
        trainer.period().seed(1)
        return random_state()["torch"].tolist()

    states = [drawn(trainer) for trainer in (main, *others)]
    assert len(set(map(tuple, states))) == 3
    assert drawn(main) == states[0]
    for trainer in (main, *others):
        trainer.close()


def test_loaders_that_cannot_be_shared_are_refused(tmp_path):
    main = built(tmp_path)
    with pytest.raises(ConfigError, match="the dataset makes a DataLoader, whose batches"):
        of_rank(main, 1, dataset___target_="tests.training.parts.TorchLoaderDataset")
    main.close()
