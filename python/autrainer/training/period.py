"""What surrounds the training between two evaluations of a run."""

from __future__ import annotations

from collections.abc import Callable

from autrainer.engine.step import Hooks
from autrainer.runs.folder import Bookkeeping
from autrainer.runs.random.seeding import set_seed
from autrainer.runs.random.seeds import SEED_BITS, derived_seed
from autrainer.runs.stage_clock import OUTPUTS
from autrainer.training.build import Parts
from autrainer.training.checks.processes import refuse_divergence
from autrainer.training.recording.records import Records


class EvaluationPeriod:
    """Begins and ends the evaluation periods of one run; see `autrainer.engine.loop.PeriodHooks`.

    Args:
        parts: What the run is made of.
        records: What it keeps.
        bookkeeping: Writes into its folder.
        hooks: Its callbacks.
        evaluate: Evaluates the dev set: of which iteration, into which folder.
        folder_of: Name of the folder of an iteration.
        seed: Seed of the training.
        may_skip: Batches may be left out, all of a period too.
    """

    def __init__(
        self,
        parts: Parts,
        records: Records,
        bookkeeping: Bookkeeping,
        *,
        hooks: Hooks,
        evaluate: Callable[[int, str], object],
        folder_of: Callable[[int], str],
        seed: int,
        may_skip: bool = False,
    ) -> None:
        self._parts, self._records = parts, records
        self._bookkeeping, self._hooks = bookkeeping, hooks
        self._evaluate, self._folder_of, self._seed = evaluate, folder_of, seed
        self._may_skip = may_skip
        self._asks_after_steps = True

    @property
    def is_stopping(self) -> bool:
        """Whether training is to end with the iteration in progress, or the one just ended."""
        return self._records.stop_request.agree(self._parts.runtime)

    @property
    def is_stopping_after_step(self) -> bool:
        """The same, after a step: of several processes, only hooks of steps can have asked."""
        return self._asks_after_steps and self.is_stopping

    def seed(self, iteration: int) -> None:
        """Make what follows depend on the seed and this iteration alone, not on what was before."""
        name = ("train", iteration, *self._parts.runtime.process.name)
        set_seed(derived_seed(self._seed, *name, bits=SEED_BITS))

    def begin(self, iteration: int) -> None:
        """Begin an evaluation period with this iteration."""
        self._records.losses.reset()
        self.resume()

    def resume(self) -> None:
        """Take up an evaluation period that has begun in an earlier attempt."""
        runtime = self._parts.runtime
        if not runtime.process.is_alone:
            listens = any(map(self._hooks.listeners, ("cb_on_step_begin", "cb_on_step_end")))
            self._asks_after_steps = any(runtime.any(listens))
        self._parts.model.train()
        self._records.train_timer.start()

    def end(self, iteration: int) -> None:
        """End an evaluation period: evaluate, keep outputs and states, tell the listeners."""
        records, folder = self._records, self._folder_of(iteration)
        schedule = self._parts.schedule_by("evaluation")
        if schedule is not None and not schedule.wants_metric:
            schedule.scheduler.step()
        records.train_timer.stop()
        records.loss_guard.flush()
        with records.clock.within(OUTPUTS):
            self._bookkeeping.create_folder(folder)
            if records.train_tracker is not None:
                records.train_tracker.save(folder, may_be_empty=self._may_skip)
        records.history.record(iteration, {"train_loss": records.losses.mean()})
        if self._parts.sharding is None:
            refuse_divergence(self._parts.runtime, self._parts.model)
        if self._parts.average is not None:
            self._parts.average.after_iteration(iteration, self._parts.model)
        records.dev_timer.start()
        self._evaluate(iteration, folder)
        records.dev_timer.stop()
        # Behind what writes them, while they are still in memory.
        self._bookkeeping.background.submit(self._bookkeeping.manifest.note, folder)
        row = records.history.row(iteration)
        self._hooks.fire("cb_on_dev_end", iteration=iteration, dev_results=dict(row))
        self._hooks.fire("cb_on_iteration_end", iteration=iteration, metrics=dict(row))
        self._parts.model.train()
