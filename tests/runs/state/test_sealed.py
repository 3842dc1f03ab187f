"""Sealed files: what was put in comes out, and nothing else is believed."""

import json
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.errors import CorruptFileError, DataError
from autrainer.runs.state import sealed
from autrainer.runs.state.sealed import read_sealed, write_sealed

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
TREES = st.recursive(
    PLAIN | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.integers() | st.text(), inner)
    ),
    max_leaves=20,
)

DTYPES = [
    *(torch.bool, torch.uint8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
]


@given(tree=TREES)
def test_plain_trees_come_back_as_they_were(tree, tmp_path_factory):
    path = tmp_path_factory.mktemp("sealed") / "tree"
    write_sealed(path, tree)
    assert read_sealed(path) == tree


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (5,), (2, 3, 4)], ids=str)
def test_tensors_come_back_bit_for_bit(tmp_path, dtype, shape):
    tensor = torch.randint(0, 2, shape).to(dtype)
    write_sealed(tmp_path / "t", {"a": tensor, "b": [tensor.clone()]})
    read = read_sealed(tmp_path / "t")
    for found in (read["a"], read["b"][0]):
        assert found.dtype == dtype
        assert found.shape == tensor.shape
        assert torch.equal(found, tensor)


def test_tensors_with_gaps_and_arrays_come_back(tmp_path):
    tensor = torch.arange(12.0).reshape(3, 4).t()
    array = np.arange(6, dtype=">i4").reshape(2, 3)[:, ::2]
    write_sealed(tmp_path / "t", (tensor, array, np.float32(0.1), np.int64(7)))
    found, numbers, small, whole = read_sealed(tmp_path / "t")
    assert torch.equal(found, tensor)
    assert np.array_equal(numbers, array)
    assert (small, whole) == (float(np.float32(0.1)), 7)


def test_tied_tensors_are_written_once_and_stay_tied(tmp_path):
    tensor = torch.randn(1000)
    write_sealed(tmp_path / "tied", {"a": tensor, "b": tensor})
    read = read_sealed(tmp_path / "tied")
    assert read["a"] is read["b"]
    assert (tmp_path / "tied").stat().st_size < 2 * tensor.nbytes


def test_optimizers_and_schedulers_go_on_from_a_sealed_file(tmp_path):
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), fused=False)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3])
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    scheduler.step()
    states = (OrderedDict(model.state_dict()), optimizer.state_dict(), scheduler.state_dict())
    write_sealed(tmp_path / "s", states)
    _, optimized, scheduled = read_sealed(tmp_path / "s")
    assert scheduled == scheduler.state_dict()
    assert isinstance(scheduled["milestones"], Counter)
    optimizer.load_state_dict(optimized)
    assert optimized["param_groups"] == states[1]["param_groups"]


def test_the_same_tree_gives_the_same_bytes(tmp_path):
    tree = {"a": torch.arange(3), "b": {3, 1, 2}, "c": np.ones(2)}
    write_sealed(tmp_path / "1", tree)
    write_sealed(tmp_path / "2", tree)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize(
    "value",
    [object(), lambda: 0, torch.ones(2).to_sparse()],
    ids=["object", "function", "sparse tensor"],
)
def test_what_cannot_be_held_is_named_by_its_place(tmp_path, value):
    with pytest.raises(DataError, match=r"outer\.inner\[1\]"):
        write_sealed(tmp_path / "t", {"outer": {"inner": [0, value]}})
    assert not (tmp_path / "t").exists()


@given(data=st.data())
def test_a_flipped_bit_or_a_lost_end_is_always_noticed(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("sealed") / "tree"
    write_sealed(path, {"weights": torch.arange(40.0), "epoch": 3})
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans(), label="cut off"):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match="tree"):
        read_sealed(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"autrainer sealed" + b"\xff" * 16])
def test_files_of_another_kind_are_refused(tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(CorruptFileError, match="other: expected"):
        read_sealed(tmp_path / "other")


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_sealed(tmp_path / "none")


def forge(path, tree, *arrays, content=bytes(256)):
    """A file with a checksum that fits, which `write_sealed` would not have written."""
    head = json.dumps({"tree": tree, "arrays": arrays}) if not isinstance(tree, bytes) else tree
    head = head.encode() if isinstance(head, str) else head
    fixed = sealed.MAGIC + (1).to_bytes(8, "little") + len(head).to_bytes(8, "little")
    body = fixed + head
    body += bytes(-len(body) % sealed.ALIGNMENT) + content
    path.write_bytes(body + sealed.seal_of(np.frombuffer(body, dtype=np.uint8)))


TENSOR, ARRAY = ["tensor", 0], ["array", 0]


def spec(dtype="float32", shape=(2,), offset=0):
    return {"dtype": dtype, "shape": list(shape), "offset": offset}


def test_a_forged_file_that_is_right_is_read(tmp_path):
    forge(tmp_path / "tree", TENSOR, spec())
    assert torch.equal(read_sealed(tmp_path / "tree"), torch.zeros(2))


@pytest.mark.parametrize(
    ("tree", "arrays"),
    [
        *(
            (TENSOR, spec(name))
            for name in ("nonsense", "nn", "load", "qint8", "uint4", "complex64")
        ),
        *((ARRAY, spec(name)) for name in ("nonsense", "O", "|V8", "S4", "M8[s]", "f4,i4", None)),
        *((TENSOR, spec(shape=shape)) for shape in ([-1], [2**70], [1.5], [None], [2**40])),
        *((ARRAY, spec("<f4", shape=shape)) for shape in ([-1], [2**70], [True], ["2"])),
        *((TENSOR, spec(offset=offset)) for offset in (-64, 3, 2**70, 256, 1.0, None)),
        *(
            ([kind, content], spec())
            for kind in ("list", "dict", "bytes", "no")
            for content in (5,)
        ),
        (["tensor", 7], spec()),
        (["bytes", "%%%"], spec()),
        (["dict", [[["list", []], 1]]], spec()),
        ({"a": 1}, spec()),
        (b"[" * 100_000, spec()),
        (b'{"arrays": [], "tree": ' + b'["list", [' * 30_000 + b"]]" * 30_000 + b"}", spec()),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_forged_file_is_refused_with_its_name(tmp_path, tree, arrays):
    forge(tmp_path / "tree", tree, arrays)
    with pytest.raises(CorruptFileError, match="tree: expected a sealed tree"):
        read_sealed(tmp_path / "tree")


def test_a_tree_without_end_is_refused(tmp_path):
    tree = {}
    tree["me"] = tree
    with pytest.raises(DataError, match="nested without end"):
        write_sealed(tmp_path / "t", tree)
