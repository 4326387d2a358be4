"""What an alert says to people: one line of what and how bad, one of what to do first."""

from __future__ import annotations

from fleetleak.records import Score

_MIB = 2**20


def duration(seconds: float) -> str:
    """Give a length of time in its two largest fitting units.

    Examples
    --------
    >>> [duration(s) for s in (42, 600, 9000, 400000)]
    ['42 s', '10 min', '2.5 h', '4.6 d']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} d"


def summary(score: Score, affected: int, known: int) -> str:
    """Say what leaks, how fast, and when it ends, in one line."""
    said = score.service + (f" {score.version}" if score.version else "")
    if score.trend is not None:
        said += f" grows {score.trend.growth * 3600 / _MIB:+,.1f} MiB/h"
    if known > 1:
        said += f" in {affected} of {known} instances"
    if score.onset is not None:
        said += f" since {duration(score.time - score.onset)}"
    return f"{said}; {_ending(score)}"


def _ending(score: Score) -> str:
    forecast = score.forecast
    if forecast is None:
        return "no forecast"
    low, middle, high = (duration(max(0.0, t - score.time)) for t in _times(score))
    return f"{forecast.limit_name} of {forecast.limit / _MIB:,.0f} MiB in {middle} ({low} to {high})"


def _times(score: Score) -> tuple[float, float, float]:
    forecast = score.forecast
    return (forecast.eta_low, forecast.eta, forecast.eta_high) if forecast else (0.0, 0.0, 0.0)


def recommendation(score: Score) -> str:
    """Say what to do first."""
    forecast, trend = score.forecast, score.trend
    if score.kind == "fragmentation":
        first = "memory is held in fragments: try another allocator or its trim setting before hunting a leak"
    elif forecast is not None and forecast.eta_low - score.time < 3600:
        first = f"restart {score.instance} in a quiet moment now; take a heap profile first if you can"
    else:
        first = f"take a heap profile of {score.instance} now and one later, and compare"
    if forecast is None or trend is None or trend.growth <= 0:
        return first
    bought = 0.25 * forecast.limit / trend.growth
    return f"{first}; raising {forecast.limit_name} by a quarter buys about {duration(bought)}"
