"""Where Hydra looks for sweepers; their logic is in `config.hydra.sweep` and `searching`."""

from __future__ import annotations

from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.filter import FilterSweeper


class AutrainerFilterSweeper(FilterSweeper):  # type: ignore[misc]
    """Runs the cartesian product of `params`, less what `filters` leave out.

    Args:
        max_batch_size: Launch at most so many jobs at a time; None launches all of them.
        params: Values by key, as Hydra spells sweeps.
        filters: Filters in shorthand syntax, or as version 1 of the filter plugin had them.
    """

    def __init__(
        self,
        max_batch_size: int | None = None,
        params: Any = None,
        filters: Any = None,
    ) -> None:
        super().__init__(max_batch_size, params, filters)
        self.task_function: TaskFunction | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what Hydra hands to sweepers."""
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.task_function = task_function

    def sweep(self, arguments: list[str]) -> Any:
        """Run every combination of `params` and these arguments, which replace params.

        Raises:
            ConfigError: if a combination cannot run; none has run then.
            SystemExit: if jobs failed; why is on stderr.
        """
        from autrainer.config.hydra.filters import read_filters
        from autrainer.config.hydra.internals import combinations
        from autrainer.config.hydra.sweep import Sweep

        context: HydraContext = self.hydra_context
        overrides = [*self._parse_config(), *arguments]
        batches = combinations(overrides, context.config_loader, self.max_batch_size)
        filters = self.filters
        if OmegaConf.is_config(filters):
            filters = OmegaConf.to_container(filters, resolve=True)
        sweep = Sweep(
            self.config, context, self.launcher, self.task_function, read_filters(filters)
        )
        return sweep.run(batches)


class AutrainerOptunaSweeper(AutrainerFilterSweeper):
    """Trains what a study of Optuna proposes, less what `filters` leave out.

    Args:
        params: Values by key, as Hydra spells sweeps; keys with several are searched.
        filters: Filters in shorthand syntax, or as version 1 of the filter plugin had them.
        trial: Written by the search: where a run finds its trial.
        settings: The fields of `autrainer.searching.settings.SearchSettings`.
    """

    def __init__(
        self, params: Any = None, filters: Any = None, trial: Any = None, **settings: Any
    ) -> None:
        super().__init__(None, params, filters)
        self.settings = settings

    def sweep(self, arguments: list[str]) -> Any:
        """Search; `arguments` replace params.

        Raises:
            ConfigError: if the space or a combination of it cannot be used; none has run then.
            MissingExtraError: if Optuna is not installed.
            SystemExit: if runs failed; why is on stderr.
        """
        from autrainer.config.hydra.filters import read_filters
        from autrainer.searching.search import Search
        from autrainer.searching.settings import SearchSettings
        from autrainer.searching.space import SearchSpace

        context: HydraContext = self.hydra_context
        settings = SearchSettings(**{key: _plain(each) for key, each in self.settings.items()})
        space = SearchSpace.of([*self._parse_config(), *arguments], context.config_loader)
        filters = read_filters(_plain(self.filters))
        search = Search(self.config, context, self.launcher, self.task_function, filters)
        return search.search(space, settings)


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
