"""The demo itself: start Kafka, topics, one of each role, a leak and its twin; then watch the alerts."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Consumer, Message, TopicPartition
from rich.console import Console

from fleetleak.kafka import client, topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.kafka.reach import reached
from fleetleak.kafka.read import Skipped
from fleetleak.records import Alert, Decoder, Score, Unreadable
from fleetleak.settings import Settings
from fleetleak_app import roles
from fleetleak_app.demo.alertmanager import RealAlertmanager, policy
from fleetleak_app.demo.view import View, card, posted
from fleetleak_app.demo.workload import CHUNK_BYTES, WELL_SECONDS
from fleetleak_app.processes import Processes

LEAK = "demo-leak"
TWIN = "demo-twin"
_LIMIT_BYTES = 512 * 2**20
_BYTES_PER_SECOND = 8 * CHUNK_BYTES
_INTERVAL_SECONDS = 1.0
_PARTITIONS = 4
# After the alert, wait this long for false alerts on the twin and everything else.
_WATCH_ON_SECONDS = 15.0
# The longest that the alert takes to Alertmanager.
_NOTIFY_SECONDS = 60.0


class DemoFailed(RuntimeError):
    """A process of the demo ended by itself."""


@dataclass
class Outcome:
    """What the demo found."""

    alert: Alert | None = None
    seconds: float | None = None
    wrong: list[Alert] = field(default_factory=list)
    alertmanager: bool | None = None
    """Whether Alertmanager has the alert; None without Alertmanager."""

    @property
    def well(self) -> bool:
        """Whether the leak was alerted after it began, and nothing else was; with Alertmanager, there too."""
        return self.alert is not None and not self.wrong and self.alertmanager is not False

    def to_json(self) -> str:
        """Return one line of JSON."""
        alert = self.alert
        return json.dumps(
            {
                "found": alert is not None,
                "seconds_to_alert": None if self.seconds is None else round(self.seconds, 1),
                "service": alert and alert.service,
                "instance": alert and alert.instance,
                "kind": alert and alert.kind,
                "severity": alert and alert.severity,
                "confidence": alert and alert.confidence,
                "limit_name": alert and alert.forecast and alert.forecast.limit_name,
                "eta": alert and alert.eta,
                "eta_low": alert and alert.eta_low,
                "eta_high": alert and alert.eta_high,
                "false_alerts": [wrong.key for wrong in self.wrong],
            }
            | ({} if self.alertmanager is None else {"alertmanager": self.alertmanager})
        )


class Demo:
    """The processes of the demo, and the scores and alerts it receives.

    Parameters
    ----------
    settings
        `kafka` and `topics` are used, except the track and, with an own broker, `kafka.bootstrap_servers`.
    own_broker
        Whether the demo starts an embedded Kafka.
    timeout_seconds
        How long the demo waits for the alert.
    alertmanager
        Whether the demo starts an Alertmanager, too, and waits until it has the alert.
    """

    def __init__(
        self,
        settings: Settings,
        own_broker: bool,
        timeout_seconds: float,
        console: Console,
        alertmanager: bool = False,
    ) -> None:
        self._settings = settings
        self._own_broker = own_broker
        self._timeout = timeout_seconds
        self._view = View(console)
        self._scores: dict[str, Score] = {}
        self._firing: set[str] = set()
        self._skipped: dict[str, Skipped] = {}
        self._leak_begins = 0.0
        self.directory = Path(tempfile.mkdtemp(prefix="fleetleak-demo-"))
        self._alertmanager = RealAlertmanager(self._view.say) if alertmanager else None
        self.outcome = Outcome(alertmanager=False if alertmanager else None)

    @contextlib.contextmanager
    def running(self) -> Iterator[Processes]:
        """Start everything; end everything when the block ends."""
        with contextlib.ExitStack() as stack:
            if self._alertmanager is not None:
                stack.enter_context(self._alertmanager)
            self._reach_kafka(stack)
            processes = stack.enter_context(Processes(self.directory))
            self._start(processes)
            yield processes

    def _reach_kafka(self, stack: contextlib.ExitStack) -> None:
        kafka = self._settings.kafka
        # An own prefix: on a cluster in use the demo must not touch existing topics.
        kafka.topic_prefix = f"{kafka.topic_prefix}-demo-{uuid.uuid4().hex[:8]}"
        if self._own_broker:
            self._view.say("starting Apache Kafka")
            broker = stack.enter_context(EmbeddedBroker(say=self._view.say))
            kafka.bootstrap_servers = broker.bootstrap_servers
        self._settings.topics.partitions = _PARTITIONS
        admin = reached(kafka)
        wanted = topics.layout(kafka.topic_prefix, self._settings.topics, specs=roles.topic_specs())
        if not self._own_broker:
            # Before they are created: an interruption in between must leave no topic.
            stack.callback(topics.delete, admin, [t.name for t in wanted])
        topics.create(admin, wanted, self._settings.topics.replication_factor)
        self._view.say(f"created {len(wanted)} topics on {kafka.bootstrap_servers}")

    def _start(self, processes: Processes) -> None:
        environment = self._environment()
        # Bridges read topics of others, of which there are none here.
        ours = {spec.name: roles.words(spec) for spec in roles.roles() if spec.command != "bridge"}
        commands = {"producer": ["producer"], **ours}
        for name, words in commands.items():
            processes.start(name, ["fleetleak_app", *words], environment)
        if self._alertmanager is not None:
            file = self.directory / "policy.toml"
            file.write_text(policy(self._alertmanager.url))
            processes.start(
                "notify", ["fleetleak_app", "sink", "notify"],
                environment | {"FLEETLEAK_POLICY_FILE": str(file)},
            )  # fmt: skip
        workload = ["--bytes-per-second", str(_BYTES_PER_SECOND), "--limit-bytes", str(_LIMIT_BYTES)]
        self._leak_begins = time.time() + WELL_SECONDS
        for name, extra in ((LEAK, ["--leak"]), (TWIN, [])):
            pid = processes.start(name, ["fleetleak_app.demo.workload", name, *workload, *extra], {})
            what = f"leaks after {WELL_SECONDS:.0f} s" if extra else "its well-behaved twin"
            self._view.say(f"started {name} ({what}), pid {pid}, limit {_LIMIT_BYTES // 2**20} MiB of data")
        self._view.say("started one producer on this host's memory, one processor, both sinks")

    def _environment(self) -> dict[str, str]:
        """Return the variables of the roles: only these settings of the user are passed on."""
        kafka = self._settings.kafka
        return {
            "FLEETLEAK_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "FLEETLEAK_KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            "FLEETLEAK_KAFKA_GROUP_PROTOCOL": kafka.group_protocol,
            "FLEETLEAK_KAFKA_PROPERTIES": json.dumps(kafka.properties),
            "FLEETLEAK_TOPICS_PARTITIONS": str(_PARTITIONS),
            "FLEETLEAK_RUNTIME_COMMIT_INTERVAL_SECONDS": "0.3",
            "FLEETLEAK_PRODUCER_INTERVAL_SECONDS": str(_INTERVAL_SECONDS),
            "FLEETLEAK_PRODUCER_MATCH": f"{re.escape(LEAK)},{re.escape(TWIN)}",
            "FLEETLEAK_LOG_LEVEL": self._settings.log.level,
        }

    def watch(self, processes: Processes) -> Outcome:
        """Show scores and alerts until the leak is found or the time is over; return the outcome."""
        started = time.monotonic()
        end = started + self._timeout
        with contextlib.closing(self._reader()) as reader, self._view:
            while time.monotonic() < end:
                self._check(processes)
                for message in reader.consume(500, 0.25):
                    if message.error() is None:
                        self._read(message, time.monotonic() - started)
                self._view.update(self._scores, self._firing, time.monotonic() - started)
                if self.outcome.alert is not None:
                    end = min(end, started + (self.outcome.seconds or 0.0) + _WATCH_ON_SECONDS)
        for skipped in self._skipped.values():
            skipped.tell(self._view.say)
        for alert in (self.outcome.alert, *self.outcome.wrong):
            if alert is not None:
                self._view.console.print(card(alert))
        if self._alertmanager is not None and self.outcome.alert is not None:
            found = started + (self.outcome.seconds or 0.0)
            self._await(self._alertmanager, self.outcome.alert, processes, found + _NOTIFY_SECONDS)
        return self.outcome

    def _await(
        self, alertmanager: RealAlertmanager, alert: Alert, processes: Processes, deadline: float
    ) -> None:
        """Wait until Alertmanager has the alert, and show it as it is there."""
        while not (there := [a for a in alertmanager.alerts() if a.labels.get("service") == alert.service]):
            if time.monotonic() > deadline:
                self._view.say(f"Alertmanager has no alert on {alert.service}")
                return
            self._check(processes)
            time.sleep(0.5)
        self.outcome.alertmanager = True
        self._view.console.print(posted(there[0], alertmanager.url))

    def _reader(self) -> Consumer:
        names = topics.names(self._settings.kafka.topic_prefix)
        reader = Consumer(client.consumer(self._settings.kafka, "fleetleak-demo"))
        reader.assign(
            [TopicPartition(t, n, 0) for t in (names.scores, names.alerts) for n in range(_PARTITIONS)]
        )
        return reader

    def _check(self, processes: Processes) -> None:
        for name, code in processes.ended().items():
            # The leak ends when it reaches its limit, like a real one.
            if name != LEAK:
                raise DemoFailed(f"{name} ended with code {code}: {processes.last_words(name)}")

    def _read(self, message: Message, elapsed_seconds: float) -> None:
        topic = str(message.topic())
        try:
            self._take(topic, message.value(), elapsed_seconds)
        except Unreadable as error:
            self._skipped.setdefault(topic, Skipped(topic)).add(message, error)

    def _take(self, topic: str, value: bytes | None, elapsed_seconds: float) -> None:
        if topic.endswith(".scores"):
            score = _SCORES.decode(value)
            self._scores[score.instance] = score
            return
        alert = _ALERTS.decode(value)
        if alert.state == "resolved":
            self._firing.discard(alert.instance)
            return
        self._firing.add(alert.instance)
        # An alert on the leaking process before the leak began is wrong, too.
        if alert.service != f"process/{LEAK}" or alert.time < self._leak_begins:
            self.outcome.wrong.append(alert)
        elif self.outcome.alert is None:
            self.outcome.alert, self.outcome.seconds = alert, elapsed_seconds


_SCORES = Decoder(Score)
_ALERTS = Decoder(Alert)
