"""The role that reads records of others and publishes readings, keyed by what they are about."""

from __future__ import annotations

import importlib

from fleetleak.observe import metrics
from fleetleak.records import Reading, Unreadable, encode_finite
from fleetleak.stream import Record
from fleetleak.stream.emit import Emit
from fleetleak.stream.keyed import Keyed, Nothing
from producers.bridge.collect import Collect
from producers.bridge.formats import FORMATS, Read


class Decode(Keyed[Collect, Nothing]):
    """A role without state: readings follow from one record alone.

    Parameters
    ----------
    name
        What the input's format is called.
    topic
        Where readings go.
    """

    NAME = "decode"

    def __init__(self, name: str, topic: str) -> None:
        super().__init__()
        self._read: Read = importlib.import_module(FORMATS[name]).read
        self._topic = topic

    def read(self, record: Record) -> Collect:
        """Return the points of a record of others.

        Raises
        ------
        Unreadable
            If it is none of its format.
        """
        if not record.value:
            raise Unreadable("empty", "the record has no value")
        collect = Collect()
        self._read(record.value, collect)
        return collect

    def step(self, state: Nothing | None, record: Collect, emit: Emit) -> None:
        """Publish the readings of one record."""
        readings = record.readings()
        for reading in readings:
            emit.rekeyed(self._topic, reading.thing.encode(), encode_finite(reading))
        _count(readings, record, emit)


def _count(readings: list[Reading], record: Collect, emit: Emit) -> None:
    presets = [reading.preset for reading in readings]
    for preset in dict.fromkeys(presets):
        emit.count(metrics.READINGS, preset, n=presets.count(preset))
    for reason, count in record.left.items():
        if count:
            emit.count(metrics.BRIDGE_LEFT_OUT, reason, n=count)
    if not readings and not record.left:
        emit.count(metrics.UNKNOWN_RECORDS)
