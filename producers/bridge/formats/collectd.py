"""JSON of collectd 5, as its plugin `write_kafka` writes it: an array of value lists, mostly of one.

Only gauges are of use here: a counter comes as a rate, unless `StoreRates` is off, and no record says so.

Source: collectd 5, `src/utils_format_json.c`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fleetleak.records import Unreadable
from producers.bridge.collect import Collect
from producers.bridge.formats.text import decoded, number
from producers.bridge.index import USES

_WHAT = "value lists of collectd"
_LABELS = ("host", "plugin_instance", "type_instance")
# Without a process of that name, the sum of their memory is 0: there is nothing that could leak.
_SUM_OF_PROCESSES = "collectd.processes.ps_rss"


class _List(msgspec.Struct):
    """One value list, or (`metrics`) a family of metrics, as collectd 6 writes it. Any field may be wrong."""

    values: Any = None
    time: Any = None
    host: Any = None
    plugin: Any = None
    plugin_instance: Any = None
    type: Any = None
    type_instance: Any = None
    metrics: Any = None


_JSON = msgspec.json.Decoder(list[_List])


def read(value: bytes, collect: Collect) -> None:
    """Give the points of one message to `collect`.

    Raises
    ------
    Unreadable
        If it has no value list.
    """
    every = decoded(_JSON, value, _WHAT)
    lists = [one for one in every if isinstance(one.values, list)]
    if every and not lists:
        raise _reason(every)
    for one in lists:
        _read(one, collect)


def _reason(families: list[_List]) -> Unreadable:
    if any(isinstance(one.metrics, list) for one in families):
        return Unreadable("wrong-version", "metrics of collectd 6: only the JSON of collectd 5 is read")
    return Unreadable("invalid", f"JSON, but not {_WHAT}")


def _read(one: _List, collect: Collect) -> None:
    name = f"collectd.{one.plugin}.{one.type}"
    uses = USES.get(name)
    if not uses:
        return
    labels = {label: text for label in _LABELS if isinstance(text := getattr(one, label), str)}
    # All types that are wanted have one value.
    measured = number(one.values[0] if one.values else None)
    if measured or name != _SUM_OF_PROCESSES:
        collect.add(uses, labels, number(one.time), measured)
