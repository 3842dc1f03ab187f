"""How sure a result is: intervals, tests and summaries over seeds; without torch."""

from autrainer.statistics.bootstrap import Bootstrap, Interval, bootstrap_interval
from autrainer.statistics.datasets import PairOfMethods, compare_methods
from autrainer.statistics.holm import holm
from autrainer.statistics.permutation import PairedTest, paired_permutation_test
from autrainer.statistics.seeds import SeedSummary, compare_seeds, interquartile_mean, over_seeds
from autrainer.statistics.shares import wilson_interval
from autrainer.statistics.strata import Gap, Stratum, StratumReport, compare_strata
from autrainer.statistics.wilcoxon import smallest_p_value, wilcoxon_signed_rank

__all__ = [
    "Bootstrap",
    "Gap",
    "Interval",
    "PairOfMethods",
    "PairedTest",
    "SeedSummary",
    "Stratum",
    "StratumReport",
    "bootstrap_interval",
    "compare_methods",
    "compare_seeds",
    "compare_strata",
    "holm",
    "interquartile_mean",
    "over_seeds",
    "paired_permutation_test",
    "smallest_p_value",
    "wilcoxon_signed_rank",
    "wilson_interval",
]
