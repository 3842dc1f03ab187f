"""The base of our objects that audobject writes too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import audobject

from autrainer.runs.objects import class_key


class AddressedObject(audobject.Object):  # type: ignore[misc]
    """An object that audobject writes under the public address of its class, as we do.

    Equality and `id` of objects follow from what is written; they outlast a move of the class too.
    """

    def to_dict(
        self, *, include_version: bool = True, flatten: bool = False, root: str | None = None
    ) -> Mapping[str, Any]:
        """See `audobject.Object.to_dict`."""
        described: Mapping[str, Any] = super().to_dict(
            include_version=include_version, flatten=flatten, root=root
        )
        if flatten:
            return described
        (arguments,) = described.values()
        return {class_key(type(self), include_version=include_version): arguments}
