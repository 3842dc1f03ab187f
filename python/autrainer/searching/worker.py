"""A search on its way to a job of a cluster, which composes and trains trials by itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from hydra.types import HydraContext

from autrainer.config.hydra.compose import HOOKS, SweepHooks
from autrainer.config.hydra.filters import Filter
from autrainer.config.hydra.pools import WorkerPool
from autrainer.searching.plan import SearchPlan


@dataclass(frozen=True)
class SearchWorker:
    """What a worker of a search does; it can be pickled.

    Configurations are composed from what the folders held when the command began: the loader has
    them in memory.

    Args:
        plan: What is searched.
        config: The main configuration with its `hydra` node.
        loader: Hydra's loader.
        filters: What is left out.
        hooks: What the task wants from a sweep, without what only a command does.
        folder: Working directory of the command.
    """

    plan: SearchPlan
    config: Any
    loader: Any
    filters: Sequence[Filter]
    hooks: SweepHooks
    folder: str

    @classmethod
    def of(
        cls,
        plan: SearchPlan,
        config: Any,
        context: HydraContext,
        filters: Sequence[Filter],
        hooks: SweepHooks,
    ) -> SearchWorker:
        """A worker of the search of this process."""
        kept = replace(hooks, pool=None, watch=None, report=None, report_search=None, refused=None)
        return cls(plan, config, context.config_loader, filters, kept, os.getcwd())

    def __call__(self, pool: WorkerPool) -> dict[str, str]:
        """Train trials until none is left.

        Args:
            pool: Trains them.

        Returns:
            Why trials have failed, by the names of their run folders.
        """
        from autrainer.config.hydra.internals import Callbacks
        from autrainer.searching.search import Search

        os.chdir(self.folder)
        context = HydraContext(config_loader=self.loader, callbacks=Callbacks())
        task = SimpleNamespace(**{HOOKS: self.hooks})
        return Search(self.config, context, None, task, self.filters).work(self.plan, pool)
