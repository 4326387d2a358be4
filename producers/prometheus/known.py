"""What the labels of infos tell of one thing, such as the owner of a pod."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct, field

from producers.prometheus.preset import Labels


class Known(Struct, array_like=True):
    """The labels of infos on one thing, and when they were there last, unix seconds."""

    labels: dict[str, str] = field(default_factory=dict)
    at: float = -math.inf

    def take(self, keeps: Iterable[str], agree: Iterable[str], labels: Labels, at: float) -> None:
        """Take labels: of `keeps` the first value stays; of `agree` none does where two differ."""
        self.at = max(self.at, at)
        for name in keeps:
            if labels.get(name):
                self.labels.setdefault(name, labels[name])
        for name in agree:
            if labels.get(name) and self.labels.setdefault(name, labels[name]) != labels[name]:
                self.labels[name] = ""
