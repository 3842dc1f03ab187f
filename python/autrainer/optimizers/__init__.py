"""Optimizers, and which parameters they work on."""

from autrainer.optimizers.build import build_optimizer
from autrainer.optimizers.groups import parameter_groups
from autrainer.optimizers.sam import SAM

__all__ = ["SAM", "build_optimizer", "parameter_groups"]
