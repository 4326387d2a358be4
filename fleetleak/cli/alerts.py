"""`fleetleak alerts`: what is firing now, with its evidence."""

from __future__ import annotations

import argparse

import orjson

from fleetleak.cli import CommandFailed, say
from fleetleak.cli.connect import checked_topics
from fleetleak.kafka.read import decoded, value
from fleetleak.kafka.scan import Unreadable
from fleetleak.records import Alert, Decoder
from fleetleak.records.codec import to_dict
from fleetleak.settings import Loaded, Settings

HELP = "list what is firing now, with its evidence"
SECTIONS = ("kafka", "topics", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--all", action="store_true", help="resolved ones too")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """List them."""
    found = latest(loaded.settings)
    shown = [a for a in found if arguments.all or a.state != "resolved"]
    if arguments.json:
        print(orjson.dumps([to_dict(a) for a in shown]).decode())
        return 0
    for alert in shown:
        print(
            f"{alert.key}  {alert.state}  {alert.severity}  {alert.kind}  confidence {alert.confidence:.2f}"
        )
        print(f"  {alert.summary}")
        for reason in alert.reasons:
            print(f"  because {reason}")
        print(f"  do: {alert.recommendation}")
        if alert.closed_by:
            print(f"  closed: {alert.closed_by}")
    if not shown:
        print("nothing is firing")
    return 0


def latest(settings: Settings) -> list[Alert]:
    """Give the newest readable transition of every alert, in the order the alerts began.

    Raises
    ------
    CommandFailed
        If the topic cannot be read.
    """
    topic = checked_topics(settings).alerts
    read = value(Decoder(Alert).decode)
    try:
        newest = {alert.key: alert for alert in decoded(settings, topic, read, say)}
    except Unreadable as error:
        raise CommandFailed(str(error)) from None
    return sorted(newest.values(), key=lambda a: (a.since, a.key))
