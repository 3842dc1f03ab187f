import logging
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from autrainer.errors import ConfigError, DataError, MissingExtraError
from autrainer.features import native
from autrainer.features.settings import preset
from autrainer.runs.objects import load_object, save_object
from autrainer.runs.transformers_library import import_transformers, repository_of
from autrainer.transforms import FeatureExtractor, OpenSMILE
from tests.features.references import speech_like

SECOND = torch.from_numpy(speech_like(16000))[None]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fe_type", "shape"), [("AST", (1024, 128)), ("Whisper", (80, 3000)), ("W2V2", (16000,))]
)
def test_an_extractor_has_the_defaults_of_its_class_without_a_network(fe_type, shape, caplog):
    with caplog.at_level(logging.WARNING):
        transform = FeatureExtractor(fe_type)
    assert "takes the defaults" in caplog.text
    assert "'sampling_rate': 16000" in caplog.text
    found = transform.change(torch.cat([SECOND, SECOND]))
    assert found.shape == shape
    assert found.dtype == torch.float32
    assert torch.equal(found, transform.change(SECOND[0]))
    assert torch.equal(found, pickle.loads(pickle.dumps(transform)).change(SECOND))
    loud_and_silent = torch.cat([2 * SECOND, 0 * SECOND])
    assert torch.equal(found, transform.change(loud_and_silent))


@pytest.mark.slow
def test_an_extractor_for_another_rate_is_refused_before_any_signal_comes():
    with pytest.raises(ConfigError, match="sampling_rate is 8000 Hz, but AST is for 16000 Hz"):
        FeatureExtractor("AST", sampling_rate=8000)


@pytest.mark.slow
def test_an_extractor_that_was_saved_is_read_from_its_folder(tmp_path):
    own = FeatureExtractor("Whisper")
    own._extractor.feature_size = 40
    own._extractor.save_pretrained(tmp_path)
    assert FeatureExtractor(fe_transfer=str(tmp_path))._extractor.feature_size == 40


def test_an_extractor_needs_a_type_or_a_repository():
    with pytest.raises(ConfigError, match="both null"):
        FeatureExtractor()
    with pytest.raises(ConfigError, match=r"fe_type is 'Wisper'.*'Whisper'"):
        FeatureExtractor("Wisper")


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    for library in ("transformers", "opensmile"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"autrainer\[transformers\]"):
        FeatureExtractor("AST")
    with pytest.raises(MissingExtraError, match=r"autrainer\[opensmile\]"):
        OpenSMILE("eGeMAPSv02", 16000)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kaldi", "ast"])
def test_fbanks_agree_with_those_of_transformers(name):
    audio_utils = import_transformers("this test").audio_utils
    settings = replace(preset(name, 16000), num_bands=80)
    bank = audio_utils.mel_filter_bank(
        num_frequency_bins=257,
        num_mel_filters=80,
        min_frequency=20,
        max_frequency=8000,
        sampling_rate=16000,
        norm=None,
        mel_scale="kaldi",
        triangularize_in_mel_space=True,
    )
    signal = SECOND.numpy()
    expected = audio_utils.spectrogram(
        signal[0],
        audio_utils.window_function(400, "povey" if name == "kaldi" else "hann", periodic=False),
        frame_length=400,
        hop_length=160,
        fft_length=512,
        power=2.0,
        center=False,
        preemphasis=0.97,
        mel_filters=bank,
        log_mel="log",
        mel_floor=2.0**-23,
        remove_dc_offset=True,
    ).T
    plan = native.MelSpectrogram(settings)
    np.testing.assert_allclose(plan.filter_bank(), bank, atol=1e-9)
    np.testing.assert_allclose(plan(signal[None])[0, 0], expected, atol=1e-4)


@pytest.mark.slow
def test_the_preset_of_whisper_agrees_with_transformers():
    extractor = import_transformers("this test").WhisperFeatureExtractor(chunk_length=1)
    expected = extractor(SECOND[0].numpy(), sampling_rate=16000, return_tensors="np")
    found = native.MelSpectrogram(preset("whisper", 16000))(SECOND[None].numpy())
    np.testing.assert_allclose(found[0, 0].T, expected["input_features"][0], atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"feature_set": "eGeMAPSv02", "functionals": True}, (88,)),
        ({"feature_set": "eGeMAPSv02"}, (25, 96)),
        ({"feature_set": "ComParE_2016", "functionals": True}, (6373,)),
        ({"feature_set": "ComParE_2016"}, (65, 96)),
        ({"feature_set": "ComParE_2016", "lld_deltas": True}, (130, 96)),
        ({"feature_set": "ComParE_2016", "frames_first": True}, (96, 65)),
    ],
)
def test_features_of_opensmile_have_their_shapes_in_any_thread(arguments, shape, tmp_path):
    transform = OpenSMILE(**arguments, sample_rate=16000)
    found = transform.change(SECOND)
    assert found.shape == shape
    assert found.dtype == torch.float32
    with ThreadPoolExecutor(2) as threads:
        assert all(
            torch.equal(found, other) for other in threads.map(transform.change, [SECOND] * 2)
        )
    assert torch.equal(pickle.loads(pickle.dumps(transform)).change(SECOND), found)
    save_object(transform, tmp_path / "transform.yaml")
    assert torch.equal(load_object(tmp_path / "transform.yaml").change(SECOND), found)


@pytest.mark.slow
def test_opensmile_takes_the_first_channel_and_says_so_once(caplog):
    transform = OpenSMILE("eGeMAPSv02", 16000, functionals=True)
    stereo = torch.cat([SECOND, torch.zeros_like(SECOND)])
    assert torch.equal(transform.change(stereo), transform.change(SECOND))
    transform.change(stereo)
    assert caplog.text.count("takes the first of 2 channels") == 1


@pytest.mark.slow
def test_a_signal_without_a_frame_and_a_strange_set_are_errors():
    with pytest.raises(DataError, match="no frame of eGeMAPSv02 in 100 samples"):
        OpenSMILE("eGeMAPSv02", 16000).change(SECOND[:, :100])
    with pytest.raises(ConfigError, match=r"feature_set is 'eGeMAPSv2'.*eGeMAPSv02"):
        OpenSMILE("eGeMAPSv2", 16000)
    with pytest.raises(ConfigError, match="no features at the level LowLevelDescriptors_Deltas"):
        OpenSMILE("eGeMAPSv02", 16000, lld_deltas=True)


def test_a_repository_may_be_named_with_a_revision(tmp_path):
    assert repository_of("openai/whisper-tiny") == ("openai/whisper-tiny", {})
    assert repository_of("me/model@v2") == ("me/model", {"revision": "v2"})
    (tmp_path / "model@v2").mkdir()
    assert repository_of(str(tmp_path / "model@v2")) == (str(tmp_path / "model@v2"), {})
