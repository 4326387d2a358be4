"""The text of an alert for people: what leaks and how bad it is, in one line, and what to do first.

Times in a record are absolute, so the line stays true. A command that prints an alert asks for the line as of
now.
"""

from __future__ import annotations

import msgspec

from fleetleak.records import Alert
from fleetleak.records.types import MOST_TEXT
from fleetleak.text import duration, moment, rate, size

MOST_SUMMARY = 120
"""The longest summary of a record: it fits in the title of a message or the subject of a mail."""
# What is left out, one after the other, until a summary is short enough.
_LEFT_OUT = ("interval", "instances", "version", "onset")


def summary(alert: Alert, as_of: float | None = None) -> str:
    """Return one line: what leaks, how fast, and when it ends; for a resolved alert, in the past tense.

    Parameters
    ----------
    as_of
        Unix seconds: times in the text are relative to it. With None they are absolute, and the line has at
        most 120 characters.
    """
    if as_of is not None:
        return _line(alert, as_of, frozenset())[:MOST_TEXT]
    for count in range(len(_LEFT_OUT) + 1):
        said = _line(alert, None, frozenset(_LEFT_OUT[:count]))
        if len(said) <= MOST_SUMMARY:
            return said
    keep = max(8, len(alert.service) - (len(said) - MOST_SUMMARY))
    short = msgspec.structs.replace(alert, service=cut(alert.service, keep))
    return cut(_line(short, None, frozenset(_LEFT_OUT)), MOST_SUMMARY)


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters: its middle is left out.

    Examples
    --------
    >>> cut("namespace/workload/container", 15)
    'namespa…ntainer'
    """
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[len(text) - end :]}"


def _line(alert: Alert, as_of: float | None, without: frozenset[str]) -> str:
    if alert.state == "resolved":
        return _ended(alert, without)
    if alert.state == "stale":
        return f"{_name(alert, without)} has sent no data since {moment(alert.time)}; it grew{_rate(alert)}"
    if alert.trend is None:
        return f"{_name(alert, without)}: {alert.news or 'it restarted, and is watched'}"
    return f"{_grows(alert, as_of, without)}; {_ending(alert, as_of, without)}"


def _grows(alert: Alert, as_of: float | None, without: frozenset[str]) -> str:
    said = f"{_name(alert, without)} grows{_rate(alert)}"
    if alert.alive > 1:
        said += f" in {alert.affected} of {alert.alive}" + ("" if "instances" in without else " instances")
    if alert.onset is not None and "onset" not in without:
        said += f" since {moment(alert.onset)}" if as_of is None else f" for {duration(as_of - alert.onset)}"
    return said


def _ended(alert: Alert, without: frozenset[str]) -> str:
    said = f"{_name(alert, without)} grew{_rate(alert)}"
    if alert.onset is not None and "onset" not in without:
        said += f" from {moment(alert.onset)} to {moment(alert.time, beside=alert.onset)}"
    return f"{said}; over: {alert.closed_by or 'it stopped'}"


def _name(alert: Alert, without: frozenset[str]) -> str:
    return alert.service + (f" {alert.version}" if alert.version and "version" not in without else "")


def _rate(alert: Alert) -> str:
    return "" if alert.trend is None else f" {rate(alert.trend.growth, seen(alert))}"


def seen(alert: Alert) -> float:
    """Return for how long the growth of an alert was seen, in seconds: it decides the unit of rates."""
    window = alert.trend.window if alert.trend is not None else 0.0
    return max(window, 0.0 if alert.onset is None else alert.time - alert.onset)


def _ending(alert: Alert, as_of: float | None, without: frozenset[str]) -> str:
    forecast = alert.forecast
    if forecast is None:
        return "no forecast"
    name = f"{forecast.limit_name} of {size(forecast.limit)}"
    if forecast.limit_used >= forecast.limit:
        return f"{name} is reached"
    low, middle, high = forecast.eta_low, forecast.eta, forecast.eta_high
    if as_of is None:
        interval = "" if "interval" in without else f" ({moment(low, middle)} to {moment(high, middle)})"
        return f"reaches {name} on {moment(middle)}{interval}"
    if middle <= as_of:
        return f"was to reach {name} {duration(as_of - middle)} ago"
    left = [duration(max(0.0, time - as_of)) for time in (middle, low, high)]
    return f"reaches {name} in {left[0]} ({left[1]} to {left[2]})"


def recommendation(alert: Alert) -> str:
    """Return what to do first, in one line."""
    if alert.state == "resolved":
        return f"nothing to do now; if it was no leak: fleetleak label {alert.service} not-a-leak"[:MOST_TEXT]
    forecast, trend = alert.forecast, alert.trend
    if alert.kind == "fragmentation":
        first = "memory is held in fragments: try another allocator or its trim setting before hunting a leak"
    elif alert.urgency == "now":
        first = f"restart {alert.instance} as soon as its work allows; take a heap profile first if you can"
    else:
        first = f"take a heap profile of {alert.instance} now and one later, and compare"
    if alert.suspect is not None:
        first = f"it began with version {alert.suspect}: roll it back if you can; {first}"
    if forecast is not None and trend is not None and trend.growth > 0:
        bought = duration(0.25 * forecast.limit / trend.growth)
        first += f"; raising {forecast.limit_name} by a quarter buys about {bought}"
    return first[:MOST_TEXT]
