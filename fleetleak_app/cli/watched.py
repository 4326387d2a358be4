"""`fleetleak watched`: every instance that is published now, with its evidence and state."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import orjson

from fleetleak.kafka.read import decoded, value
from fleetleak.kafka.scan import ScanFailed
from fleetleak.records import LEAK_KINDS, Alert, Decoder, Score, Snapshot
from fleetleak.settings import Loaded, Settings
from fleetleak.text import duration, moment, rate, size
from fleetleak_app.cli import CommandFailed, say
from fleetleak_app.cli.alerts import latest
from fleetleak_app.cli.connect import checked_topics
from fleetleak_app.tables import render

HELP = "list every instance that is watched now, with its evidence, and why it is not alerted"
SECTIONS = ("kafka", "topics", "log")

_MOST_ROWS = 40
_COLUMNS = {
    "service": "service", "instance": "instance", "memory": "memory", "limit": "limit", "growth": "growth",
    "confidence": "conf.", "state": "state",
}  # fmt: skip
_BENIGN = {
    "stable": "within what is normal",
    "saturating": "slows down below its limit",
    "step": "one step",
    "seasonal": "as a day or week before",
    "load": "follows the load",
}


class Place(NamedTuple):
    """An instance of a service."""

    service: str
    instance: str


class Watched(msgspec.Struct):
    """One instance: its newest snapshot, its newest score, and the firing alert that names it."""

    snapshot: Snapshot | None = None
    score: Score | None = None
    alert: Alert | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("service", nargs="?", help="only services with this in their name, in full")
    parser.add_argument(
        "--minutes", type=float, default=10.0, metavar="MINUTES", help="how far back to look; default 10"
    )
    parser.add_argument(
        "--most", type=int, default=_MOST_ROWS, metavar="ROWS", help=f"default {_MOST_ROWS}; 0 for all"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """List the instances: firing ones first, then the highest confidence."""
    if not arguments.minutes > 0 or arguments.most < 0:
        raise CommandFailed("--minutes must be above 0, and --most at least 0")
    now = time.time()
    instances = watched(loaded.settings, now - 60.0 * arguments.minutes)
    rows = [
        row(place, one, now) for place, one in instances.items() if (arguments.service or "") in place.service
    ]
    rows.sort(key=lambda r: (r["state"] != "firing", -(r["confidence"] or 0.0), r["service"], r["instance"]))
    if arguments.json:
        print(orjson.dumps(rows).decode())
        return 0
    shown = rows[: arguments.most or len(rows)]
    if shown:
        print(render([_for_people(r) for r in shown], _COLUMNS))
    if arguments.service:
        print("\n".join(f"{r['service']} {r['instance']}: {r['why']}" for r in shown))
    print(_last_line(len(shown), len(rows), arguments.minutes, now))
    return 0


def _last_line(shown: int, rows: int, minutes: float, now: float) -> str:
    if not rows:
        return (
            f"nothing was published in the last {minutes:g} minutes: is `fleetleak producer` running?"
            " With a bridge, `fleetleak bridge snapshots` must run, too"
        )
    more = f", {rows - shown} of them not shown (--most 0)" if rows > shown else ""
    return f"{rows} instance{'' if rows == 1 else 's'}{more}, as of {moment(now)}"


def watched(settings: Settings, since: float) -> dict[Place, Watched]:
    """Return every instance with records since then (append time, unix seconds).

    Raises
    ------
    CommandFailed
        If a topic cannot be read.
    """
    names = checked_topics(settings)
    firing = {a.service: a for a in latest(settings) if a.state != "resolved"}
    try:
        snapshots = decoded(settings, names.snapshots, value(Decoder(Snapshot).decode), say, since)
        instances = {place: Watched(snapshot=one) for place, one in _newest(snapshots).items()}
        scores = decoded(settings, names.scores, value(Decoder(Score).decode), say, since)
        for place, score in _newest(scores).items():
            instances.setdefault(place, Watched()).score = score
    except ScanFailed as error:
        raise CommandFailed(str(error)) from None
    for place, one in instances.items():
        alert = firing.get(place.service)
        one.alert = alert if alert is not None and place.instance in alert.instances else None
    return instances


def _newest(records: Iterable[Any]) -> dict[Place, Any]:
    newest: dict[Place, Any] = {}
    for record in records:
        newest[Place(record.service, record.instance)] = record
    return newest


def row(place: Place, one: Watched, now: float) -> dict[str, Any]:
    """Return one instance as plain values: bytes, seconds, shares from 0 to 1."""
    score, snapshot = one.score, one.snapshot
    seen = max(score.time if score else 0.0, snapshot.timestamp if snapshot else 0.0)
    grows = score.trend if score is not None and score.trend is not None and score.trend.growth > 0 else None
    state, why = judged(one)
    return {
        **place._asdict(),
        "seen_seconds_ago": round(now - seen, 1),
        "memory": score.memory if score else snapshot and snapshot.used,
        "limit": score.limit if score else snapshot and (snapshot.limit or snapshot.total),
        "limit_name": score.limit_name if score else snapshot and snapshot.limit_name,
        "left": score and score.left,
        "growth_bytes_per_second": grows and grows.growth,
        "window_seconds": grows and grows.window,
        "confidence": score and score.confidence,
        "kind": score and score.kind,
        "state": state,
        "why": why,
    }


def judged(one: Watched) -> tuple[str, str]:
    """Return the state of an instance in a word or two, and the reason."""
    score = one.score
    if one.alert is not None:
        return "firing", f"alert {one.alert.key}"
    if score is None:
        return "not scored", "no score yet: is `fleetleak processor` running?"
    if score.limit is None:
        return "no limit", "neither a limit nor a total is known, so nothing can be said"
    if score.trend is None or score.trend.growth <= 0:
        return "still", "nothing grows"
    if score.kind not in LEAK_KINDS:
        return score.kind, score.turning_point or _BENIGN.get(score.kind, score.kind)
    why = score.turning_point or "it grew too little, or for too short, to tell"
    return "grows", why if score.confidence < 0.5 else f"just found, or labelled: {why}"


def _for_people(values: Mapping[str, Any]) -> dict[str, Any]:
    growth, seen = values["growth_bytes_per_second"], values["seen_seconds_ago"]
    return {
        **values,
        "memory": None if values["memory"] is None else size(values["memory"]),
        "limit": None if values["limit"] is None else size(values["limit"]),
        "growth": None if growth is None else rate(growth, values["window_seconds"] or 0.0),
        "state": f"silent {duration(seen)}" if seen > 300 else values["state"],
    }
