"""The protocol of a collector."""

from __future__ import annotations

from typing import ClassVar, Protocol

from producers.host.context import Context
from producers.host.tick import Tick


class NoData(Exception):
    """The host does not have what the collector reads."""


class Collector(Protocol):
    """Reads one kind of source and adds snapshots to the tick, or fills fields of those already there.

    The agent measures duration, success and errors; a collector writes no metrics or logs. It may
    raise NoData. A source that vanished or may not be read is skipped through the tick; it is not an error.

    Attributes
    ----------
    NAME
        The name in `producer.collectors`, in metrics and in logs.
    DEFAULT
        Whether it runs when `producer.collectors` is not set.
    """

    NAME: ClassVar[str]
    DEFAULT: ClassVar[bool]

    def __init__(self, context: Context) -> None: ...

    def collect(self, tick: Tick) -> None:
        """Measure, and add snapshots to the tick or fill fields of those in it."""
