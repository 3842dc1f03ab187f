"""What a run writes down about itself before it trains, so that it can be reproduced."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from autrainer.config.hydra.snapshot import frozen_folders
from autrainer.data.file_handlers import AudioFileHandler
from autrainer.datasets.base import AbstractDataset
from autrainer.datasets.preprocessing import build_preprocessing
from autrainer.models.utils import create_model_inputs
from autrainer.runs.environment import save_hardware_info, save_requirements
from autrainer.runs.folder import Bookkeeping
from autrainer.runs.layout import (
    CONFIG_FILE,
    FILE_HANDLER_FILE,
    INFERENCE_TRANSFORM_FILE,
    MODEL_FILE,
    PREPROCESS_FILE_HANDLER_FILE,
    PREPROCESS_PIPELINE_FILE,
    SUMMARY,
    TARGET_TRANSFORM_FILE,
)
from autrainer.runs.model_summary import summarised, write_summary
from autrainer.runs.yaml.writing import write_yaml
from autrainer.transforms.compose import SmartCompose

log = logging.getLogger(__name__)


def record_config(bookkeeping: Bookkeeping, config: Mapping[str, Any]) -> None:
    """Write down the configuration as it was given: with it the run can be repeated."""
    bookkeeping.write(write_yaml, bookkeeping.output_directory / CONFIG_FILE, config)


def record_environment(bookkeeping: Bookkeeping) -> None:
    """Write down the machine and, in the background, the installed packages."""
    folder = bookkeeping.output_directory
    bookkeeping.write(save_hardware_info, folder)
    bookkeeping.background.submit(save_requirements, folder)


def record_objects(bookkeeping: Bookkeeping, model: Any, data: AbstractDataset) -> None:
    """Write the objects that inference needs, each as a YAML file that can be read back."""
    handler, pipeline = _raw_audio_pipeline(data)
    objects = {
        MODEL_FILE: model,
        TARGET_TRANSFORM_FILE: data.target_transform,
        INFERENCE_TRANSFORM_FILE: data.test_transform,
        FILE_HANDLER_FILE: data.file_handler,
        PREPROCESS_FILE_HANDLER_FILE: handler,
        PREPROCESS_PIPELINE_FILE: pipeline,
    }
    for filename, obj in objects.items():
        bookkeeping.save_audobject(obj, filename)


def record_model(bookkeeping: Bookkeeping, model: Any, batch: Any) -> int | None:
    """Write a summary of the model for a batch of one sample.

    Args:
        bookkeeping: Writes it.
        model: The model, on its device.
        batch: The batch, on the same device.

    Returns:
        Multiplications and additions of a forward pass of one sample; None if unknown.
    """
    inputs = create_model_inputs(model, batch)
    table = summarised(model, inputs)
    if table is None:
        return None
    bookkeeping.write(write_summary, table, bookkeeping.output_directory / SUMMARY)
    return int(table.total_mult_adds)


def _raw_audio_pipeline(data: AbstractDataset) -> tuple[Any, SmartCompose]:
    """File handler and transforms that lead from raw audio to the features of a dataset."""
    name = getattr(data, "features_subdir", None)
    own = data.file_handler, SmartCompose([])
    if isinstance(data.file_handler, AudioFileHandler) or name in (None, "", "default"):
        return own
    option = f"preprocessing/{name}"
    folder = next((folder for folder in frozen_folders() if option in folder.paths), None)
    if folder is None:
        return own
    return build_preprocessing(folder.parsed(option), option)
