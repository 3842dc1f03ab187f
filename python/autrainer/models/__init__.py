"""Models."""

from autrainer.models.ast_model import ASTModel
from autrainer.models.base import AbstractModel
from autrainer.models.cnn_10 import Cnn10
from autrainer.models.cnn_14 import Cnn14
from autrainer.models.end2you import AudioRNNModel
from autrainer.models.ffnn import FFNN
from autrainer.models.hf_audio import HFAudioModel
from autrainer.models.leaf import LEAFNet
from autrainer.models.sequential import SeqFFNN
from autrainer.models.small_cnn import SmallCNN
from autrainer.models.tdnn import TDNNFFNN
from autrainer.models.timm_wrapper import TimmModel
from autrainer.models.torchvision_wrapper import TorchvisionModel
from autrainer.models.w2v2 import W2V2FFNN
from autrainer.models.whisper import WhisperFFNN

__all__ = [
    "FFNN",
    "TDNNFFNN",
    "W2V2FFNN",
    "ASTModel",
    "AbstractModel",
    "AudioRNNModel",
    "Cnn10",
    "Cnn14",
    "HFAudioModel",
    "LEAFNet",
    "SeqFFNN",
    "SmallCNN",
    "TimmModel",
    "TorchvisionModel",
    "WhisperFFNN",
]
