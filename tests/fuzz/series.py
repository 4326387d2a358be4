"""Series that leak, so that roles publish, with odd values in fields that do not decide about it."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from fleetleak.records import Forecast, Score, Snapshot, Trend, encode
from fleetleak.stream import Record
from tests.unit.strategies import values

MIB = 2**20
BEGINS = st.sampled_from([0.0, 1_790_000_000.0, 1e11 - 1e6])
names = st.sampled_from(["s", "x" * 256, "\U0001f600" * 256, "a@b", "\n\x00\x1b[0m", "null"]) | st.text(
    min_size=1, max_size=20
)


def fields(kind: type[msgspec.Struct], without: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return some optional fields of a record."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    optional = {f.name: values(f.type) for f in info.fields if not f.required and f.name not in without}
    return st.fixed_dictionaries({}, optional=optional)


def records(written: list[Any]) -> list[Record]:
    """Return input records of a partition that is set later; the broker's clock is far ahead."""
    return [Record(0, n, one.service.encode(), encode(one), 1e11) for n, one in enumerate(written)]


@st.composite
def snapshots(draw: st.DrawFn) -> list[Record]:
    """Return snapshots of a leaking service; some fields, always or at times, are anywhere in their range."""
    service, instances = draw(names), draw(st.lists(names, min_size=1, max_size=2, unique=True))
    always = draw(st.just({}) | fields(Snapshot, {"used", "anon"}))
    sometimes = dict(draw(st.lists(st.tuples(st.integers(0, 119), fields(Snapshot, {"labels"})), max_size=3)))
    begin, interval = draw(BEGINS), draw(st.sampled_from([1.0, 30.0, 60.0, 3600.0]))
    series = []
    for tick in range(120):
        used = (200 + 3 * tick + tick % 3) * MIB
        limits = {"total": 2**34, "limit": 2**30, "limit_name": "memory.max", "limit_used": used}
        more = limits | always | {"used": used, "anon": used} | sometimes.get(tick, {})
        for instance in instances:
            one = {"service": service, "instance": instance, "timestamp": begin + interval * tick}
            series.append(Snapshot(**(more | one)))
    return records(series)


TRENDS = st.builds(
    Trend,
    growth=st.sampled_from([MIB / 60, -1.0, 5e-324, 1.7e308]),
    growth_low=st.just(0.0),
    growth_high=st.just(1.7e308),
    window=st.sampled_from([600.0, 0.0, 1.7e308]),
    rise=st.sampled_from([50.0 * MIB, 1.7e308]),
    level=st.sampled_from([1e8, -1.7e308]),
    strength=st.just(0.9),
)


@st.composite
def scores(draw: st.DrawFn) -> list[Record]:
    """Return scores that lead to an alert, of one or two instances of a service."""
    service, instances = draw(names), draw(st.lists(names, min_size=1, max_size=2))
    begin = draw(BEGINS)
    series = []
    for tick in range(draw(st.integers(2, 6))):
        base: dict[str, Any] = {
            "kind": draw(st.sampled_from(["linear", "fragmentation"])),
            "confidence": draw(st.sampled_from([0.9, 0.9, 0.9, 0.0])),
            "trend": draw(TRENDS),
            "forecast": draw(st.none() | values(inspect.type_info(Forecast))),
        }
        more = base | draw(st.just({}) | fields(Score, {*base, "restarted", "oom_kills"}))
        instance = draw(st.sampled_from(instances))
        place = {"time": begin + 60.0 * tick, "input_partition": 0, "input_offset": tick}
        series.append(Score(service=service, instance=instance, **(more | place)))
    return records(series)
