import threading
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.data.targets import LabelEncoder, MinMaxScaler, MultiLabelEncoder
from autrainer.errors import DataError, OutputError
from autrainer.runs.writing.outputs import ARRAYS, OutputsTracker
from tests.ranks import on_all

FILES = ["indices.npy", "losses.npy", "outputs.npy", "results.csv", "targets.npy"]


def make_tracker(bookkeeping, transform=None, export=True):
    transform = transform or LabelEncoder(["a", "b", "c"])
    data = SimpleNamespace(target_transform=transform, output_dim=len(transform))
    return OutputsTracker(export, "dev", data, bookkeeping)


def feed(tracker, outputs, targets, losses, batch_size=3):
    for start in range(0, len(outputs), batch_size):
        part = slice(start, start + batch_size)
        indices = torch.arange(len(outputs))[part]
        tracker.update(outputs[part], targets[part], losses[part], indices)


def test_saved_files_hold_what_was_kept(bookkeeping):
    outputs, targets, losses = torch.randn(10, 3), torch.arange(10) % 3, torch.rand(10)
    tracker = make_tracker(bookkeeping)
    feed(tracker, outputs, targets, losses)
    tracker.save("epoch_1")
    bookkeeping.background.join()
    folder = bookkeeping.output_directory / "epoch_1"
    assert sorted(path.name for path in folder.iterdir()) == [f"dev_{name}" for name in FILES]
    for name, expected in (("outputs", outputs), ("targets", targets), ("losses", losses)):
        saved = np.load(folder / f"dev_{name}.npy")
        assert saved.dtype == expected.numpy().dtype
        assert np.array_equal(saved, expected.numpy())
    assert np.load(folder / "dev_indices.npy").tolist() == list(range(10))


def test_the_results_table_reads_back_as_the_frame(bookkeeping):
    tracker = make_tracker(bookkeeping)
    feed(tracker, torch.randn(10, 3), torch.arange(10) % 3, torch.rand(10))
    tracker.save("epoch_1", reset=False)
    bookkeeping.background.join()
    path = bookkeeping.output_directory / "epoch_1" / "dev_results.csv"
    table = pd.read_csv(path)
    assert list(table) == ["index", "predictions"] + [f"probability_{c}" for c in "abc"]
    frame = tracker.results_df
    assert table["predictions"].tolist() == frame["predictions"].tolist()
    probabilities = frame.filter(like="probability_").to_numpy()
    assert np.array_equal(table.filter(like="probability_").to_numpy("float32"), probabilities)


def test_label_sets_and_values_are_decoded_in_the_frame(bookkeeping):
    tracker = make_tracker(bookkeeping, MultiLabelEncoder(0.5, ["a", "b"]))
    outputs = torch.tensor([[2.0, -2.0], [2.0, 2.0], [-2.0, -2.0]])
    feed(tracker, outputs, torch.ones(3, 2), torch.rand(3, 2))
    tracker.save("epoch_1", reset=False)
    assert tracker.results_df["predictions"].tolist() == [["a"], ["a", "b"], []]
    scaler = make_tracker(bookkeeping, MinMaxScaler("age", 0.0, 10.0))
    feed(scaler, torch.zeros(2, 1), torch.ones(2), torch.rand(2))
    scaler.save("epoch_2", reset=False)
    assert scaler.results_df["predictions"].tolist() == [5.0, 5.0]


def test_a_split_of_one_sample_has_one_prediction(bookkeeping):
    tracker = make_tracker(bookkeeping)
    feed(tracker, torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([1]), torch.rand(1))
    tracker.save("epoch_1", reset=False)
    assert tracker.predictions.tolist() == [1]
    assert tracker.targets.tolist() == [1]


def test_outputs_that_are_not_numbers_are_kept(bookkeeping):
    tracker = make_tracker(bookkeeping)
    feed(tracker, torch.full((2, 3), float("nan")), torch.tensor([0, 1]), torch.rand(2))
    tracker.save("epoch_1", reset=False)
    bookkeeping.background.join()
    assert np.isnan(tracker.outputs).all()


def test_the_next_pass_does_not_change_files_that_are_still_to_be_written(bookkeeping):
    tracker = make_tracker(bookkeeping)
    gate = threading.Event()
    bookkeeping.background.submit(gate.wait)
    feed(tracker, torch.ones(4, 3), torch.zeros(4, dtype=torch.int64), torch.ones(4))
    tracker.save("epoch_1")
    feed(tracker, torch.zeros(4, 3), torch.ones(4, dtype=torch.int64), torch.zeros(4))
    gate.set()
    bookkeeping.background.join()
    saved = np.load(bookkeeping.output_directory / "epoch_1" / "dev_outputs.npy")
    assert np.array_equal(saved, np.ones((4, 3)))


def test_copies_hold_the_same_bytes(bookkeeping):
    tracker = make_tracker(bookkeeping)
    feed(tracker, torch.randn(4, 3), torch.zeros(4, dtype=torch.int64), torch.rand(4))
    tracker.save("epoch_1")
    tracker.copy_to("_best")
    bookkeeping.background.join()
    root = bookkeeping.output_directory
    for name in FILES:
        copied = (root / "_best" / f"dev_{name}").read_bytes()
        assert copied == (root / "epoch_1" / f"dev_{name}").read_bytes()


