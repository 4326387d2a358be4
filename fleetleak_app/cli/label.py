"""`fleetleak label`: label an alert or a service; takes effect at once, and exactly once."""

from __future__ import annotations

import argparse
import time

import msgspec

from fleetleak.records import Alert, Label
from fleetleak.records.types import MOST_NAME
from fleetleak.settings import Loaded
from fleetleak.text import moment
from fleetleak_app.cli import CommandFailed, times
from fleetleak_app.cli.connect import checked_topics
from fleetleak_app.cli.known import alert_or_service
from fleetleak_app.cli.publish import author, publish, written

HELP = "label a service or one of its alerts: leak, not-a-leak or expected"
SECTIONS = ("kafka", "topics", "log")

_LEARNED = "counts for the threshold and the method that labels teach (fleetleak explain)"
_CONDITION = "three alike within a day become a whitelist condition (fleetleak whitelist list)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("target", metavar="ALERT-OR-SERVICE", help="the key of an alert, else a service")
    parser.add_argument("verdict", choices=["leak", "not-a-leak", "expected"])
    parser.add_argument(
        "--until", type=times.until, metavar="TIME",
        help="how long `expected` mutes: a time, or a duration such as 36h, 3d or 2w; default a week",
    )  # fmt: skip
    parser.add_argument("--reason", metavar="TEXT", help="why, for those who read it later")
    parser.add_argument("--author", metavar="NAME", help="default: your user name")
    parser.add_argument("--json", action="store_true", help="the label as one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Publish the label, and print what it does."""
    if arguments.until is not None and arguments.verdict != "expected":
        raise CommandFailed(f"--until goes with expected: {arguments.verdict} has no end")
    target = arguments.target
    label = Label(
        service=target[:MOST_NAME],
        alert=target,
        verdict=arguments.verdict,
        author=arguments.author or author(),
        time=time.time(),
        reason=arguments.reason,
        expires=arguments.until,
    )
    # Before the cluster is asked: wrong words are told at once.
    written(label)
    names = checked_topics(loaded.settings)
    service, alert = alert_or_service(loaded.settings, target)
    key = alert.key if alert is not None and alert.key == target else None
    label = msgspec.structs.replace(label, service=service, alert=key)
    value = written(label)
    publish(loaded.settings, names.feedback, service.encode(), value)
    if arguments.json:
        print(value.decode())
        return 0
    why = f" ({label.reason})" if label.reason else ""
    print(f"{label.author} labelled {key or service}: {label.verdict}{why}")
    print(effect(label, alert))
    return 0


def effect(label: Label, alert: Alert | None) -> str:
    """Return what a label does, in words.

    Parameters
    ----------
    alert
        The alert that it is for, or that fires for its service; None where none does.
    """
    if label.alert is not None and (alert is None or alert.state == "resolved"):
        if label.verdict == "expected":
            return (
                "recorded; the alert has ended, so nothing changes:"
                f" to mute the service, fleetleak label {label.service} expected"
            )
        return (
            "recorded; the alert has ended, so nothing changes at once;"
            f" if it is the newest of its service, the label {_LEARNED}"
        )
    firing = alert is not None
    if label.verdict == "expected":
        end = f"until {moment(label.expires)}" if label.expires else "for a week"
        ends = "the alert ends, and " if firing else ""
        return f"recorded; {ends}nothing of {label.service} is an alert {end}"
    if label.verdict == "leak":
        sure = "the alert is sure from now on, and the label" if firing else "no alert is firing; the label"
        return f"recorded; {sure} {_LEARNED}"
    if not firing:
        return (
            f"recorded; no alert is firing; this growth is no alert until it has clearly grown; {_CONDITION}"
        )
    return (
        "recorded; the alert ends, this growth is no alert until it has clearly grown, and a rise of this"
        f" size is usual for 30 days; {_CONDITION}"
    )
