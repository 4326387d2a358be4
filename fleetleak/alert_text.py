"""The text of an alert for people: what leaks and how bad it is, in one line, and what to do first.

Times in a record are absolute, so the line stays true. A command that prints an alert asks for the line as of
now.
"""

from __future__ import annotations

from fleetleak.records import Alert
from fleetleak.text import duration, moment, rate, size

_LONGEST = 1024


def summary(alert: Alert, as_of: float | None = None) -> str:
    """Return one line: what leaks, how fast, and when it ends; for a resolved alert, in the past tense.

    Parameters
    ----------
    as_of
        Unix seconds: times in the text are relative to it. With None they are absolute.
    """
    over = alert.state == "resolved"
    said = _ended(alert) if over else f"{_grows(alert, as_of)}; {_ending(alert, as_of)}"
    if alert.news and as_of is None:
        said = f"{alert.news}; {said}"
    return said[:_LONGEST]


def _grows(alert: Alert, as_of: float | None) -> str:
    said = f"{_name(alert)} grows"
    if alert.trend is not None:
        said += f" {rate(alert.trend.growth, _seen(alert))}"
    if alert.alive > 1:
        said += f" in {alert.affected} of {alert.alive} instances"
    if alert.onset is not None:
        said += f" since {moment(alert.onset)}" if as_of is None else f" for {duration(as_of - alert.onset)}"
    return said


def _ended(alert: Alert) -> str:
    said = f"{_name(alert)} grew"
    if alert.trend is not None:
        said += f" {rate(alert.trend.growth, _seen(alert))}"
    if alert.onset is not None:
        said += f" from {moment(alert.onset)} to {moment(alert.time, beside=alert.onset)}"
    return f"{said}; over: {alert.closed_by or 'it stopped'}"


def _name(alert: Alert) -> str:
    return alert.service + (f" {alert.version}" if alert.version else "")


def _seen(alert: Alert) -> float:
    window = alert.trend.window if alert.trend is not None else 0.0
    return max(window, 0.0 if alert.onset is None else alert.time - alert.onset)


def _ending(alert: Alert, as_of: float | None) -> str:
    forecast = alert.forecast
    if forecast is None:
        return "no forecast"
    name = f"{forecast.limit_name} of {size(forecast.limit)}"
    if forecast.limit_used >= forecast.limit:
        return f"{name} is reached"
    low, middle, high = forecast.eta_low, forecast.eta, forecast.eta_high
    if as_of is None:
        return f"reaches {name} on {moment(middle)} ({moment(low, middle)} to {moment(high, middle)})"
    if middle <= as_of:
        return f"was to reach {name} {duration(as_of - middle)} ago"
    left = [duration(max(0.0, time - as_of)) for time in (middle, low, high)]
    return f"reaches {name} in {left[0]} ({left[1]} to {left[2]})"


def recommendation(alert: Alert) -> str:
    """Return what to do first, in one line."""
    if alert.state == "resolved":
        return f"nothing to do now; if it was no leak: fleetleak label {alert.service} not-a-leak"[:_LONGEST]
    forecast, trend = alert.forecast, alert.trend
    if alert.kind == "fragmentation":
        first = "memory is held in fragments: try another allocator or its trim setting before hunting a leak"
    elif alert.urgency == "now":
        first = f"restart {alert.instance} as soon as its work allows; take a heap profile first if you can"
    else:
        first = f"take a heap profile of {alert.instance} now and one later, and compare"
    if forecast is not None and trend is not None and trend.growth > 0:
        bought = duration(0.25 * forecast.limit / trend.growth)
        first += f"; raising {forecast.limit_name} by a quarter buys about {bought}"
    return first[:_LONGEST]
