"""Labels of which there is only one: a model learns nothing, and every score is perfect."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


def warn_of_single_label(frame: pd.DataFrame, column: str | list[str], listing: Any) -> None:
    """Warn if all samples of the train split have the same label.

    Those of the other splits have it too then, since no other label is known.

    Args:
        frame: Rows of the train split.
        column: Column of the labels; tasks with several columns are passed over.
        listing: Where the rows come from.
    """
    if not isinstance(column, str) or column not in frame.columns:
        return
    labels = frame[column].unique().tolist()
    if len(labels) == 1:
        log.warning(
            "%s: all %d rows have the label %r in column %r, so that there is nothing to learn and "
            "every score is perfect; look whether this is the column that you mean",
            listing,
            len(frame),
            labels[0],
            column,
        )
