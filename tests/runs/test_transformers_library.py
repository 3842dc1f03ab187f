"""Transformers is imported where torchaudio cannot be."""

import pytest

from tests import forked


@pytest.mark.slow
def test_a_torchaudio_of_another_torch_is_told_apart_and_done_without(tmp_path):
    (tmp_path / "torchaudio.py").write_text("raise RuntimeError('built for another torch')")
    program = (
        "import logging, sys\n"
        "logging.basicConfig(level=logging.INFO, format='%(message)s')\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from autrainer.runs.transformers_library import import_transformers\n"
        "import_transformers('Model').audio_utils.load_audio\n"
        "print('torchaudio' in sys.modules)\n"
    )
    process = forked.run(program)
    assert process.returncode == 0, process.stderr
    assert process.stdout == "False\n"
    assert "RuntimeError: built for another torch); Model does without it" in process.stderr
