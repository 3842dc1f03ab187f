"""The optimizer of a run, and which parameters decay."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.config.plain import Plain
from autrainer.config.schema.kinds import number_or_null, numbers_by_text, truth
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.reading import Reader, key, keys_of
from autrainer.config.schema.targets import Target


@dataclass(frozen=True)
class WeightDecaySection:
    """Which parameters decay, and how much.

    Args:
        weight_decay: Of those that do; None leaves it to the class of the optimizer.
        apply_weight_decay_to_bias: Whether biases do.
        apply_weight_decay_to_norm: Whether the parameters of norm layers do.
    """

    weight_decay: float | None = key(number_or_null, None)
    apply_weight_decay_to_bias: bool = key(truth, False)
    apply_weight_decay_to_norm: bool = key(truth, False)


@dataclass(frozen=True)
class RateSection:
    """Which parameters learn faster or slower.

    Args:
        learning_rate_factors: Patterns of names of parameters, or names of modules, and what the
            learning rate of the run is multiplied by for them; the first that fits counts.
    """

    learning_rate_factors: tuple[tuple[str, float], ...] = key(numbers_by_text, ())


CONSUMED = tuple(
    each.name for section in (WeightDecaySection, RateSection) for each in keys_of(section)
)


@dataclass(frozen=True)
class OptimizerSection:
    """An optimizer.

    Args:
        target: Its class.
        decay: Which parameters decay.
        factors: Patterns of parameters, and what their learning rate is multiplied by.
        problems: What is wrong with the keys that its class does not get; told when classes are
            checked.
    """

    target: Target
    decay: WeightDecaySection
    factors: tuple[tuple[str, float], ...] = ()
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, plain: Plain) -> OptimizerSection:
        """Read the section.

        Args:
            plain: The mapping of the optimizer.
        """
        reader = Reader(plain, "optimizer.")
        decay = reader.section(WeightDecaySection)
        factors = reader.section(RateSection).learning_rate_factors or ()
        target = Target.of_group("optimizer", plain, CONSUMED)
        return cls(target, decay, factors, tuple(reader.problems))
