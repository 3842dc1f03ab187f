"""The Hydra callback that earlier configurations name."""

from __future__ import annotations

from hydra.experimental.callback import Callback


class ConfigDirSnapshot(Callback):
    """Does nothing: configurations are frozen in memory, see `autrainer.config.hydra.snapshot`.

    It exists so that configurations that list it under `hydra.callbacks` compose as they are.
    """
