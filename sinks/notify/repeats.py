"""Notices that must be sent again and again, or their target takes them for over."""

from __future__ import annotations

import math
import threading
from typing import NamedTuple

from sinks.notify.notifier import Notice

_RESOLVED_SECONDS = 300.0
STORMS = -1
"""Stands for the partition of storms, which belong to none."""


class _Repeat(NamedTuple):
    notice: Notice
    partition: int
    at: float
    until: float


class Repeats:
    """The notices of one target that stand, and those that were resolved in the last five minutes.

    Times are monotonic seconds. Several threads may use it.
    """

    def __init__(self, every_seconds: float) -> None:
        self._every_seconds = every_seconds
        self._lock = threading.Lock()
        self._repeats: dict[str, _Repeat] = {}

    def put(self, notice: Notice, partition: int, now: float, at_once: bool = False) -> None:
        """Take a notice that was just sent; with `at_once` one that was sent in an earlier life."""
        until = now + _RESOLVED_SECONDS if notice.state == "resolved" else math.inf
        at = now if at_once else now + self._every_seconds
        with self._lock:
            self._repeats[notice.key] = _Repeat(notice, partition, at, until)

    def drop(self, partition: int) -> None:
        """Forget the notices of a partition that was given up."""
        with self._lock:
            self._repeats = {k: one for k, one in self._repeats.items() if one.partition != partition}

    def keep_storms(self, keys: list[str]) -> None:
        """Forget the storms that are not among these."""
        with self._lock:
            self._repeats = {
                key: one
                for key, one in self._repeats.items()
                if one.partition != STORMS or one.notice.state == "resolved" or key in keys
            }

    def due(self, now: float) -> list[Notice]:
        """Return what is due, the longest overdue first: a slow target must not starve the last ones."""
        with self._lock:
            self._repeats = {key: one for key, one in self._repeats.items() if one.until > now}
            due = sorted((one for one in self._repeats.values() if one.at <= now), key=lambda one: one.at)
            return [one.notice for one in due]

    def tried(self, notice: Notice, now: float, again: bool) -> None:
        """Note that a notice was tried; with `again` it stays due, behind the others."""
        with self._lock:
            one = self._repeats.get(notice.key)
            # A newer one may have taken its place.
            if one is not None and one.notice is notice:
                self._repeats[notice.key] = one._replace(at=now if again else now + self._every_seconds)
