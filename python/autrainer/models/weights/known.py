"""Architectures of models of the Hugging Face hub, so that none is asked for over the network.

What stands here decides about shapes and formulas. What only matters while training (dropout,
masks, layers left out) is what the classes of transformers have by default.
"""

from __future__ import annotations

from typing import Any

_LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
}
_LAYER_NORM = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}


def _whisper(width: int, layers: int, heads: int) -> dict[str, Any]:
    return {
        "model_type": "whisper",
        "d_model": width,
        **{f"{side}_layers": layers for side in ("encoder", "decoder")},
        **{f"{side}_attention_heads": heads for side in ("encoder", "decoder")},
        **{f"{side}_ffn_dim": 4 * width for side in ("encoder", "decoder")},
        "decoder_start_token_id": 50258,
        **{f"{token}_token_id": 50257 for token in ("pad", "bos", "eos")},
    }


def _wav2vec2(**changes: Any) -> dict[str, Any]:
    return {"model_type": "wav2vec2", **changes}


ARCHITECTURES: dict[str, dict[str, Any]] = {
    "openai/whisper-tiny": _whisper(384, 4, 6),
    "openai/whisper-base": _whisper(512, 6, 8),
    "openai/whisper-small": _whisper(768, 12, 12),
    "facebook/wav2vec2-base": _wav2vec2(),
    "facebook/wav2vec2-large": _wav2vec2(**_LARGE),
    "facebook/wav2vec2-large-100k-voxpopuli": _wav2vec2(**_LARGE, **_LAYER_NORM),
    "facebook/wav2vec2-large-robust": _wav2vec2(**_LARGE, **_LAYER_NORM),
    "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim": _wav2vec2(
        **{**_LARGE, "num_hidden_layers": 12}, **_LAYER_NORM
    ),
    "facebook/hubert-base-ls960": {"model_type": "hubert"},
    "facebook/hubert-large-ll60k": {"model_type": "hubert", **_LARGE, **_LAYER_NORM},
}