def test_without_export_no_file_is_written(bookkeeping):
    tracker = make_tracker(bookkeeping, export=False)
    feed(tracker, torch.randn(4, 3), torch.zeros(4, dtype=torch.int64), torch.rand(4))
    tracker.save("epoch_1", reset=False)
    tracker.copy_to("_best")
    bookkeeping.background.join()
    assert not (bookkeeping.output_directory / "epoch_1").exists()
    assert len(tracker.predictions) == 4


@pytest.mark.parametrize(
    "name", ["outputs", "targets", "indices", "losses", "predictions", "results_df"]
)
def test_nothing_is_at_hand_before_save_and_after_reset(bookkeeping, name):
    tracker = make_tracker(bookkeeping, export=False)
    with pytest.raises(ValueError, match=f"dev {name} are not computed yet"):
        getattr(tracker, name)
    feed(tracker, torch.randn(4, 3), torch.zeros(4, dtype=torch.int64), torch.rand(4))
    tracker.save("epoch_1")
    with pytest.raises(ValueError, match=f"dev {name} are not computed yet"):
        getattr(tracker, name)


def test_a_reduced_loss_is_refused_with_the_shapes(bookkeeping):
    tracker = make_tracker(bookkeeping)
    with pytest.raises(DataError, match=r"outputs \(4, 3\), targets \(4,\), losses \(\)"):
        tracker.update(torch.ones(4, 3), torch.ones(4), torch.tensor(1.0), torch.arange(4))


def test_outputs_of_another_width_than_the_dataset_asks_for_are_refused(bookkeeping):
    tracker = make_tracker(bookkeeping)
    with pytest.raises(DataError, match=r"outputs of shape \(4, 5\).*\(batch, 3\)"):
        tracker.update(torch.ones(4, 5), torch.ones(4), torch.ones(4), torch.arange(4))


def test_saving_nothing_is_refused(bookkeeping):
    with pytest.raises(DataError, match="no dev outputs to save"):
        make_tracker(bookkeeping).save("epoch_1")


def test_a_folder_that_is_a_file_fails_the_run_with_its_name(bookkeeping):
    (bookkeeping.output_directory / "epoch_1").write_text("in the way")
    tracker = make_tracker(bookkeeping)
    feed(tracker, torch.randn(4, 3), torch.zeros(4, dtype=torch.int64), torch.rand(4))
    with pytest.raises(OutputError, match="epoch_1"):
        # Whichever comes first after the failed write tells of it.
        _save_and_join(tracker, bookkeeping)


def _save_and_join(tracker, bookkeeping):
    tracker.save("epoch_1")
    bookkeeping.background.join()


def shared_tracker(communicator, batches):
    """A tracker that has got the share of one process of each batch."""
    data = SimpleNamespace(target_transform=LabelEncoder(["a", "b"]), output_dim=2)
    tracker = OutputsTracker(False, "dev", data, SimpleNamespace(), communicator=communicator)
    for batch in batches:
        rows = batch[slice(*communicator.process.share(len(batch)))]
        if len(rows):
            outputs = torch.stack([rows.float(), -rows.float()], dim=1)
            tracker.update(outputs, rows % 2, rows / 8, rows)
        else:
            tracker.skip_batch()
    return tracker


SIZES = st.lists(st.integers(1, 7), min_size=1, max_size=6)


@given(sizes=SIZES, world_size=st.integers(2, 3))
@settings(max_examples=30)
def test_rows_of_several_processes_are_saved_as_those_of_one(sizes, world_size):
    batches = torch.randperm(sum(sizes)).split(sizes)

    def saved(communicator):
        tracker = shared_tracker(communicator, batches)
        tracker.save("dev", reset=False)
        return {name: getattr(tracker, name).tolist() for name in (*ARRAYS, "predictions")}

    (alone,) = on_all(1, saved)
    assert on_all(world_size, saved) == [alone] * world_size


@given(data=st.data(), sizes=SIZES, before=st.integers(1, 3), after=st.integers(1, 3))
@settings(max_examples=30)
def test_rows_that_some_processes_have_kept_are_taken_back_by_others(data, sizes, before, after):
    batches = torch.arange(sum(sizes)).split(sizes)
    kept_after = data.draw(st.integers(0, len(sizes)))

    def kept(communicator):
        tracker = shared_tracker(communicator, batches[:kept_after])
        _passes, count = tracker.rows_state()
        return [] if count == 0 else [tracker.rows_since(0)]

    def taken(communicator):
        tracker = shared_tracker(communicator, batches[kept_after:])
        later = tracker.rows_since(0)["indices"].tolist() if kept_after < len(sizes) else []
        tracker.restore_rows(parts[0])
        return tracker.rows_since(0)["indices"].tolist() if kept_after else [], later

    parts = on_all(before, kept)
    count = sum(sizes[:kept_after])
    expected = list(range(count)), list(range(count, sum(sizes)))
    assert on_all(after, taken) == [expected] * after
