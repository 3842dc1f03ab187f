"""Models of torchvision and timm."""

import logging

import audobject
import pytest
import torch
import torchvision

from autrainer.errors import ConfigError, MissingExtraError
from autrainer.models import TimmModel, TorchvisionModel
from autrainer.runs.objects import object_dict


@pytest.mark.parametrize("name", ["mnasnet0_5", "squeezenet1_1"])
def test_outputs_are_made_of_the_embeddings_by_the_last_layer(name):
    torch.manual_seed(0)
    model = TorchvisionModel(3, name).eval()
    x = torch.rand(2, 3, 64, 64)
    embeddings = model.embeddings(x)
    assert embeddings.dim() == 2
    if name == "mnasnet0_5":
        torch.testing.assert_close(model(x), model.model.classifier(embeddings))
    else:
        features = model.model.features(x)
        torch.testing.assert_close(embeddings, features.mean((2, 3)))


def test_embeddings_can_be_taken_by_several_threads_while_another_one_predicts():
    from concurrent.futures import ThreadPoolExecutor

    model = TorchvisionModel(3, "mnasnet0_5").eval()
    x = torch.rand(1, 3, 64, 64)
    expected = {"forward": model(x), "embeddings": model.embeddings(x)}
    with ThreadPoolExecutor(4) as threads, torch.no_grad():
        jobs = [(kind, threads.submit(getattr(model, kind), x)) for kind in [*expected] * 8]
    assert all(torch.equal(job.result(), expected[kind]) for kind, job in jobs)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Torch's hub folder, in which weights of torchvision lie, which are random ones."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)

    def put(name, **kwargs):
        weights = torchvision.models.get_model_weights(name).DEFAULT
        model = torchvision.models.get_model(name, **kwargs)
        place = tmp_path / "hub" / "checkpoints" / weights.url.rpartition("/")[2]
        torch.save(model.state_dict(), place)
        return model

    return put


@pytest.mark.parametrize(
    ("name", "head"), [("shufflenet_v2_x0_5", "fc"), ("squeezenet1_1", "classifier.1")]
)
def test_a_pretrained_model_gets_a_new_last_layer(name, head, hub):
    source = hub(name)
    model = TorchvisionModel(3, name, transfer=True)
    own, theirs = model.model.state_dict(), source.state_dict()
    assert {key for key in own if not torch.equal(own[key], theirs[key])} == {
        f"{head}.weight",
        f"{head}.bias",
    }
    assert model.eval()(torch.rand(1, 3, 64, 64)).shape == (1, 3)


def test_a_pretrained_model_scales_its_inputs_when_it_is_built_again_too(hub, monkeypatch):
    hub("googlenet", init_weights=False)
    model = TorchvisionModel(3, "googlenet", transfer=True, aux_logits=False).eval()
    monkeypatch.setenv("TORCH_HOME", "elsewhere")
    again = audobject.from_dict(object_dict(model), override_args={"transfer": None}).eval()
    again.load_state_dict(model.state_dict())
    assert again.model.transform_input
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(again(x), model(x))


def test_a_model_that_torchvision_has_not_is_told_with_the_near_one():
    with pytest.raises(ConfigError, match=r"is 'resnet19'.*did you mean .*'resnet18'"):
        TorchvisionModel(2, "resnet19")


@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224", "mixnet_s"])
def test_a_model_of_timm_pools_its_embeddings_and_keeps_its_arguments(name):
    model = TimmModel(3, name, in_chans=1).eval()
    x = torch.rand(2, 1, 224, 224)
    embeddings = model.embeddings(x)
    assert embeddings.dim() == 2
    torch.testing.assert_close(model.model.get_classifier()(embeddings), model(x))
    again = audobject.from_dict(object_dict(model), override_args={"transfer": None})
    again.load_state_dict(model.state_dict())
    assert logging.getLogger("timm").level == logging.NOTSET


@pytest.mark.parametrize(
    ("library", "make", "extra"),
    [
        ("torchvision", lambda: TorchvisionModel(2, "resnet18"), "torchvision"),
        ("timm", lambda: TimmModel(2, "resnet10t"), "timm"),
    ],
)
def test_a_library_that_is_not_there_is_named_with_its_extra(library, make, extra, monkeypatch):
    monkeypatch.setattr("autrainer.runs.extras._origin", lambda module: None)
    with pytest.raises(MissingExtraError, match=rf"{library}; .* 'autrainer\[{extra}\]'"):
        make()
