"""`fleetleak whitelist`: the findings that labels or the policy file made no alerts."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from fleetleak.kafka.scan import ScanFailed
from fleetleak.records import Score
from fleetleak.records.control import WhitelistRevoke
from fleetleak.settings import Loaded, Settings
from fleetleak.text import DAY, moment, rate, size
from fleetleak_app.cli import CommandFailed
from fleetleak_app.cli.connect import checked_topics
from fleetleak_app.cli.publish import author, publish, written
from fleetleak_app.cli.subjects import subjects

if TYPE_CHECKING:
    from sinks.alerting.lessons import Allowed

HELP = "list, explain or revoke what labels and the policy file made no alerts"
SECTIONS = ("kafka", "topics", "policy", "alerting", "log")

_LATER = "it is stored every runtime.checkpoint_interval_seconds: a new condition is listed later"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("action", choices=list(_ACTIONS))
    parser.add_argument("service", nargs="?", help="list: only this one")
    parser.add_argument("number", nargs="?", type=int, help="the condition's; for explain and revoke")
    parser.add_argument("--all", action="store_true", help="list: expired ones too")
    parser.add_argument("--reason", metavar="TEXT", help="revoke: why, for those who read it later")
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run the chosen action."""
    if (arguments.action == "list") != (arguments.number is None):
        raise CommandFailed("explain and revoke need a SERVICE and a NUMBER; list takes no NUMBER")
    try:
        _ACTIONS[arguments.action](loaded.settings, arguments)
    except ScanFailed as error:
        raise CommandFailed(str(error)) from None
    return 0


def _list(settings: Settings, arguments: argparse.Namespace) -> None:
    now = time.time()
    held = subjects(settings, checked_topics(settings).alert_state)
    if arguments.service is not None and arguments.service not in held:
        raise CommandFailed(_unknown(arguments.service))
    rows = [
        _row(settings, one.service, allowed)
        for one in held.values()
        for allowed in one.subject.lessons.allowed
        if arguments.service in (None, one.service)
    ]
    rows += _listed(settings, arguments.service)
    rows = [row for row in rows if arguments.all or row["until"] > now]
    if arguments.json:
        print(orjson.dumps(rows).decode())
        return
    for row in rows:
        print("\n".join(_lines(row, now)))
    print(f"{len(rows)} listed" if rows else f"nothing is on the whitelist; {_LATER}")


def _row(settings: Settings, service: str, allowed: Allowed) -> dict[str, Any]:
    from sinks.alerting.leak.adapter import Leaks

    return {
        "service": service,
        "number": allowed.number,
        "looks": Leaks(settings.alerting).looks(allowed.bound),
        "kind": allowed.bound.kind,
        "most_rise": allowed.bound.size,
        "most_growth": allowed.bound.rate,
        "alike": allowed.alike,
        "since": allowed.since,
        "until": allowed.until,
        "labels": list(allowed.labels),
        "reason": None,
    }


def _listed(settings: Settings, service: str | None) -> list[dict[str, Any]]:
    """Return the entries of the policy file; of those that name services, the ones that fit."""
    from sinks.alerting.leak.role import leak_rules
    from sinks.policy.file import read

    entries = leak_rules(read(settings.policy.file)).whitelist
    if service is not None:
        one = Score(service=service, instance="-", time=0.0, input_partition=0, input_offset=0)
        entries = tuple(
            entry for entry in entries if all(c.holds(one, {}) for c in entry.where if c.field == "service")
        )
    return [
        {
            "service": None,
            "number": None,
            "looks": " and ".join(condition.words() for condition in entry.where),
            "until": entry.until,
            "reason": entry.reason,
        }
        for entry in entries
    ]


def _lines(row: dict[str, Any], now: float) -> list[str]:
    over = " (expired)" if row["until"] <= now else ""
    if row["number"] is None:
        return [f"policy file: {row['looks']}", f"  until {moment(row['until'])}{over}: {row['reason']}"]
    return [
        f"{row['service']} {row['number']}: {row['looks']}",
        f"  since {moment(row['since'])}, until {moment(row['until'])}{over};"
        f" from {len(row['labels'])} labels, {row['alike']:.0%} alike",
    ]


def _explain(settings: Settings, arguments: argparse.Namespace) -> None:
    row = _row(settings, arguments.service, _condition(settings, arguments.service, arguments.number))
    if arguments.json:
        print(orjson.dumps(row).decode())
        return
    print("\n".join(_lines(row, time.time())))
    print(
        f"  alerts again: a growth faster than {rate(row['most_growth'], DAY)},"
        f" or a rise above {size(row['most_rise'])}, or another kind than {row['kind']}"
    )
    for label in row["labels"]:
        print(f"  because {label}")
    print(f"to end it: fleetleak whitelist revoke {arguments.service} {arguments.number}")


def _condition(settings: Settings, service: str, number: int) -> Allowed:
    held = subjects(settings, checked_topics(settings).alert_state).get(service)
    if held is None:
        raise CommandFailed(_unknown(service))
    there = {allowed.number: allowed for allowed in held.subject.lessons.allowed}
    if number not in there:
        said = f"it has {', '.join(map(str, there))}" if there else "it has none"
        raise CommandFailed(f"{service} has no whitelist condition {number}: {said} ({_LATER})")
    return there[number]


def _unknown(service: str) -> str:
    return f"the alerting sink has no stored state of a service {service} ({_LATER})"


def _revoke(settings: Settings, arguments: argparse.Namespace) -> None:
    row = _row(settings, arguments.service, _condition(settings, arguments.service, arguments.number))
    record = WhitelistRevoke(
        service=arguments.service, number=arguments.number, author=author(), time=time.time(),
        reason=arguments.reason,
    )  # fmt: skip
    value = written(record)
    publish(settings, checked_topics(settings).feedback, record.service.encode(), value)
    if arguments.json:
        print(value.decode())
    else:
        print(f"{record.service} {record.number} is revoked: {row['looks']} is an alert again")


_ACTIONS: dict[str, Callable[[Settings, argparse.Namespace], None]] = {
    "list": _list,
    "explain": _explain,
    "revoke": _revoke,
}
