"""`fleetleak report`: OOM kills joined with alerts: which kills had a warning, and how long before."""

from __future__ import annotations

import argparse
from typing import Any

import orjson

from fleetleak.kafka.read import decoded, value
from fleetleak.kafka.scan import ScanFailed
from fleetleak.records import Alert, Decoder, Score
from fleetleak.settings import Loaded, Settings
from fleetleak_app.cli import CommandFailed, say
from fleetleak_app.cli.connect import checked_topics

HELP = "join OOM kills with alerts: which were warned of, how long before"
SECTIONS = ("kafka", "topics", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Report the OOM kills in the scores that the topic still has."""
    settings = loaded.settings
    names = checked_topics(settings)
    try:
        kills = _kills(settings, names.scores)
        warned = _firing(settings, names.alerts)
    except ScanFailed as error:
        raise CommandFailed(str(error)) from None
    rows = [_row(kill, warned.get(kill.service, [])) for kill in kills]
    if arguments.json:
        print(orjson.dumps({"kills": rows, "warned": sum(r["warned"] for r in rows)}).decode())
        return 0
    for row in rows:
        ahead = row["seconds_before"]
        warning = f"warned {ahead / 3600:.1f} h before ({row['alert']})" if row["warned"] else "not warned of"
        print(f"{row['time']:.0f}  {row['service']}  {row['instance']}  {warning}")
    print(f"{len(rows)} OOM kills, {sum(r['warned'] for r in rows)} warned of")
    return 0


def _kills(settings: Settings, topic: str) -> list[Score]:
    """Return the scores at which the OOM kill counter of an instance has grown."""
    counts: dict[tuple[str, str], int] = {}
    kills: list[Score] = []
    for score in decoded(settings, topic, value(Decoder(Score).decode), say):
        if score.oom_kills is None or score.scope == "host":
            continue
        place = score.service, score.instance
        if score.oom_kills > counts.get(place, score.oom_kills):
            kills.append(score)
        counts[place] = score.oom_kills
    return sorted(kills, key=lambda s: (s.time, s.service))


def _firing(settings: Settings, topic: str) -> dict[str, list[tuple[float, float, str]]]:
    """Return, per service, when each alert began and stopped firing (unix seconds), and its key."""
    spans: dict[str, dict[str, tuple[float, float]]] = {}
    for alert in decoded(settings, topic, value(Decoder(Alert).decode), say):
        end = alert.time if alert.state == "resolved" else float("inf")
        begin = spans.get(alert.service, {}).get(alert.key, (alert.time, end))[0]
        spans.setdefault(alert.service, {})[alert.key] = begin, end
    return {s: [(begin, end, key) for key, (begin, end) in own.items()] for s, own in spans.items()}


def _row(kill: Score, alerts: list[tuple[float, float, str]]) -> dict[str, Any]:
    firing = [(begin, key) for begin, end, key in alerts if begin < kill.time <= end]
    first = min(firing, default=None)
    return {
        "service": kill.service,
        "instance": kill.instance,
        "time": kill.time,
        "warned": first is not None,
        "alert": first and first[1],
        "seconds_before": first and kill.time - first[0],
    }
