"""The plots of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from autrainer.config.plain import Plain


@dataclass(frozen=True)
class PlottingSection:
    """How plots look.

    Args:
        is_on: Whether there are any.
        arguments: What the class that draws them gets.
    """

    is_on: bool = False
    arguments: Plain = field(default_factory=dict)

    @classmethod
    def read(cls, plain: Plain) -> PlottingSection:
        """Read the section.

        Args:
            plain: The mapping of the plots; an empty one means none.
        """
        arguments = {name: v for name, v in plain.items() if name not in ("id", "_target_")}
        return cls(bool(plain), arguments)
