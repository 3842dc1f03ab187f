"""Constants under the address that existing projects import; they live in `config.constants`."""

from autrainer.config.constants import ExportConstants, NamingConstants, TrainingConstants

__all__ = ["ExportConstants", "NamingConstants", "TrainingConstants"]
