"""`fleetleak doctor`: check what the roles depend on, and print how to fix it."""

from __future__ import annotations

import argparse
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from fleetleak.extras import hint
from fleetleak.kafka import client, topics
from fleetleak.kafka.hanging import hanging
from fleetleak.kafka.reach import Unreachable, reached
from fleetleak.kafka.trouble import Right, denied, sentence
from fleetleak.kafka.verify import problems
from fleetleak.settings import BadSetting, Loaded, Settings
from fleetleak_app.cli.connect import layout

if TYPE_CHECKING:
    from sinks.policy.file import PolicyFile

HELP = "check Kafka, topics, permissions, clocks and the policy file, and say the fix"
SECTIONS = ("kafka", "topics", "producer", "runtime", "policy", "notify", "log")

_TIMEOUT_SECONDS = 10.0
_MOST_SKEW_SECONDS = 5.0
_HIDDEN = "mount the host's at this place (docs/producers.md), or set producer.procfs / producer.cgroupfs"
_NO_CONTROLLER = "boot with cgroup_enable=memory, or leave cgroup out of producer.collectors"
_FIX_POLICY = "correct the file that policy.file names (docs/alerting.md has every field)"
_FIX_TARGET = "set it where `fleetleak sink notify` runs; `fleetleak notify test TARGET` tries a target"
_NO_PRESSURE = "boot with psi=1, or leave pressure out of producer.collectors: it is not measured here"


