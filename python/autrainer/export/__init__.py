"""Trained models for elsewhere: ONNX, `torch.export`, safetensors, and a card about them."""

from autrainer.export.comparison import Comparison
from autrainer.export.export import Export, make_export

__all__ = ["Comparison", "Export", "make_export"]
