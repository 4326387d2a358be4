"""Roles on a Kafka with access control: docs/operating.md lists enough rights, and a missing one is named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, ResourceType  # type: ignore[attr-defined]

from fleetleak.kafka import topics
from fleetleak.records import encode
from fleetleak.settings import Settings
from fleetleak_app.cli import main
from tests.e2e.support import running
from tests.kafka.guarded import USER, Guarded, guarded
from tests.kafka.support import read_all, send, wait_for
from tests.notify.support import alert

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl"),
]

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional id": ResourceType.TRANSACTIONAL_ID,
}
OPERATIONS = {
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "Describe": AclOperation.DESCRIBE,
    "Create": AclOperation.CREATE,
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
}
ROLES = {
    "producer": ["producer"],
    "processor": ["processor"],
    "alerting": ["sink", "alerting"],
    "drift": ["sink", "drift"],
}


@pytest.fixture(scope="module")
def kafka() -> Iterator[Guarded]:
    with guarded() as running:
        yield running


def made(kafka: Guarded, prefix: str) -> Settings:
    """Return the settings of the user, and create the topics."""
    settings = kafka.settings()
    settings.kafka.topic_prefix = prefix
    settings.topics.partitions = 2
    topics.create(kafka.admin(), topics.layout(prefix, settings.topics), 1)
    return settings


def allow(kafka: Guarded, prefix: str, who: str) -> None:
    """Give the user the rights that the page lists for `who`."""
    rows = re.findall(rf"^\| {who} \| (topic|group|transactional id) (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    assert rows, f"the page has no rights of {who}"
    for kind, names, operations in rows:
        for name in re.findall(r"`P(.*?)\*?`", names):
            kafka.allow(KINDS[kind], prefix + name, *(OPERATIONS[o] for o in operations.split(", ")))


def environment(settings: Settings) -> dict[str, str]:
    return {
        "FLEETLEAK_KAFKA_PROPERTIES": json.dumps(settings.kafka.properties),
        "FLEETLEAK_PRODUCER_INTERVAL_SECONDS": "0.5",
    }


def test_what_the_page_lists_is_enough_for_each_role(kafka: Guarded, tmp_path: Path) -> None:
    for name, words in ROLES.items():
        settings = made(kafka, f"enough{name}")
        allow(kafka, settings.kafka.topic_prefix, name)
        plain = Settings()
        plain.kafka.bootstrap_servers = kafka.plain
        # What is unreadable needs every right to write: it becomes a dead letter, in a transaction.
        own = topics.names(settings.kafka.topic_prefix)
        send(plain, own.snapshots if name == "processor" else own.scores, [(b"k", b"bad")] * 5)
        with running(settings, tmp_path, {name: words}, **environment(settings)) as roles:
            roles[name].wait_ready()
            if name != "producer":
                wait_for(
                    lambda: "fleetleak_runtime_commits_total 0" not in roles[name].get("/metrics")[1],  # noqa: B023
                    what=f"a commit: {roles[name].log()}",
                )
                roles[name].wait_told("dead letters (malformed): 5, the first ")
            assert "not authorised" not in roles[name].log()


def test_what_the_page_lists_is_enough_to_notify(kafka: Guarded, tmp_path: Path) -> None:
    settings = made(kafka, "enoughnotify")
    allow(kafka, "enoughnotify", "notify")
    policy = tmp_path / "policy.toml"
    policy.write_text('[targets.lines]\nkind = "stdout"\n')
    plain = Settings()
    plain.kafka.bootstrap_servers = kafka.plain
    own = topics.names("enoughnotify")
    begun = alert("shop/cart")
    more = environment(settings) | {"FLEETLEAK_POLICY_FILE": str(policy)}
    with running(settings, tmp_path, {"notify": ["sink", "notify"]}, **more) as roles:
        roles["notify"].wait_ready()
        send(plain, own.alerts, [(b"k", b"bad"), (begun.key.encode(), encode(begun))])
        roles["notify"].wait_told("dead letters (malformed): 1, the first ")
        roles["notify"].wait_told('"schema":"notice/1"')
        wait_for(lambda: len(read_all(plain, own.sent)) == 1, what="what was sent")
        assert "not authorised" not in roles["notify"].log()


def test_what_the_page_lists_is_enough_for_commands(
    kafka: Guarded, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = made(kafka, "commands")
    allow(kafka, "commands", "commands that read")
    properties = ",".join(f"{name}={value}" for name, value in settings.kafka.properties.items())
    where = [
        "--bootstrap-servers",
        kafka.sasl,
        "--kafka-topic-prefix",
        "commands",
        "--topics-partitions",
        "2",
    ]
    assert main(["alerts", *where, "--kafka-properties", properties]) == 0
    assert capsys.readouterr().out.startswith("nothing is firing")


def test_a_producer_without_rights_says_so_and_goes_on(kafka: Guarded, tmp_path: Path) -> None:
    settings = made(kafka, "mute")
    with running(settings, tmp_path, {"producer": ["producer"]}, **environment(settings)) as roles:
        producer = roles["producer"]
        producer.wait_told(f"allow user {USER} the operation Write on topic mute.snapshots")
        assert "Traceback" not in producer.log()
        allow(kafka, "mute", "producer")
        producer.wait_ready()


@pytest.mark.parametrize(
    ("operations", "told"),
    [
        ((), "operation Describe on topic"),
        (("Describe", "DescribeConfigs"), "not authorised: allow user alice the operation "),
    ],
    ids=["nothing", "only-looks"],
)
def test_a_processor_without_rights_ends_and_says_which(
    kafka: Guarded, tmp_path: Path, operations: tuple[str, ...], told: str
) -> None:
    prefix = f"blind{len(operations)}"
    settings = made(kafka, prefix)
    if operations:
        kafka.allow(ResourceType.TOPIC, prefix, *(OPERATIONS[o] for o in operations))
    with running(settings, tmp_path, {"processor": ["processor"]}, **environment(settings)) as roles:
        assert roles["processor"].process.wait(60) == 1
        log = roles["processor"].log()
    assert told in log
    assert "Traceback" not in log
    assert "missing" not in log
