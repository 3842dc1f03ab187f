import torch

from autrainer.engine.loading import batches_of, seconds_inside

CPU = torch.device("cpu")


class Bringing:
    """A loader that brings batches to a device, and tells how long its stages take."""

    def __iter__(self):
        return iter(["left where it was"])

    def batches_on(self, device):
        return [f"brought to {device}"]

    def stage_seconds(self):
        return {"read": 2.0}


def test_a_loader_that_brings_its_batches_to_the_device_is_let_do_so():
    assert list(batches_of(Bringing(), CPU)) == ["brought to cpu"]
    assert list(batches_of(["a", "b"], CPU)) == ["a", "b"]


def test_a_loader_need_not_tell_what_it_spends_its_time_on():
    assert seconds_inside(Bringing()) == {"read": 2.0}
    assert seconds_inside(["a"]) == {}
