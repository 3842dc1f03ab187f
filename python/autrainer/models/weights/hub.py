"""Models of transformers: by a name of the Hugging Face hub, a folder, or a configuration.

No code of the hub is executed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from torch import nn

from autrainer.errors import ConfigError, DownloadError
from autrainer.models.weights.known import ARCHITECTURES
from autrainer.runs.transformers_library import import_transformers, repository_of
from autrainer.runs.web.refusal import refuse_download

log = logging.getLogger(__name__)

FRESH = ("*masked_spec_embed", "*pooler.*", "*adapter*")
"""What an encoder may have and its published weights not: nothing of it is in the embeddings."""
NUM_SHOWN = 5


def build_hub_model(
    name: str,
    needed_by: str,
    *,
    transfer: bool,
    config: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Any:
    """A model of transformers, without a head.

    Without `transfer` the network is asked for nothing where the architecture is known: given as a
    configuration, in a folder, or that of a name in `known.py`.

    Args:
        name: Name in the hub, `name@revision`, or a folder; with a configuration it is not used.
        needed_by: Class that needs the model, for messages.
        transfer: Take the weights, too; otherwise they are random.
        config: Configuration as `config.json` has it, with `model_type`.
        **changes: Values that replace those of the configuration.

    Raises:
        ConfigError: if weights are missing, the configuration is none, or the model comes with
            code of its own.
        DownloadError: if the hub does not give it.
        MissingExtraError: if transformers is not installed.
    """
    transformers = import_transformers(needed_by)
    with _quiet(transformers):
        if transfer:
            return _pretrained(transformers, name, changes)
        found = _configuration(transformers, name, config)
        for key, value in changes.items():
            setattr(found, key, value)
        return transformers.AutoModel.from_config(found, trust_remote_code=False)


def plain_config(model: nn.Module) -> dict[str, Any]:
    """The configuration of a model of transformers, as far as it differs from its class."""
    config: Any = model.config
    found: dict[str, Any] = json.loads(config.to_json_string(use_diff=True))
    found["model_type"] = config.model_type
    for key in ("transformers_version", "_name_or_path", "architectures", "auto_map"):
        found.pop(key, None)
    return found


def _configuration(transformers: Any, name: str, config: Mapping[str, Any] | None) -> Any:
    if config is None and not Path(name).is_dir():
        config = ARCHITECTURES.get(name.partition("@")[0])
    if config is None:
        with _from_hub(name):
            place, revision = repository_of(name)
            return transformers.AutoConfig.from_pretrained(
                place, **revision, trust_remote_code=False
            )
    given = dict(config)
    kind = given.pop("model_type", None)
    try:
        return transformers.AutoConfig.for_model(kind, **given)
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"model.config describes no model of transformers (model_type: {kind!r}): {error}"
        ) from error


def _pretrained(transformers: Any, name: str, changes: Mapping[str, Any]) -> Any:
    with _from_hub(name):
        place, revision = repository_of(name)
        model, told = transformers.AutoModel.from_pretrained(
            place,
            **revision,
            trust_remote_code=False,
            output_loading_info=True,
            **changes,
        )
    missing = [
        key
        for key in (*told["missing_keys"], *(entry[0] for entry in told["mismatched_keys"]))
        if not any(fnmatchcase(key, pattern) for pattern in FRESH)
    ]
    if missing:
        shown = ", ".join(sorted(missing)[:NUM_SHOWN])
        raise ConfigError(
            f"{name} has no weights for {type(model).__name__}: {shown}, {len(missing)} in all"
        )
    log.info(
        "%s starts from %s; as initialised: %s; not needed: %s",
        type(model).__name__,
        name,
        ", ".join(sorted(told["missing_keys"])) or "none",
        ", ".join(sorted(told["unexpected_keys"])[:NUM_SHOWN]) or "none",
    )
    return model


@contextmanager
def _from_hub(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        refuse_download(repr(name))
        reason = " ".join(str(error).split())
        raise DownloadError(
            f"{name!r} did not come from the Hugging Face hub ({reason[:300]}); a folder with "
            "config.json and the weights works too"
        ) from error
    except ValueError as error:
        reason = " ".join(str(error).split()).partition(" You can")[0]
        raise ConfigError(
            f"{name!r} is no model that transformers has itself, and code of others is not "
            f"executed: {reason[:300]}"
        ) from error


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep the tables and bars of transformers off the terminal: we log what they tell."""
    logging_ = transformers.utils.logging
    level, has_bars = logging_.get_verbosity(), logging_.is_progress_bar_enabled()
    logging_.set_verbosity_error()
    logging_.disable_progress_bar()
    try:
        yield
    finally:
        logging_.set_verbosity(level)
        if has_bars:
            logging_.enable_progress_bar()
