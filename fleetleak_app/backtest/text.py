"""A result for the terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from fleetleak import alert_text
from fleetleak.text import DAY, duration, moment
from fleetleak_app.backtest.result import OURS, Killed, Raised, Result
from fleetleak_app.backtest.watch import Point, Watched
from fleetleak_app.reading.notes import listed, printable
from fleetleak_app.tables import render, terminal_width

# Of the time that was asked for; and how many days show how a fleet behaves.
_MOST_OF_IT, _ENOUGH_DAYS = 0.9, 7
_SCALE = "an alert needs .5 or more"
_LOOKS = {
    "stable": "it does not grow",
    "saturating": "its growth levels off",
    "step": "it took one step and is level",
    "seasonal": "it follows the time of day",
    "load": "it follows the load",
}
_BARS = "▁▂▃▄▅▆▇█"
_WIDE = 60
_MOST_ALERTS, _MOST_SILENT, _MOST_KILLS = 30, 10, 20
_WIDTH, _TABLE_WIDTH = 100, 120
HEADS = ("", "times fired", "a week", "in 100 series-days", "time firing", "kills warned", "median lead")
COUNTED = (
    "What fires for several instances of a service counts once, for all detectors."
    " A lead counts within the run that was killed."
)


def lines(result: Result) -> Iterator[str]:
    """Yield the whole result, line by line."""
    for text in _texts(result):
        yield from map(printable, text.split("\n"))


def _texts(result: Result) -> Iterator[str]:
    yield from head(result)
    yield ""
    yield from _alerts(result)
    yield ""
    yield from _silent(result)
    yield ""
    yield from kills(result)
    yield ""
    yield from table(result)


def head(result: Result) -> Iterator[str]:
    """Yield what was read: from where, of which time, how much, and whether that is enough."""
    begin, end = result.data
    asked, days = result.whole.end - result.whole.begin, (end - begin) / DAY
    yield f"{result.source}: {moment(begin)} to {moment(end)}, every {result.whole.step:g} s"
    yield what(result)
    if end - begin < _MOST_OF_IT * asked:
        yield f"there is data of {duration(end - begin)} of the {duration(asked)} that were asked for"
    if days < _ENOUGH_DAYS:
        yield "little is known of a service in its first days: judge a fleet by two weeks or more"


def many(count: int, what: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> many(1, "host"), many(1200, "host"), many(0, "process")
    ('1 host', '1,200 hosts', '0 processes')
    """
    plural = "" if count == 1 else "es" if what.endswith("s") else "s"
    return f"{count:,} {what}{plural}"


def what(result: Result) -> str:
    """Return how much was read, and of what."""
    scopes = Counter(one.scope for one in result.watch)
    every = ", ".join(many(count, scope) for scope, count in scopes.items())
    services = len({one.service for one in result.watch if one.scope != "host"})
    days = f"{result.series_days:,.1f} series-days"
    return f"{result.samples:,} samples of {every}; {many(services, 'service')}, {days}"


def _alerts(result: Result) -> Iterator[str]:
    count = len(result.raised)
    if not count:
        yield "fleetleak would have raised no alert"
        return
    yield f"fleetleak would have raised {many(count, 'alert')}:"
    for one in result.raised[:_MOST_ALERTS]:
        yield ""
        yield from _alert(one)
    if count > _MOST_ALERTS:
        yield f"  and {count - _MOST_ALERTS} more (--json and --report have all of them)"


def _alert(one: Raised) -> Iterator[str]:
    yield f"  {headline(one)}"
    yield _wrapped(alert_text.summary(one.firing))
    if one.watched is not None and (points := one.watched.points()):
        yield f"    {sparkline(points, one.firing.time)}"
    yield _wrapped(aftermath(one))


def headline(one: Raised) -> str:
    """Return when an alert began, what it is about, and the time that was left."""
    alert = one.firing
    left = "no forecast"
    if alert.eta is not None and alert.eta_low is not None and alert.eta_high is not None:
        times = (alert.eta, alert.eta_low, alert.eta_high)
        middle, low, high = (duration(max(0.0, time - alert.time)) for time in times)
        left = f"{middle} left ({low} to {high})"
    worst, severity = one.worst, str(alert.severity)
    if worst.severity != alert.severity:
        severity += f" ({worst.severity} after {duration(worst.time - alert.time)})"
    return f"{moment(alert.time)}  {severity}  {alert.service}  {alert.kind}, {left}"


def aftermath(one: Raised) -> str:
    """Return what followed an alert."""
    said = []
    widest, times = one.widest, len(one.spans)
    if widest.affected > one.firing.affected:
        later = duration(widest.time - one.firing.time)
        said.append(f"in {widest.affected} of {widest.alive} instances after {later}")
    if one.kills:
        more = f", and {len(one.kills) - 1} more" if len(one.kills) > 1 else ""
        said.append(
            f"an OOM kill on {moment(one.kills[0])}, {duration(one.kills[0] - one.firing.time)} later{more}"
        )
    if times > 1:
        said.append(f"opened again {'once' if times == 2 else f'{times - 1} times'}")
    if one.ended is not None:
        why = f": {one.ended.closed_by}" if one.ended.closed_by else ""
        said.append(f"it ended on {moment(one.ended.time)}{why}")
    elif one.every[-1].state == "stale":
        said.append(f"its data ended on {moment(one.every[-1].time)}")
    else:
        said.append("it was firing still when the data ended")
    return f"then: {'; '.join(said)}"


