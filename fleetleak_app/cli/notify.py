"""`fleetleak notify`: lists the targets of the policy file, tries one, or sends what it refused once more."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import orjson
from confluent_kafka import Message

from fleetleak.kafka.read import decoded
from fleetleak.kafka.scan import ScanFailed
from fleetleak.records import Alert, Decoder
from fleetleak.settings import BadSetting, Loaded, Settings
from fleetleak.settings.load import mask_text
from fleetleak.stream.dead_letter import origin_of
from fleetleak.stream.target import Answer, Delivered
from fleetleak_app.cli import CommandFailed, say
from fleetleak_app.cli.alerts import latest
from fleetleak_app.cli.connect import checked_topics
from fleetleak_app.cli.extras import needs

if TYPE_CHECKING:
    from sinks.notify.notifier import Notice, Notifier
    from sinks.notify.targets import TargetSpec

HELP = "list the targets of alerts, send one of them a test, or send once more what it refused"
SECTIONS = ("kafka", "topics", "policy", "notify", "log")


class _Outcome(NamedTuple):
    """What came of one notice."""

    notice: Notice
    answer: Answer
    seconds: float

    @property
    def delivered(self) -> bool:
        return isinstance(self.answer, Delivered)

    def words(self) -> str:
        if isinstance(self.answer, Delivered):
            ref = f" as {self.answer.ref}" if self.answer.ref else ""
            return f"delivered{ref} in {self.seconds:.2f} s"
        return f"not delivered after {self.seconds:.2f} s: {self.answer.why}"

    def fields(self) -> dict[str, Any]:
        return {
            "key": self.notice.key,
            "delivered": self.delivered,
            "seconds": round(self.seconds, 3),
            "ref": self.answer.ref if isinstance(self.answer, Delivered) else None,
            "why": None if isinstance(self.answer, Delivered) else self.answer.why,
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument(
        "action", choices=["targets", "test", "replay"],
        help="targets lists them; test sends a made-up alert; replay sends the newest transition of every"
        " alert that the target refused",
    )  # fmt: skip
    parser.add_argument("target", nargs="?", help="the name of a target, for test and replay")
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """List the targets, or send to one; return 1 if something was not delivered."""
    with needs("notify"):
        specs = _specs(loaded.settings)
    if arguments.action == "targets":
        _print_targets(specs, arguments.json)
        return 0
    if arguments.target is None:
        raise BadSetting(f"name a target: fleetleak notify {arguments.action} TARGET")
    spec, notifier = _notifier(specs, arguments.target)
    try:
        if arguments.action == "test":
            return _test(loaded.settings, spec, notifier, arguments.json)
        return _replay(loaded.settings, spec, notifier, arguments.json)
    finally:
        notifier.close()


def _specs(settings: Settings) -> list[TargetSpec]:
    from sinks.notify.role import configured
    from sinks.policy.file import read

    return configured(read(settings.policy.file))


def _notifier(specs: list[TargetSpec], name: str) -> tuple[TargetSpec, Notifier]:
    from sinks.notify.targets import named

    spec = named(specs, name)
    return spec, spec.made()


def _print_targets(specs: list[TargetSpec], as_json: bool) -> None:
    from sinks.notify.routes import words

    rows: list[dict[str, Any]] = [
        {
            "target": spec.name,
            "kind": spec.kind,
            "routes": words(spec.routes),
            "deduplicates": spec.notifier.DEDUPLICATES,
            "settings": {name: _shown(value) for name, value in _given(spec.settings).items()},
        }
        for spec in specs
    ]
    if as_json:
        print(orjson.dumps(rows).decode())
        return
    for spec, row in zip(specs, rows, strict=True):
        repeated = "removes repetitions" if spec.notifier.DEDUPLICATES else "shows a repetition twice"
        print(f"{spec.name} ({spec.kind}), {repeated}")
        print(f"  is told of: {row['routes']}")
        for name, shown in row["settings"].items():
            print(f"  {name}: {shown}")


def _given(settings: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that have a value."""
    values: dict[str, Any] = msgspec.to_builtins(settings)
    return {name: value for name, value in values.items() if value not in (None, {}, [])}


def _shown(value: Any) -> str:
    """Return a value as text; a secret as where it is. Any other table may hold secrets: only its names."""
    if not isinstance(value, dict):
        return mask_text(str(value))
    if value.keys() == {"env", "file"}:
        return next(f"in {name} {text}" for name, text in value.items() if text is not None)
    return ", ".join(f"{name}=***" for name in value)


def _test(settings: Settings, spec: TargetSpec, notifier: Notifier, as_json: bool) -> int:
    from sinks.notify.sample import sample

    outcome = _send(notifier, sample(time.time(), settings.notify.public_url))
    if as_json:
        print(orjson.dumps({"target": spec.name, **outcome.fields()}).decode())
    else:
        print(f"{spec.name} ({spec.kind}): {outcome.words()}")
    return 0 if outcome.delivered else 1


def _send(notifier: Notifier, notice: Notice) -> _Outcome:
    begun = time.monotonic()
    answer = notifier.send(notice)
    return _Outcome(notice, answer, time.monotonic() - begun)


def _replay(settings: Settings, spec: TargetSpec, notifier: Notifier, as_json: bool) -> int:
    from sinks.notify.limit import Limit
    from sinks.notify.notice import alert_notice

    names = checked_topics(settings)
    try:
        alerts = _refused(settings, names.dead_letter, names.alerts, spec.name)
    except ScanFailed as error:
        raise CommandFailed(str(error)) from None
    limit = Limit(spec.common.per_minute, time.monotonic)
    outcomes = []
    for alert in alerts:
        while (seconds := limit.take()) > 0:
            time.sleep(seconds)
        outcome = _send(notifier, alert_notice(alert, None, settings.notify.public_url))
        outcomes.append(outcome)
        if not as_json:
            print(f"{alert.key} ({alert.state}): {outcome.words()}")
    if as_json:
        print(orjson.dumps([outcome.fields() for outcome in outcomes]).decode())
    elif not outcomes:
        print(f"nothing to send: {spec.name} refused no transition of an alert that is still its newest")
    return 0 if all(outcome.delivered for outcome in outcomes) else 1


def _refused(settings: Settings, topic: str, source: str, target: str) -> list[Alert]:
    """Return the refused transitions that are still the newest of their alerts, in the order of their times.

    An older one would open at the target what is over, or turn it back.
    """
    newest = {alert.key: alert.time for alert in latest(settings)}
    refused = {(alert.key, alert.time): alert for alert in _letters(settings, topic, source, target)}
    still = [alert for alert in refused.values() if newest.get(alert.key, alert.time) <= alert.time]
    return sorted(still, key=lambda alert: alert.time)


def _letters(settings: Settings, topic: str, source: str, target: str) -> Iterator[Alert]:
    decode = Decoder(Alert).decode

    def read(message: Message) -> Alert | None:
        origin = origin_of(message)
        ours = (origin.topic, origin.target) == (source, target)
        return decode(message.value()) if ours else None

    for alert in decoded(settings, topic, read, say):
        if alert is not None:
            yield alert
