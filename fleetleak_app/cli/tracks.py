"""`fleetleak tracks`: compare tracks on labels and volume; promote one, or go back."""

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
from fleetleak_app.cli.tables import render
from fleetleak_app.roles import topic_specs
from fleetleak_app.tracks import history
from fleetleak_app.tracks.compare import Told, compare
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
    """Do it."""
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
    found = compare(_told(settings), arguments.days)
    rows: list[dict[str, Any]] = [
        {**row._asdict(), "accuracy": row.accuracy, "speaks": row.track == found.speaking}
        for row in found.rows
    ]
    if arguments.json:
        told = {"speaking": found.speaking, "promoted_at": found.promoted_at, "end": found.end}
        unknown = [to_dict(label) for label in found.unknown]
        print(orjson.dumps({**told, "days": arguments.days, "tracks": rows, "unknown": unknown}).decode())
        return
    columns = {
        "track": "track", "alerts_per_day": "alerts/day", "right": "right", "wrong": "wrong",
        "missed": "missed", "accuracy": "accuracy", "voice": "",
    }  # fmt: skip
    print(render([row | {"voice": "speaks" if row["speaks"] else ""} for row in rows], columns))
    for label in found.unknown:
        print(f"of nothing known, and not counted: {label.author} said {label.verdict} of {_subject(label)}")


def _subject(label: Label) -> str:
    return f"service {label.service}" if label.alert is None else f"alert {label.alert}"


def _promote(settings: Settings, arguments: argparse.Namespace) -> None:
    _, promotions = _feedback(settings, checked_topics(settings).feedback)
    _let_speak(settings, arguments, promotions, arguments.track, arguments.reason)


def _roll_back(settings: Settings, arguments: argparse.Namespace) -> None:
    _, promotions = _feedback(settings, checked_topics(settings).feedback)
    track = history.before(history.changes(promotions))
    if track is None:
        raise CommandFailed("no track was promoted yet, so there is none to go back to")
    _let_speak(settings, arguments, promotions, track, arguments.reason or "rollback")


def _auto(settings: Settings, arguments: argparse.Namespace) -> None:
    told = _told(settings)
    decision = decide(compare(told, arguments.days), arguments.least_labels)
    if decision.track is not None:
        _let_speak(settings, arguments, told.promotions, decision.track, decision.why)
    elif arguments.json:
        print(orjson.dumps({"promoted": None, "why": decision.why}).decode())
    else:
        print(f"nothing promoted: {decision.why}")


def _told(settings: Settings) -> Told:
    names = checked_topics(settings)
    labels, promotions = _feedback(settings, names.feedback)
    services = frozenset(found.name for found in stored(settings, names.models, say))
    alerts, silent = _alerts(settings, names.alerts), _alerts(settings, names.silent_alerts)
    return Told(alerts, silent, labels, promotions, services)


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


def _let_speak(
    settings: Settings,
    arguments: argparse.Namespace,
    promotions: Sequence[Promotion],
    track: str,
    reason: str | None,
) -> None:
    _refuse_unless_there(settings, track)
    before = history.speaking(history.changes(promotions))
    # Also where it speaks already: a sink whose state was lost hears it again.
    _publish(settings, Promotion(track=track, author=author(), time=time.time(), reason=reason))
    if arguments.json:
        print(orjson.dumps({"promoted": track, "before": before, "why": reason}).decode())
    else:
        print(f"{track} speaks now, {before} did before" + (f": {reason}" if reason else ""))


def _refuse_unless_there(settings: Settings, track: str) -> None:
    there = topics.existing(admin(settings))
    for spec in topic_specs():
        if (name := spec.under(settings.kafka.topic_prefix, track)) not in there:
            raise CommandFailed(
                f"track {track} has no topic {name}: run `fleetleak topics create --kafka-track {track}`,"
                " and start its processor and sink first"
            )


def _publish(settings: Settings, promotion: Promotion) -> None:
    """Tell every partition at once: in one transaction, so that all of them agree on the order."""
    told = written(promotion)
    identity = f"{settings.kafka.topic_prefix}-tracks"
    producer = Producer(client.transactional(settings.kafka, identity, _TIMEOUT_SECONDS))
    feedback = topics.names(settings.kafka.topic_prefix).feedback
    try:
        producer.init_transactions(_TIMEOUT_SECONDS * 3)
        producer.begin_transaction()
        for partition in range(settings.topics.partitions):
            producer.produce(feedback, told, control.PROMOTION_KEY, partition)
        producer.commit_transaction(_TIMEOUT_SECONDS * 3)
    except KafkaException as error:
        raise CommandFailed(f"the brokers did not take the promotion: {error.args[0].str()}") from None
