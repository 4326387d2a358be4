"""The text of an alert is true at any time it is read."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from fleetleak.alert_text import recommendation, summary
from fleetleak.records import Alert, Forecast, Trend

HOUR, GIB = 3600.0, 2**30
NOW = 1790013260.0


def _alert(**fields: Any) -> Alert:
    alert = Alert(
        key="shop/cart@1", state="firing", service="shop/cart", instance="node-a/1", time=NOW, since=NOW,
        severity="high", certainty="sure", kind="linear", confidence=0.9, summary="", recommendation="",
        onset=NOW - 2 * HOUR,
        affected=1, alive=2, version="1.4.2", urgency="today",
        trend=Trend(
            growth=20000.0, growth_low=19000.0, growth_high=21000.0, window=7200.0, rise=1.4e8, level=2e8,
            strength=0.99,
        ),
        forecast=Forecast(
            eta=NOW + 4 * HOUR, eta_low=NOW + 2 * HOUR, eta_high=NOW + 6 * HOUR, limit=GIB // 2,
            limit_name="memory.max", limit_used=1,
        ),
    )  # fmt: skip
    return replace(alert, **fields)


def test_times_in_the_record_are_absolute() -> None:
    assert summary(_alert()) == (
        "shop/cart 1.4.2 grows 69 MiB/h in 1 of 2 since 21 Sep 15:54 UTC;"
        " reaches memory.max of 512 MiB on 21 Sep 21:54 UTC"
    )
    assert summary(_alert(alive=1, version=None)).endswith("on 21 Sep 21:54 UTC (19:54 to 23:54)")


def test_a_summary_fits_in_a_title() -> None:
    for service in ("s", "namespace/a-long-workload-name/container", "x" * 256):
        for over in (
            _alert(service=service),
            _alert(service=service, state="stale"),
            _alert(service=service, state="resolved", closed_by="y" * 300),
        ):
            assert len(summary(over)) <= 120, summary(over)
    said = summary(_alert(service="x" * 256))
    assert "reaches memory.max of 512 MiB on 21 Sep 21:54 UTC" in said


def test_whoever_prints_it_later_tells_times_as_they_are_then() -> None:
    assert summary(_alert(), NOW + HOUR) == (
        "shop/cart 1.4.2 grows 69 MiB/h in 1 of 2 instances for 3 h;"
        " reaches memory.max of 512 MiB in 3 h (60 min to 5 h)"
    )
    assert summary(_alert(), NOW + 5 * HOUR).endswith("was to reach memory.max of 512 MiB 60 min ago")


def test_what_is_over_says_what_was_and_forecasts_nothing() -> None:
    over = _alert(state="resolved", closed_by="growth stopped", forecast=None, time=NOW + HOUR)
    assert summary(over) == (
        "shop/cart 1.4.2 grew 69 MiB/h from 21 Sep 15:54 UTC to 18:54; over: growth stopped"
    )
    assert recommendation(over).startswith("nothing to do now")


def test_a_limit_without_room_is_reached() -> None:
    forecast = _alert().forecast
    assert forecast is not None
    full = _alert(forecast=replace(forecast, limit_used=GIB))
    assert summary(full).endswith("memory.max of 512 MiB is reached")


def test_what_to_do_goes_by_urgency_and_kind() -> None:
    assert "as soon as its work allows" in recommendation(_alert(urgency="now"))
    assert "take a heap profile of node-a/1" in recommendation(_alert())
    assert "roll it back" in recommendation(_alert(suspect="1.4.2"))
    assert "allocator" in recommendation(_alert(kind="fragmentation"))
    assert "raising memory.max by a quarter buys about 1.9 h" in recommendation(_alert())
