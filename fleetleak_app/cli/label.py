"""`fleetleak label`: label an alert or a service; takes effect at once, and exactly once."""

from __future__ import annotations

import argparse
import time

from fleetleak.records import Label
from fleetleak.settings import Loaded
from fleetleak_app.cli import CommandFailed
from fleetleak_app.cli.connect import checked_topics
from fleetleak_app.cli.known import refuse_unknown
from fleetleak_app.cli.publish import author, publish, written

HELP = "label a service or one of its alerts: leak, not-a-leak or expected"
SECTIONS = ("kafka", "topics", "log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("service")
    parser.add_argument("verdict", choices=["leak", "not-a-leak", "expected"])
    parser.add_argument("--alert", metavar="KEY", help="only this alert, not the whole service")
    parser.add_argument("--reason", help="why, for those who read it later")
    parser.add_argument("--author", default=None, help="default: your user name")
    parser.add_argument(
        "--for-hours", type=float, metavar="HOURS", help="how long `expected` mutes; default a week"
    )
    parser.add_argument("--json", action="store_true", help="the label as one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Publish the label."""
    if arguments.for_hours is not None and not arguments.for_hours > 0:
        raise CommandFailed("--for-hours must be above 0")
    if arguments.for_hours is not None and arguments.verdict != "expected":
        raise CommandFailed(f"--for-hours goes with expected: {arguments.verdict} has no end")
    now = time.time()
    expires = now + arguments.for_hours * 3600 if arguments.for_hours is not None else None
    label = Label(
        service=arguments.service,
        verdict=arguments.verdict,
        author=arguments.author or author(),
        time=now,
        alert=arguments.alert,
        reason=arguments.reason,
        expires=expires,
    )
    value = written(label)
    names = checked_topics(loaded.settings)
    refuse_unknown(loaded.settings, label.service, label.alert)
    publish(loaded.settings, names.feedback, label.service.encode(), value)
    if arguments.json:
        print(value.decode())
        return 0
    why = f" ({label.reason})" if label.reason else ""
    print(f"{label.author} labelled {label.alert or label.service}: {label.verdict}{why}")
    return 0
