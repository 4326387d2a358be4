"""A made-up alert with every field, to try a target with."""

from __future__ import annotations

from fleetleak.records import Alert, Forecast, Trend
from fleetleak.records.alert import History
from sinks.notify.notice import alert_notice
from sinks.notify.notifier import Notice

_MIB = 2**20
_HOUR = 3600.0
_POINTS = 32


def sample(now: float, public_url: str | None = None) -> Notice:
    """Return a notice that says that it is a test, of an alert that began two hours before `now`."""
    return alert_notice(_alert(now), None, public_url, test=True)


def _alert(now: float) -> Alert:
    begin, growth, limit = now - 2 * _HOUR, 68 * _MIB / _HOUR, 512 * _MIB
    used = 300 * _MIB
    times = [begin + 2 * _HOUR * n / (_POINTS - 1) for n in range(_POINTS)]
    return Alert(
        key=f"fleetleak/test/{int(now)}", state="firing", service="fleetleak/test",
        instance="test-host/0123456789ab", instances=["test-host/0123456789ab"], time=now, since=now - _HOUR,
        severity="low", certainty="sure", urgency="today", rule="test", threshold=0.8, kind="linear",
        confidence=0.93, restarts=1, news="this is a test: nothing leaks",
        summary="fleetleak/test grows 68 MiB/h; this is a test and needs no action",
        recommendation="nothing: the target works if you read this", runbook="https://example.com/runbook",
        affected=1, alive=2, onset=begin, onset_low=begin - 600, onset_high=begin + 600,
        labels={"team": "test"}, host="test-host", scope="container", environment="test", version="1.4.2",
        suspect="1.4.2", growth_before=_MIB / _HOUR, used=used, total=4096 * _MIB, memory=used, limit=limit,
        limit_name="memory.max", stalled=0.01,
        eta=now + 3.1 * _HOUR, eta_low=now + 2.8 * _HOUR, eta_high=now + 3.6 * _HOUR,
        forecast=Forecast(
            eta=now + 3.1 * _HOUR, eta_low=now + 2.8 * _HOUR, eta_high=now + 3.6 * _HOUR, limit=limit,
            limit_name="memory.max", limit_used=used,
        ),
        trend=Trend(
            growth=growth, growth_low=growth * 67 / 68, growth_high=growth * 69 / 68, window=2 * _HOUR,
            end=now, rise=2 * _HOUR * growth, level=float(used), strength=0.99,
        ),
        reasons=["the growth explains 99 % of the movement", "it began with version 1.4.2"],
        turning_point="memory rose through a restart",
        history=History(times=times, memory=[int(used - (now - time) * growth) for time in times]),
    )  # fmt: skip
