"""Tables and plots over several runs; neither torch nor pandas is imported for them."""

from autrainer.postprocessing.aggregate import AggregateGrid
from autrainer.postprocessing.group import GroupGrid
from autrainer.postprocessing.summary import SummarizeGrid

__all__ = ["AggregateGrid", "GroupGrid", "SummarizeGrid"]
