"""`fleetleak alerts`: what is firing now, with its evidence."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import orjson

from fleetleak.alert_text import summary
from fleetleak.kafka.read import decoded, value
from fleetleak.kafka.scan import ScanFailed
from fleetleak.records import Alert, Decoder
from fleetleak.records.codec import to_dict
from fleetleak.settings import Loaded, Settings
from fleetleak.text import moment
from fleetleak_app.cli import CommandFailed, say
from fleetleak_app.cli.connect import checked_topics

HELP = "list what is firing now, with its evidence"
SECTIONS = ("kafka", "topics", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--all", action="store_true", help="list resolved alerts too")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """List the alerts."""
    shown = [a for a in latest(loaded.settings) if arguments.all or a.state != "resolved"]
    if arguments.json:
        print(orjson.dumps([to_dict(a) for a in shown]).decode())
        return 0
    now = time.time()
    for alert in shown:
        print("\n".join(lines(alert, now)))
    print(f"{len(shown)} alerts, as of {moment(now)}" if shown else f"nothing is firing, as of {moment(now)}")
    return 0


def lines(alert: Alert, now: float) -> Iterator[str]:
    """Yield the lines of an alert for people, with times relative to `now` (unix seconds)."""
    over = alert.state == "resolved"
    state = {"resolved": "resolved", "stale": "no data"}.get(alert.state, f"urgency {alert.urgency}")
    sure = f"{alert.certainty}, confidence {alert.confidence:.2f}"
    yield f"{alert.key}  {alert.severity}  {state}  {alert.kind}  {sure}"
    yield f"  {summary(alert, None if over else now)}"
    if alert.news:
        yield f"  {moment(alert.time)}: {alert.news}"
    for reason in alert.reasons:
        yield f"  because {reason}"
    if alert.labels:
        yield f"  {' '.join(f'{name}={value}' for name, value in sorted(alert.labels.items()))}"
    yield f"  do: {alert.recommendation}"


def latest(settings: Settings) -> list[Alert]:
    """Return the newest readable transition of every alert, in the order in which the alerts began.

    Raises
    ------
    CommandFailed
        If the topic cannot be read.
    """
    topic = checked_topics(settings).alerts
    read = value(Decoder(Alert).decode)
    try:
        newest = {alert.key: alert for alert in decoded(settings, topic, read, say)}
    except ScanFailed as error:
        raise CommandFailed(str(error)) from None
    return sorted(newest.values(), key=lambda a: (a.since, a.key))