class Finding(NamedTuple):
    """The result of one check. A result that is `ok` and has a fix is a warning."""

    check: str
    ok: bool
    detail: str
    fix: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("--json", action="store_true", help="one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run all checks; return 1 if something needs a fix."""
    findings = list(diagnose(loaded.settings))
    if arguments.json:
        print(orjson.dumps([f._asdict() for f in findings]).decode())
    else:
        for finding in findings:
            print(f"{_word(finding)} {finding.check}: {finding.detail}")
            if finding.fix:
                print(f"     fix: {finding.fix}")
    return 0 if all(f.ok for f in findings) else 1


def _word(finding: Finding) -> str:
    if not finding.ok:
        return "FAIL"
    return "warn" if finding.fix else "ok  "


def diagnose(settings: Settings) -> Iterator[Finding]:
    """Yield the result of every check; checks that need Kafka are left out if it does not answer."""
    yield from _files(settings)
    yield from _policy(settings)
    where = settings.kafka.bootstrap_servers
    try:
        cluster = reached(settings.kafka)
        brokers = len(cluster.list_topics(timeout=_TIMEOUT_SECONDS).brokers)
    except (Unreachable, KafkaException) as error:
        yield _unreachable(where, error)
        return
    yield Finding("Kafka", True, f"{where}: {brokers} broker(s)")
    yield from _topics(settings, cluster)
    yield from _transactions(settings, cluster)
    yield _clock(settings)


def _unreachable(where: str, error: Unreachable | KafkaException) -> Finding:
    if isinstance(error, KafkaException):
        fix = "set kafka.bootstrap_servers, and kafka.properties for SASL or TLS; check the network"
        return Finding("Kafka", False, f"{where}: {' '.join(error.args[0].str().split())}", fix)
    address, _, words = str(error).partition(": ")
    what, _, fix = words.partition(": ")
    return Finding("Kafka", False, f"{address}: {what}", fix)


def _files(settings: Settings) -> Iterator[Finding]:
    from producers.host.collectors import default_names

    chosen = settings.producer.collectors
    collectors = default_names() if chosen is None else chosen
    proc = Path(settings.producer.procfs)
    yield _readable("meminfo", proc / "meminfo", _HIDDEN)
    yield _readable("vmstat", proc / "vmstat", _HIDDEN)
    yield _readable(
        "processes of others",
        proc / "1" / "status",
        "mount /proc without hidepid, or run the producer in its group",
    )
    if "cgroup" in collectors:
        yield _cgroups(Path(settings.producer.cgroupfs))
    if "pressure" in collectors:
        pressure = _readable("pressure", proc / "pressure" / "memory", _NO_PRESSURE)
        # A warning at most: the producer works without it.
        yield Finding(pressure.check, True, pressure.detail, pressure.fix)


def _readable(check: str, path: Path, fix: str) -> Finding:
    try:
        path.read_bytes()
    except OSError as error:
        return Finding(check, False, f"{path}: {error.strerror}", fix)
    return Finding(check, True, str(path))


def _cgroups(root: Path) -> Finding:
    # Imported here: the other commands do not need the agent.
    from producers.host.cgroupfs import Version2, detect
    from producers.host.files import Files
    from producers.host.reader import Reader

    hierarchy = detect(str(root), Reader(Files(limit=0)))
    controllers = root / "cgroup.controllers"
    if isinstance(hierarchy, Version2):
        return Finding("cgroups", True, f"version 2 at {root}")
    if hierarchy is not None:
        return _readable("cgroups", Path(hierarchy.root) / "memory.stat", _HIDDEN)
    readable = _readable("cgroups", controllers, _HIDDEN)
    if not readable.ok:
        return readable
    return Finding("cgroups", False, f"{controllers}: no memory controller", _NO_CONTROLLER)


def _policy(settings: Settings) -> Iterator[Finding]:
    # Imported here: only this check needs the sinks.
    from sinks.alerting.leak.role import leak_rules
    from sinks.policy.conditions import BadPolicy
    from sinks.policy.file import read

    try:
        policy = read(settings.policy.file)
        leak_rules(policy)
        if policy.targets:
            yield from _targets(settings, policy)
    except BadPolicy as error:
        yield Finding("policy", False, str(error), _FIX_POLICY)
    else:
        place = settings.policy.file or "the rules of fleetleak (policy.file is not set)"
        yield Finding("policy", True, f"{place}: rules {len(policy.rules)}, targets {len(policy.targets)}")


def _targets(settings: Settings, policy: PolicyFile) -> Iterator[Finding]:
    """Check each target's fields, and whether its secrets are here: a warning, for they belong elsewhere."""
    try:
        from sinks.notify.role import channel
        from sinks.notify.targets import targets

        specs = targets(policy)
    except ImportError as error:
        yield Finding("targets", True, f"not checked: {error}", hint("notify"))
        return
    for spec in specs:
        try:
            channel(settings, spec).close()
        except BadSetting as error:
            yield Finding(f"target {spec.name}", True, str(error), _FIX_TARGET)
        else:
            yield Finding(f"target {spec.name}", True, spec.kind)


def _topics(settings: Settings, cluster: AdminClient) -> Iterator[Finding]:
    wanted = layout(settings)
    try:
        wrong = problems(cluster, wanted, settings.kafka)
    except topics.WrongTopics as error:
        yield Finding("topics", False, str(error), "see the result for Kafka above")
        return
    for problem in wrong:
        yield Finding("topics", False, problem.what, problem.fix)
    if not wrong:
        yield Finding("topics", True, f"all {len(wanted)} fit")


def _transactions(settings: Settings, cluster: AdminClient) -> Iterator[Finding]:
    """Look for transactions that nobody will end, in our topics and in the topic of consumer offsets."""
    wanted = layout(settings)
    ours = {topic.name for topic in wanted} | {"__consumer_offsets"}
    patience_seconds = settings.runtime.transaction_timeout_seconds * 1.5
    try:
        counts = {name: count for name, count in topics.existing(cluster).items() if name in ours}
        places = [(name, number) for name, count in counts.items() for number in range(count)]
        open_transactions = hanging(cluster, places, patience_seconds)
    except (KafkaException, topics.WrongTopics) as error:
        words = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        fix = Right("Describe", "every topic above").missing(settings.kafka)
        yield Finding("transactions", False, f"could not be checked: {words}", fix)
        return
    for one in open_transactions:
        where = f"{one.topic}[{one.partition}]"
        detail = (
            f"one is open on {where} since offset {one.start_offset}, and blocks read_committed consumers"
        )
        cure = one.cure(settings.kafka.bootstrap_servers)
        fix = f"make sure that no role runs with a longer timeout, then {cure}"
        yield Finding("transactions", False, detail, fix)
    if not open_transactions:
        yield Finding("transactions", True, f"none has been open for longer than {patience_seconds:g} s")


def _clock(settings: Settings) -> Finding:
    """Compare the clock of this host with the broker's: by the append time of a test record."""
    topic = topics.names(settings.kafka.topic_prefix).feedback
    try:
        skew = _skew(settings, topic)
    except (KafkaException, TimeoutError) as error:
        return Finding(
            "clock", False, f"could not be compared through {topic}: {_words(error)}", _fix(error, settings)
        )
    if abs(skew) <= _MOST_SKEW_SECONDS:
        return Finding("clock", True, f"{skew:+.1f} s against the broker")
    fix = "run an NTP client on this host: records from the future become dead letters"
    return Finding("clock", False, f"{skew:+.1f} s against the broker", fix)


def _words(error: KafkaException | TimeoutError) -> str:
    return error.args[0].str() if isinstance(error, KafkaException) else str(error)


def _fix(error: KafkaException | TimeoutError, settings: Settings) -> str:
    if isinstance(error, KafkaException) and denied(error.args[0]):
        topic = topics.names(settings.kafka.topic_prefix).feedback
        return sentence(error, Right("Write and Read", f"topic {topic}"), settings.kafka)
    return "see the results for Kafka and topics above"


def _skew(settings: Settings, topic: str) -> float:
    """Return how far this host's clock is ahead of the broker's, in seconds."""
    placed: list[tuple[int, int]] = []

    def delivered(error: KafkaError | None, message: object) -> None:
        if error is not None:
            raise KafkaException(error)
        placed.append((message.partition(), message.offset()))  # type: ignore[attr-defined]

    producer = Producer(client.producer(settings.kafka))
    before = time.time()
    # Not a label: every role ignores a control record with an unknown schema.
    probe = orjson.dumps({"schema": "clock-probe/1", "service": f"doctor-{uuid.uuid4().hex[:8]}"})
    producer.produce(topic, probe, b"doctor", on_delivery=delivered)
    producer.flush(_TIMEOUT_SECONDS)
    if not placed:
        raise TimeoutError("the broker did not take a record")
    ours = (before + time.time()) / 2
    consumer = Consumer(client.consumer(settings.kafka, f"{settings.kafka.topic_prefix}-doctor"))
    try:
        consumer.assign([TopicPartition(topic, *placed[0])])
        message = consumer.poll(_TIMEOUT_SECONDS)
    finally:
        consumer.close()
    if message is None:
        raise TimeoutError("the record could not be read back in time")
    if (error := message.error()) is not None:
        raise KafkaException(error)
    return ours - message.timestamp()[1] / 1000
