"""Address of the base classes of metrics in existing projects."""

from autrainer.metrics.base import AbstractMetric, BaseAscendingMetric, BaseDescendingMetric

__all__ = ["AbstractMetric", "BaseAscendingMetric", "BaseDescendingMetric"]
