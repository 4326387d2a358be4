"""A result as one HTML file: it needs no network, and can be mailed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from fleetleak import alert_text
from fleetleak.records import Score
from fleetleak.text import duration, moment
from fleetleak_app.backtest import text
from fleetleak_app.backtest.result import OURS, Raised, Result
from fleetleak_app.replay import draw

_MOST_PICTURES, _MOST_ROWS = 40, 200
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>fleetleak backtest</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222 }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
h3 { font-size: 1rem; margin: 1.6rem 0 .2rem } .high, .critical { color: #b03a00 }
table { border-collapse: collapse; margin: .6rem 0 } tr.ours td { font-weight: 600 }
td, th { padding: .25rem .9rem .25rem 0; text-align: left; border-bottom: 1px solid #ddd }
.quiet { color: #666 } p { margin: .3rem 0 } svg { width: 100%; height: auto }
</style></head><body>
"""


def write(result: Result, file: Path) -> None:
    """Write the page.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if file.exists() and not file.is_file():  # a pipe or a device cannot be replaced
        file.write_text("".join(_page(result)), encoding="utf-8")
        return
    file = file.resolve()  # a link stays one
    new = file.with_name(f"{file.name}.new")
    new.write_text("".join(_page(result)), encoding="utf-8")
    new.replace(file)


def _page(result: Result) -> Iterator[str]:
    yield _HEAD
    yield "<h1>What fleetleak would have said</h1>"
    yield from (f"<p>{escape(line)}</p>" for line in text.head(result))
    yield from _table(result)
    yield from _alerts(result)
    yield from _kills(result)
    yield from _silent(result)
    if result.notes:
        yield "<h2>Notes</h2><ul>" + "".join(f"<li>{escape(line)}</li>" for line in result.notes) + "</ul>"
    yield "</body></html>\n"


def _table(result: Result) -> Iterator[str]:
    yield "<h2>Beside the usual rules</h2>"
    yield _rows(text.HEADS, text.rows(result), ours=OURS)
    yield (
        f'<p class="quiet">{text.COUNTED} A kill was warned of if the detector was firing for its'
        " service.</p>"
    )


def _alerts(result: Result) -> Iterator[str]:
    yield f"<h2>{text.many(len(result.raised), 'alert')}</h2>"
    for number, one in enumerate(result.raised):
        if number == _MOST_ROWS:
            yield f"<p>and {len(result.raised) - _MOST_ROWS} more: --json has all of them</p>"
            break
        yield f'<h3 class="{one.firing.severity}">{escape(text.headline(one))}</h3>'
        yield f"<p>{escape(alert_text.summary(one.firing))}</p><p>{escape(text.aftermath(one))}</p>"
        if number < _MOST_PICTURES:
            yield _picture(one)
        yield f'<p class="quiet">{escape("; ".join(one.firing.reasons))}</p>'


def _picture(one: Raised) -> str:
    """Return the memory of an instance over the whole time, with what was known when its alert began."""
    watched, alert = one.watched, one.firing
    points = watched.points() if watched is not None else []
    if watched is None or len({point.time for point in points}) < 2:
        return ""
    own: dict[str, Any] = {
        "service": alert.service,
        "instance": alert.instance,
        "input_partition": 0,
        "input_offset": 0,
    }
    known = Score(
        **own, time=alert.time, kind=alert.kind, confidence=alert.confidence, trend=alert.trend,
        forecast=alert.forecast, onset=alert.onset,
    )  # fmt: skip
    restarts = [Score(**own, time=time, restarted=True) for time in watched.restarts]
    series = draw.PlottedSeries(
        times=[point.time for point in points],
        memory=[point.memory for point in points],
        counted=[point.counted for point in points],
        limit=[point.limit for point in points],
        limit_name=watched.limit_name,
        scores=[known, *restarts],
        # Updates are many, and their news is in the text.
        alerts=[alert for alert in one.every if alert.state != "updated"],
        longest_step=watched.longest_step,
    )
    return draw.svg(draw.picture(series, known))


def _kills(result: Result) -> Iterator[str]:
    yield "<h2>OOM kills</h2>"
    if not result.kills:
        yield f"<p>{escape(next(text.kills(result)))}</p>"
        return
    names = [row.name for row in result.table]
    rows = [
        (moment(kill.time), kill.instance, *(_ahead(kill.warned[name]) for name in names))
        for kill in result.kills[:_MOST_ROWS]
    ]
    yield _rows(("time", "instance", *(f"{name}: warned before" for name in names)), rows)


def _ahead(seconds: float | None) -> str:
    return "-" if seconds is None else duration(seconds)


def _silent(result: Result) -> Iterator[str]:
    silent = result.silent()
    yield f"<h2>{escape(text.quiet(result).removeprefix('it stayed ').capitalize())}</h2>"
    near = [one for one in silent if one.highest.confidence > 0][:_MOST_ROWS]
    if near:
        heads = ("service, nearest to an alert first", "confidence", "what spoke against an alert")
        rows = [(one.service, f"{one.highest.confidence:.2f}", text.against(one)) for one in near]
        yield _rows(heads, rows)
    if unjudged := result.unjudged():
        names = escape(", ".join(unjudged[:_MOST_ROWS]))
        yield f"<p>Nothing can be said of these, since no limit is known: {names}</p>"


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]], ours: str | None = None) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(
        f"<tr{' class=ours' if row[0] == ours else ''}>"
        + "".join(f"<td>{escape(one)}</td>" for one in row)
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
