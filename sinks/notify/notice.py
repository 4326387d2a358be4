"""A notice from an alert or a storm: one line, and the facts in the order in which people need them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from fleetleak.alert_text import seen
from fleetleak.records import Alert
from fleetleak.text import moment, rate, size
from sinks.notify import words
from sinks.notify.naming import picture_name
from sinks.notify.notifier import Notice
from sinks.notify.storm import Storm, StormState

_LONGEST_TITLE = 120
_LONGEST_NAME = 40
_SHOWN_INSTANCES = 3
Fact = tuple[str, str]


def alert_notice(
    alert: Alert, ref: str | None = None, public_url: str | None = None, test: bool = False
) -> Notice:
    """Return the notice of one alert.

    Parameters
    ----------
    ref
        What the target called the notice before.
    public_url
        Where pictures are served, if anywhere.
    test
        Whether it is only a test.
    """
    title = words.cut(words.one_line(alert.summary), _LONGEST_TITLE)
    return Notice(
        key=alert.key, state=alert.state, severity=alert.severity, title=title,
        facts=tuple(_facts(alert)), alert=alert, picture_url=_picture(alert, public_url), ref=ref, test=test,
    )  # fmt: skip


def storm_notice(storm: Storm, state: StormState) -> Notice:
    """Return the notice of a storm."""
    # What one of its alerts says of itself alone is not said of the storm.
    first = replace(storm.alert, news=None, closed_by=None, confirmed_by=[], runbook=None, history=None)
    return Notice(
        key=storm.key, state=state, severity=storm.severity, title=_storm_title(storm, state),
        facts=tuple(_storm_facts(storm, state)), alert=first, services=storm.services, ref=storm.ref,
    )  # fmt: skip


def _picture(alert: Alert, public_url: str | None) -> str | None:
    if public_url is None:
        return None
    return f"{public_url.rstrip('/')}/pictures/{picture_name(alert.key)}.png"


def _facts(alert: Alert) -> Iterator[Fact]:
    yield "severity", f"{alert.severity}, {alert.certainty}, act {alert.urgency}"
    yield "kind", _growth(alert)
    yield "scope", _scope(alert)
    yield "since", _since(alert)
    if alert.forecast is not None:
        yield "limit", _limit(alert)
    if alert.suspect is not None:
        yield "suspect", _suspect(alert)
    if alert.restarts > 0:
        yield "restarts", str(alert.restarts)
    if alert.news is not None:
        yield "news", alert.news
    for reason in alert.reasons[:3]:
        yield "because", reason
    yield "do", alert.recommendation
    if alert.runbook is not None:
        yield "runbook", alert.runbook
    yield "explain", words.explain(alert)
    if alert.closed_by is not None:
        yield "closed", alert.closed_by


def _growth(alert: Alert) -> str:
    trend = alert.trend
    if trend is None:
        return f"{alert.kind} growth"
    middle, low, high = (
        rate(value, seen(alert)) for value in (trend.growth, trend.growth_low, trend.growth_high)
    )
    units = {text.partition(" ")[2] for text in (middle, low, high)}
    if len(units) == 1:
        # The unit is said once.
        low, high = low.partition(" ")[0], high.partition(" ")[0]
    return f"{alert.kind} growth of {middle} ({low} to {high})"


def _scope(alert: Alert) -> str:
    names = alert.instances or [alert.instance]
    shown = [words.cut(name, _LONGEST_NAME) for name in names[:_SHOWN_INSTANCES]]
    more = alert.affected - len(shown)
    said = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    return f"{alert.affected} of {alert.alive} {'instance' if alert.alive == 1 else 'instances'}; {said}"


def _since(alert: Alert) -> str:
    if alert.onset is None:
        return moment(alert.since)
    if alert.onset_low is None or alert.onset_high is None:
        return moment(alert.onset)
    low, high = (moment(time, beside=alert.onset) for time in (alert.onset_low, alert.onset_high))
    return f"{moment(alert.onset)} ({low} to {high})"


def _limit(alert: Alert) -> str:
    forecast = alert.forecast
    assert forecast is not None  # noqa: S101 - asked by the caller
    name = f"{forecast.limit_name} of {size(forecast.limit)}"
    if forecast.limit_used >= forecast.limit:
        return f"{name} is reached"
    low, high = (moment(time, beside=forecast.eta) for time in (forecast.eta_low, forecast.eta_high))
    return f"{name} on {moment(forecast.eta)} ({low} to {high})"


def _suspect(alert: Alert) -> str:
    said = f"version {alert.suspect}"
    if alert.growth_before is None:
        return said
    return f"{said}; before it {rate(alert.growth_before, seen(alert))}"


def _storm_title(storm: Storm, state: StormState) -> str:
    count = len(storm.services)
    over = state == "resolved"
    verb = "leaked" if over else "leaks" if count == 1 else "leak"
    whose = f"{count} {'service' if count == 1 else 'services'}"
    head = f"{whose} {verb} since release {words.cut(storm.version, 40)}"
    if over:
        return f"{head}: over"
    # As many names as fit.
    for shown in range(min(count, 2), 0, -1):
        names = ", ".join(storm.services[:shown])
        title = f"{head}: {names}" + (f" and {count - shown} more" if count > shown else "")
        if len(title) <= _LONGEST_TITLE:
            return title
    return words.cut(head, _LONGEST_TITLE)


def _storm_facts(storm: Storm, state: StormState) -> Iterator[Fact]:
    yield "severity", storm.severity
    yield "since", moment(storm.since)
    yield "suspect", f"version {storm.version}"
    if state == "resolved":
        yield "closed", "every alert of it is over"
    else:
        yield "do", f"find what version {storm.version} changed in all of them; roll it back if you can"
