"""`fleetleak tracks`: compare tracks by labels and number of alerts; promote one, or roll back."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from confluent_kafka import KafkaException, Message, Producer

from fleetleak.kafka import client, topics
from fleetleak.kafka.read import decoded, value
from fleetleak.kafka.scan import ScanFailed
from fleetleak.records import Alert, Decoder, Label, Promotion, control
from fleetleak.records.codec import to_dict
from fleetleak.settings import Loaded, Settings
from fleetleak.stream.stored import stored
from fleetleak_app.cli import CommandFailed, say
from fleetleak_app.cli.connect import admin, checked_topics
from fleetleak_app.cli.publish import author, written
from fleetleak_app.roles import topic_specs
from fleetleak_app.tables import render
from fleetleak_app.tracks import history
from fleetleak_app.tracks.compare import Observed, compare
from fleetleak_app.tracks.rule import decide

HELP = "compare tracks; promote one, roll back, or let the rule decide"
SECTIONS = ("kafka", "topics", "log")

_TIMEOUT_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("action", choices=["compare", "promote", "rollback", "auto"])
    parser.add_argument("track", nargs="?", help="for promote only")
    parser.add_argument("--days", type=float, default=7.0, help="compare and auto: how far back; default 7")
    parser.add_argument(
        "--least-labels", type=int, default=5, metavar="COUNT", help="auto: labels needed; default 5"
    )
    parser.add_argument("--reason", help="promote and rollback: why, for those who read it later")
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run the chosen action."""
    if (arguments.action == "promote") != (arguments.track is not None):
        raise CommandFailed("promote needs the name of a track, and no other action takes one")
    if arguments.days <= 0 or arguments.least_labels < 1:
        raise CommandFailed("--days must be above 0, and --least-labels at least 1")
    actions: dict[str, Callable[[Settings, argparse.Namespace], None]] = {
        "compare": _compare,
        "promote": _promote,
        "rollback": _roll_back,
        "auto": _auto,
    }
    try:
        actions[arguments.action](loaded.settings, arguments)
    except (ScanFailed, topics.WrongTopics) as error:
        raise CommandFailed(str(error)) from None
    return 0


def _compare(settings: Settings, arguments: argparse.Namespace) -> None:
    comparison = compare(_observed(settings), arguments.days)
    rows: list[dict[str, Any]] = [
        {**row._asdict(), "accuracy": row.accuracy, "speaks": row.track == comparison.active}
        for row in comparison.rows
    ]
    if arguments.json:
        summary = {
            "speaking": comparison.active, "promoted_at": comparison.promoted_at, "end": comparison.end,
        }  # fmt: skip
        unknown = [to_dict(label) for label in comparison.unknown]
        print(orjson.dumps({**summary, "days": arguments.days, "tracks": rows, "unknown": unknown}).decode())
        return
    columns = {
        "track": "track", "alerts_per_day": "alerts/day", "right": "right", "wrong": "wrong",
        "missed": "missed", "accuracy": "accuracy", "state": "",
    }  # fmt: skip
    print(render([row | {"state": "active" if row["speaks"] else ""} for row in rows], columns))
    for label in comparison.unknown:
        print(f"not counted, because unknown: {_subject(label)} (label {label.verdict} by {label.author})")


def _subject(label: Label) -> str:
    return f"service {label.service}" if label.alert is None else f"alert {label.alert}"


def _promote(settings: Settings, arguments: argparse.Namespace) -> None:
    _, promotions = _feedback(settings, checked_topics(settings).feedback)
    _activate(settings, arguments, promotions, arguments.track, arguments.reason)


def _roll_back(settings: Settings, arguments: argparse.Namespace) -> None:
    _, promotions = _feedback(settings, checked_topics(settings).feedback)
    track = history.before(history.changes(promotions))
    if track is None:
        raise CommandFailed("no track was promoted yet, so there is none to go back to")
    _activate(settings, arguments, promotions, track, arguments.reason or "rollback")


def _auto(settings: Settings, arguments: argparse.Namespace) -> None:
    observed = _observed(settings)
    decision = decide(compare(observed, arguments.days), arguments.least_labels)
    if decision.track is not None:
        _activate(settings, arguments, observed.promotions, decision.track, decision.why)
    elif arguments.json:
        print(orjson.dumps({"promoted": None, "why": decision.why}).decode())
    else:
        print(f"nothing promoted: {decision.why}")


def _observed(settings: Settings) -> Observed:
    names = checked_topics(settings)
    labels, promotions = _feedback(settings, names.feedback)
    services = frozenset(state.name for state in stored(settings, names.models, say))
    alerts, silent = _alerts(settings, names.alerts), _alerts(settings, names.silent_alerts)
    return Observed(alerts, silent, labels, promotions, services)


def _alerts(settings: Settings, topic: str) -> list[Alert]:
    return list(decoded(settings, topic, value(Decoder(Alert).decode), say))


def _feedback(settings: Settings, topic: str) -> tuple[list[Label], list[Promotion]]:
    labels: list[Label] = []
    promotions: list[Promotion] = []
    for partition, record in decoded(settings, topic, _control, say):
        match record:
            case Label() as label:
                labels.append(label)
            case Promotion() as promotion if partition == 0:
                promotions.append(promotion)
    return labels, promotions


def _control(message: Message) -> tuple[int | None, control.Control | None]:
    return message.partition(), control.read(message.value())


def _activate(
    settings: Settings,
    arguments: argparse.Namespace,
    promotions: Sequence[Promotion],
    track: str,
    reason: str | None,
) -> None:
    _refuse_unless_there(settings, track)
    before = history.active(history.changes(promotions))
    # Publish it also if the track is active already: a sink that lost its state needs the promotion again.
    _publish(settings, Promotion(track=track, author=author(), time=time.time(), reason=reason))
    if arguments.json:
        print(orjson.dumps({"promoted": track, "before": before, "why": reason}).decode())
    else:
        print(f"{track} is the active track now; it was {before} before" + (f": {reason}" if reason else ""))


def _refuse_unless_there(settings: Settings, track: str) -> None:
    there = topics.existing(admin(settings))
    for spec in topic_specs():
        if (name := spec.under(settings.kafka.topic_prefix, track)) not in there:
            raise CommandFailed(
                f"track {track} has no topic {name}: run `fleetleak topics create --kafka-track {track}`,"
                " and start its processor and sink first"
            )


def _publish(settings: Settings, promotion: Promotion) -> None:
    """Publish to every partition in one transaction, so that all partitions have the same order."""
    record = written(promotion)
    identity = f"{settings.kafka.topic_prefix}-tracks"
    producer = Producer(client.transactional(settings.kafka, identity, _TIMEOUT_SECONDS))
    feedback = topics.names(settings.kafka.topic_prefix).feedback
    try:
        producer.init_transactions(_TIMEOUT_SECONDS * 3)
        producer.begin_transaction()
        for partition in range(settings.topics.partitions):
            producer.produce(feedback, record, control.PROMOTION_KEY, partition)
        producer.commit_transaction(_TIMEOUT_SECONDS * 3)
    except KafkaException as error:
        raise CommandFailed(f"the brokers did not take the promotion: {error.args[0].str()}") from None
