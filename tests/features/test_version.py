"""Features are not what they were: then they have another version."""

from pathlib import Path

import numpy as np

from autrainer.data.native.decode import NativeFormat, decode_file
from autrainer.features.settings import PRESETS, preset
from autrainer.features.version import FEATURES_VERSION
from tests.serving.conftest import write_wav

EXPECTED = Path(__file__).with_name("version.npy")
"""What `features_now` gave when the version was raised last; `np.save` writes it."""


def features_now(folder):
    """Features of all kinds that the core makes, in a row."""
    recording = str(write_wav(folder / "a.wav", 2000, rate=22050, channels=2))
    mels = [("mel", preset(name, 16000, num_bands=20)) for name in PRESETS]
    cepstra = [mels[0], ("cepstra", 13), ("deltas", 5, 2, False)]
    made = [
        decode_file(recording, NativeFormat("audio", 16000, steps=(("mix_down", 1), *steps)))
        for steps in ([], *([mel] for mel in mels), cepstra)
    ]
    return np.concatenate([array.ravel() for array in made])


def test_features_of_this_version_are_those_that_it_always_had(tmp_path):
    assert FEATURES_VERSION == 1
    hint = "features have changed: raise FEATURES_VERSION, and write version.npy anew"
    # Sines of another library may differ in the last bit; nobody makes features again for that.
    np.testing.assert_allclose(
        features_now(tmp_path), np.load(EXPECTED), rtol=1e-5, atol=1e-4, err_msg=hint
    )