def sparkline(points: Sequence[Point], at: float) -> str:
    """Return memory as a line of bars, the highest of each part, with a mark under which the alert began.

    Examples
    --------
    >>> sparkline([Point(float(t), t, t, 10.0) for t in range(8)], 6.0)
    '▁▃▆|█'
    """
    begin, end = points[0].time, points[-1].time
    width = max(1, min(_WIDE, len(points) // 2))  # the points come in pairs
    highest: list[float | None] = [None] * width
    for point in points:
        part = min(width - 1, int((point.time - begin) / max(end - begin, 1e-9) * width))
        highest[part] = max(point.memory, highest[part] or 0.0)
    for place in range(1, width - 1):  # no sample is missing where one part between two has no point
        if highest[place] is None and highest[place + 1] is not None:
            highest[place] = highest[place - 1]
    known = [value for value in highest if value is not None]
    low, span = min(known), max(max(known) - min(known), 1e-9)
    bars = [" " if v is None else _BARS[min(7, int((v - low) / span * 8))] for v in highest]
    mark = min(width, max(0, int((at - begin) / max(end - begin, 1e-9) * width)))
    return "".join([*bars[:mark], "|", *bars[mark:]])


def _silent(result: Result) -> Iterator[str]:
    silent = result.silent()
    is_near = bool(silent) and silent[0].highest.confidence > 0
    yield quiet(result) + (f", nearest to an alert ({_SCALE}):" if is_near else "")
    for one in silent[:_MOST_SILENT]:
        if one.highest.confidence > 0:
            yield _wrapped(near(one))
    if unjudged := result.unjudged():
        yield _wrapped(
            f"nothing can be said of {many(len(unjudged), 'service')} without a limit, of which no memory of"
            f" the host is known; --limit 4GiB gives one: {listed(unjudged)}"
        )


def quiet(result: Result) -> str:
    """Return on how many services and hosts there was no alert."""
    silent = result.silent()
    hosts = sum(one.scope == "host" for one in silent)
    said = f"it stayed silent on {many(len(silent) - hosts, 'service')}"
    return f"{said} and {many(hosts, 'host')}" if hosts else said


def near(one: Watched) -> str:
    """Return how near an instance came to an alert, and what spoke against one."""
    best = one.highest
    return f"{one.service}: confidence at most {best.confidence:.2f}; {against(one)}"


def against(one: Watched) -> str:
    """Return what spoke against an alert where an instance came nearest to one."""
    best = one.highest
    return best.turning_point or _LOOKS.get(best.kind, f"too little {best.kind} growth")


def kills(result: Result) -> Iterator[str]:
    """Yield the OOM kills and how long before they were warned of, or why there are none."""
    every = result.kills
    if not every:
        yield _no_kills(result)
        return
    warned = sum(kill.warned[OURS] is not None for kill in every)
    yield f"{many(len(every), 'OOM kill')}, {warned} of them warned of:"
    for kill in every[:_MOST_KILLS]:
        yield f"  {moment(kill.time)}  {kill.instance}  {lead(kill)}"
    if len(every) > _MOST_KILLS:
        yield f"  and {len(every) - _MOST_KILLS} more"


def _no_kills(result: Result) -> str:
    if any(one.has_kills for one in result.watch if one.scope != "host"):
        return "no OOM kill in this time"
    hosts = sum(len(one.kills) for one in result.watch if one.scope == "host")
    said = f"; on hosts there were {hosts:,}" if hosts else ""
    return f"OOM kills of containers and processes are not known: no counter of them in this data{said}"


def lead(kill: Killed) -> str:
    """Return how long before a kill fleetleak warned."""
    ahead = kill.warned[OURS]
    return "not warned of" if ahead is None else f"warned {duration(ahead)} before"


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return the cells of the table of fleetleak and the usual rules, under `HEADS`."""
    return [
        (
            row.name, f"{row.fired:,}", f"{row.per_week:.1f}", f"{row.per_100_series_days:.2f}",
            f"{row.firing:.1%}", f"{row.warned} of {len(result.kills)}",
            "-" if row.median_lead_seconds is None else duration(row.median_lead_seconds),
        )
        for row in result.table
    ]  # fmt: skip


def table(result: Result) -> Iterator[str]:
    """Yield the table of fleetleak and the usual rules, one line each."""
    cells = [dict(zip(HEADS, row, strict=True)) for row in rows(result)]
    yield from render(cells, {head: head for head in HEADS}, max(_TABLE_WIDTH, terminal_width())).split("\n")
    yield COUNTED


def _wrapped(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent="    ", subsequent_indent="      ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def plain(result: Result) -> dict[str, object]:
    """Return the result for programs."""
    return {
        "source": result.source,
        "begin": result.whole.begin,
        "end": result.whole.end,
        "data_begin": result.data[0],
        "data_end": result.data[1],
        "step_seconds": result.whole.step,
        "samples": result.samples,
        "instances": len(result.watch),
        "services": len(result.watch.services()),
        "series_days": result.series_days,
        "alerts": [
            {
                "firing": msgspec.to_builtins(one.firing),
                "ended": one.ended.time if one.ended else None,
                "times_fired": len(one.spans),
                "highest_severity": one.worst.severity,
                "most_affected": one.widest.affected,
                "oom_kills": one.kills,
            }
            for one in result.raised
        ],
        "silent": [
            {"service": one.service, "instance": one.instance, "highest_confidence": one.highest.confidence}
            for one in result.silent()
        ],
        "unjudged": result.unjudged(),
        "oom_kills": [
            {
                "time": kill.time,
                "service": kill.service,
                "instance": kill.instance,
                "warned_seconds_before": kill.warned,
            }
            for kill in result.kills
        ],
        "detectors": [row._asdict() for row in result.table],
        "unreadable": len(result.rejected),
        "notes": result.notes,
    }
