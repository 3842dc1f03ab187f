import enum
import sys
import types

import audobject
import numpy as np
import pytest
import torch
import yaml

from autrainer import __version__
from autrainer.data.targets import LabelEncoder, MultiTargetMinMaxScaler
from autrainer.runs.objects import object_yaml, save_object


class Colour(str, enum.Enum):
    RED = "red"


class Part:
    def __init__(self, size=3, name="x", _private=0, **kwargs):
        self.size = size
        self.name = name


class Whole(audobject.Object, torch.nn.Module):
    def __init__(self, output_dim, parts=None, rate=1e-5):
        torch.nn.Module.__init__(self)
        self.output_dim = output_dim
        self.parts = parts
        self.rate = rate
        self.layer = torch.nn.Linear(2, output_dim)


class TupleResolver(audobject.resolver.Base):
    def decode(self, value):
        return tuple(value)

    def encode(self, value):
        return ["encoded", *value]

    def encode_type(self):
        return list


class Decorated(audobject.Object):
    @audobject.init_decorator(
        resolvers={"pair": TupleResolver}, hide=["secret"], borrow={"size": "part"}
    )
    def __init__(self, pair, size=1, secret=0, part=None):
        super().__init__()
        self.pair = pair
        self.secret = secret
        self.part = Part(size)


# audobject imports classes by the name of their module, which test modules do not have.
MODULE = types.ModuleType("project_of_a_user")
for cls in (Part, Whole, Decorated):
    cls.__module__ = MODULE.__name__
    setattr(MODULE, cls.__name__, cls)


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setitem(sys.modules, MODULE.__name__, MODULE)


def test_objects_of_the_package_carry_its_version():
    document = yaml.safe_load(object_yaml(LabelEncoder(["b", "a"])))
    module = "autrainer.datasets.utils.target_transforms.label_encoder"
    key = f"${module}.LabelEncoder=={__version__}"
    assert document == {key: {"labels": ["a", "b"]}}


def test_objects_of_a_user_carry_none_and_keep_the_order_of_the_signature():
    assert object_yaml(Part(4)) == "$project_of_a_user.Part:\n  size: 4\n  name: x\n"


@pytest.mark.parametrize(
    "obj", [LabelEncoder(["b", "a"]), MultiTargetMinMaxScaler(["a", "b"], [0.0, 1.0], [1.0, 2.5])]
)
def test_what_is_written_loads_with_audobject(obj, tmp_path):
    save_object(obj, tmp_path / "object.yaml")
    loaded = audobject.from_yaml(str(tmp_path / "object.yaml"))
    assert type(loaded) is type(obj)
    assert object_yaml(loaded) == object_yaml(obj)


def test_nested_objects_and_odd_values_load_with_audobject(tmp_path):
    parts = [Part(1), {"inner": Part(2, Colour.RED)}, (1, None), np.float64(0.5), np.arange(2)]
    save_object(Whole(3, parts), tmp_path / "model.yaml")
    loaded = audobject.from_yaml(str(tmp_path / "model.yaml"))
    assert (loaded.output_dim, loaded.rate) == (3, 1e-5)
    first, mapping, *others = loaded.parts
    assert first.size == 1
    assert mapping["inner"].name == "red"
    assert others == [[1, None], 0.5, [0, 1]]


def test_resolvers_hidden_and_borrowed_arguments_are_honoured():
    document = yaml.safe_load(object_yaml(Decorated((1, 2), size=7, secret=5)))
    expected = {"pair": ["encoded", 1, 2], "size": 7}
    assert document == {"$project_of_a_user.Decorated": expected}


def test_extra_arguments_that_an_object_registered_are_written():
    class Extra(audobject.Object):
        def __init__(self, a, **kwargs):
            super().__init__(**kwargs)
            self.a = a
            self.b = kwargs["b"]

    assert yaml.safe_load(object_yaml(Extra(1, b=2))).popitem()[1] == {"a": 1, "b": 2}


def test_an_argument_without_an_attribute_is_named():
    class Forgetful:
        def __init__(self, size):
            self.length = size

    with pytest.raises(TypeError, match=r"Forgetful takes 'size'.*set self\.size"):
        object_yaml(Forgetful(1))


def test_functions_cannot_be_written_down():
    with pytest.raises(TypeError, match=r"Part\.size is <built-in function len>"):
        object_yaml(Part(len))


@pytest.mark.parametrize("value", [3, "text", [1], Part])
def test_only_objects_can_be_written_down(value, bookkeeping):
    with pytest.raises(TypeError, match="expected an object"):
        bookkeeping.save_audobject(value, "object.yaml")
