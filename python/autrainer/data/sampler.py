"""Address of the samplers: configurations, run folders and projects name them here."""

from autrainer.data.samplers.base import PassSampler
from autrainer.data.samplers.batches import EpochBatchSampler
from autrainer.data.samplers.block import BlockSampler
from autrainer.data.samplers.epoch import EpochSampler
from autrainer.data.samplers.weighted import BalancedSampler, WeightedSampler

__all__ = [
    "BalancedSampler",
    "BlockSampler",
    "EpochBatchSampler",
    "EpochSampler",
    "PassSampler",
    "WeightedSampler",
]
