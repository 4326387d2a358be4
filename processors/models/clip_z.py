"""A River transformer that limits standardised features."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from river import base


class ClipZ(base.Transformer):
    """Clips every feature to `[-limit, limit]`; place it behind a scaler.

    A scaler does not limit its values. A step after a quiet phase becomes thousands of standard deviations,
    and gradient descent diverges. Do not use it on features that are not standardised.

    Examples
    --------
    >>> ClipZ(5).transform_one({"x": 1000.0, "y": -0.5})
    {'x': 5, 'y': -0.5}
    """

    def __init__(self, limit: float = 5.0) -> None:
        self.limit = limit

    def transform_one(self, x: dict[Hashable, Any]) -> dict[Hashable, Any]:
        return {name: max(min(value, self.limit), -self.limit) for name, value in x.items()}
