"""`fleetleak explain`: one decision of the alerting sink with all its reasons."""

from __future__ import annotations

import argparse
import textwrap
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import orjson

from fleetleak.alert_text import summary
from fleetleak.kafka.read import decoded, value
from fleetleak.kafka.scan import ScanFailed
from fleetleak.kafka.topics import Names
from fleetleak.records import Alert, Decoder
from fleetleak.settings import Loaded, Settings
from fleetleak.text import DAY, duration, moment, rate, size
from fleetleak_app.cli import CommandFailed, say, times
from fleetleak_app.cli.connect import checked_topics
from fleetleak_app.cli.known import refuse_unknown
from fleetleak_app.cli.subjects import controls, scores, subjects

if TYPE_CHECKING:
    from fleetleak_app.replay.explanation import Bar, Evidence, Explanation

HELP = "explain one decision of the alerting sink: why a service is alerted, or why not"
SECTIONS = ("kafka", "topics", "policy", "alerting", "log")

_WIDTH, _INDENT = 80, 12
_MOST_LABELS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("service")
    parser.add_argument(
        "--at", type=times.moment, metavar="TIME", help="the newest score at or before it; default now"
    )
    parser.add_argument(
        "--since", type=times.duration, default=3 * DAY, metavar="DURATION",
        help="how long before it the replay begins, such as 36h or 7d; default 3d",
    )  # fmt: skip
    parser.add_argument(
        "--instance", metavar="NAME", help="default: that of the alert, else the one with the most evidence"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Replay the recorded scores of the service, and print the decision on the newest one."""
    settings = loaded.settings
    at = time.time() if arguments.at is None else arguments.at
    names = checked_topics(settings)
    try:
        told = _explained(settings, names, arguments, at)
        published = _published(settings, names, arguments.service, at)
    except ScanFailed as error:
        raise CommandFailed(str(error)) from None
    if arguments.json:
        print(orjson.dumps(_plain(told, published)).decode())
        return 0
    print("\n".join(lines(told, published)))
    return 0


def _explained(settings: Settings, names: Names, arguments: argparse.Namespace, at: float) -> Explanation:
    from fleetleak_app.replay.decisions import NoSuchInstance, Start, decision
    from fleetleak_app.replay.explanation import explanation
    from sinks.alerting.leak.adapter import Leaks
    from sinks.alerting.leak.role import alerting, leak_rules
    from sinks.policy.file import read

    service, begin = arguments.service, max(0.0, at - arguments.since)
    held = subjects(settings, names.alert_state).get(service)
    partition = None if held is None else held.partition
    start = Start(begin, {} if held is None else {service: held.subject})
    said = [one for one in controls(settings, names.feedback) if one.read.service == service]
    try:
        replayed = decision(
            lambda: alerting(settings), scores(settings, names.scores, begin, service, partition), said,
            start, at, arguments.instance,
        )  # fmt: skip
    except NoSuchInstance as error:
        raise CommandFailed(
            f"{service} has no score of an instance {arguments.instance} in that time;"
            f" it has scores of {', '.join(error.args)}"
        ) from None
    if replayed is None:
        refuse_unknown(settings, service)
        raise CommandFailed(
            f"there is no score of {service} between {moment(begin)} and {moment(at)}: give another --at or"
            f" a longer --since; scores are kept for {duration(settings.topics.score_hours * 3600)}"
            " (setting topics.score_hours)"
        )
    return explanation(replayed, Leaks(settings.alerting), leak_rules(read(settings.policy.file)))


def _published(settings: Settings, names: Names, service: str, at: float) -> Alert | None:
    """Return the newest transition that this track published of a service until a time."""
    read = value(Decoder(Alert).decode)
    told = [
        alert
        for topic in (names.alerts, names.silent_alerts)
        for alert in decoded(settings, topic, read, say)
        if alert.service == service and alert.track == settings.kafka.track and alert.time <= at
    ]
    # After a promotion, an alert ends on one topic and goes on on the other.
    return max(told, key=lambda alert: (alert.time, alert.state != "resolved"), default=None)


def _plain(told: Explanation, published: Alert | None) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(told)
    return plain | {"published": None if published is None else msgspec.to_builtins(published)}


def lines(told: Explanation, published: Alert | None) -> Iterator[str]:
    """Yield an explanation for people."""
    yield from _head(told, published)
    yield from _section("evidence", _evidence(told.evidence))
    yield from _section("gate", [_bar(told.gate)])
    yield from _section("threshold", [_bar(told.threshold)])
    yield from _section("rule", [f"{told.rule}: {told.rule_severity}", *_needs(told)])
    yield from _section("method", _methods(told))
    yield from _section("severity", [f"{told.severity}: {'; '.join(told.because)}"])
    yield from _section("in force", told.in_force or ["no whitelist condition, cover or mute"])
    yield from _section("labels", told.labels[-_MOST_LABELS:] or ["none"])
    yield from _section("missing", [one.words for one in told.missing])
    yield from _section("no alert if", told.silencers)
    yield from _section("since then", told.later)
    yield from _section("teach", _teach(told))


def _head(told: Explanation, published: Alert | None) -> Iterator[str]:
    if told.alert:
        over = ", has ended since" if told.ended else ""
        yield f"alert {told.key}, since {moment(told.since or 0.0)}{over}"
    else:
        yield f"no alert of {told.service}"
    yield f"decision on {told.instance} at {moment(told.time)}: {_verdict(told)}"
    if published is None:
        return
    state = published.state
    yield from _filled(f"published: {published.key} {state}, {published.severity}; {summary(published)}", 2)
    stands = told.alert and not told.ended
    if (state != "resolved") != stands or (stands and published.key != told.key):
        yield from _filled(
            "the replay differs from what was published: it begins later than the sink (--since), and does"
            " not see that no data comes",
            2,
        )


def _verdict(told: Explanation) -> str:
    if told.phase == "firing":
        return "firing" if told.enough else "firing, though this score alone is not enough"
    return f"{told.phase}, this score is {'enough' if told.enough else 'not enough'}"


def _evidence(evidence: Evidence) -> Iterator[str]:
    yield f"{evidence.kind}, confidence {evidence.confidence:.2f}"
    if (trend := evidence.trend) is not None:
        low, high = rate(trend.growth_low, trend.window), rate(trend.growth_high, trend.window)
        onset = "" if evidence.onset is None else f", since {moment(evidence.onset)}"
        growth = f"grows {rate(trend.growth, trend.window)} ({low} to {high})"
        yield f"{growth} over {duration(trend.window)}{onset}"
    if evidence.limit is not None and evidence.left is not None:
        yield f"{size(evidence.left)} left below the limit of {size(evidence.limit)}"
    if (forecast := evidence.forecast) is not None:
        yield f"limit reached {moment(forecast.eta)}, at the earliest {moment(forecast.eta_low)}"
    if evidence.turning_point is not None:
        yield f"decided by: {evidence.turning_point}"
    yield from (f"because {reason}" for reason in evidence.reasons)


def _bar(bar: Bar) -> str:
    return f"{bar.value:g}, {'reached' if bar.reached else 'not reached'}: {bar.words}"


def _needs(told: Explanation) -> Iterator[str]:
    for need in told.needs:
        has = "unknown" if need.value is None else _number(need.value)
        yield f"needs: {need.words} (it is {has}): {'met' if need.met else 'not met'}"


def _number(given: object) -> str:
    return f"{given:.4g}" if isinstance(given, float) else str(given)


def _methods(told: Explanation) -> Iterator[str]:
    yield f"{told.method}, by {len(told.labels)} labels"
    for one in told.methods:
        says = "detects it" if one.detected else "does not detect it"
        yield f"{one.name}: accuracy {one.accuracy:.2f}; {says}, confidence {one.confidence:.2f}"


def _teach(told: Explanation) -> Iterator[str]:
    target = told.key if told.alert and not told.ended else told.service
    yield f"fleetleak label {target} leak"
    yield f"fleetleak label {target} not-a-leak"
    yield f"fleetleak label {target} expected --until 3d"


def _section(name: str, texts: Iterator[str] | list[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        head = name if number == 0 else ""
        yield from _filled(f"{head:<{_INDENT}}{text}", _INDENT + 2)


def _filled(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=" " * indent, drop_whitespace=True, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
