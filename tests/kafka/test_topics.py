"""The topics on a real Kafka: created as planned, verified, and refused with the fix."""

from __future__ import annotations

import subprocess
import sys
import uuid

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it exports them without saying so
    AdminClient,
    ConfigResource,
    ResourceType,
)

from fleetleak.kafka import client, topics, verify
from fleetleak.kafka.broker import EmbeddedBroker, free_port
from fleetleak.kafka.topics import Topic, WrongTopics
from fleetleak.settings import Settings
from fleetleak_app.cli import main

pytestmark = pytest.mark.kafka

PARTITIONS = 2
KAFKA = Settings().kafka


def problems(admin: AdminClient, plan: list[Topic]) -> list[str]:
    return [str(problem) for problem in verify.problems(admin, plan, KAFKA)]


@pytest.fixture(scope="module")
def admin(broker: EmbeddedBroker) -> AdminClient:
    made = Settings()
    made.kafka.bootstrap_servers = broker.bootstrap_servers
    return AdminClient(client.common(made.kafka))


@pytest.fixture
def prefix() -> str:
    return f"t{uuid.uuid4().hex[:10]}"


def wanted(prefix: str, partitions: int = PARTITIONS) -> list[Topic]:
    settings = Settings().topics
    settings.partitions = partitions
    return topics.layout(prefix, settings)


def create(admin: AdminClient, plan: list[Topic]) -> list[str]:
    return topics.create(admin, plan, 1)


def make(admin: AdminClient, topic: Topic, **changes: str) -> None:
    """Create one topic by hand, with a wrong configuration."""
    create(admin, [topic._replace(config=topic.config | changes)])


def configs(admin: AdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    answers = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in names])
    return {r.name: {k: v.value for k, v in answer.result().items()} for r, answer in answers.items()}


def test_what_is_created_is_what_was_planned(admin: AdminClient, prefix: str) -> None:
    plan = wanted(prefix)
    assert create(admin, plan) == [topic.name for topic in plan]
    there = topics.existing(admin)
    actual = configs(admin, [topic.name for topic in plan])
    for topic in plan:
        assert there[topic.name] == topic.partitions
        assert actual[topic.name] | topic.config == actual[topic.name]
    assert problems(admin, plan) == []
    verify.verify(admin, plan, KAFKA)


def test_what_was_created_is_there_at_once(admin: AdminClient, broker: EmbeddedBroker) -> None:
    for number in range(3):
        name = f"t{uuid.uuid4().hex[:10]}"
        created = command(broker, name, "create")
        assert (created.returncode, created.stdout.count("\n")) == (0, 1), f"{number}: {created.stdout}"


def test_topics_that_the_cluster_does_not_list_are_told(
    admin: AdminClient, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = wanted(prefix)[:1]
    monkeypatch.setattr(topics, "existing", lambda admin: {})
    monkeypatch.setattr(topics, "_TIMEOUT_SECONDS", 5.0)
    with pytest.raises(WrongTopics, match=rf"created, but not listed yet: {prefix}\.snapshots; "):
        topics.create(admin, plan, 1)


def test_creating_again_changes_nothing(admin: AdminClient, prefix: str) -> None:
    plan = wanted(prefix)
    create(admin, plan)
    assert create(admin, wanted(prefix, 5)) == []
    assert problems(admin, plan) == []


def test_a_missing_topic_is_named_and_only_it_is_created(admin: AdminClient, prefix: str) -> None:
    plan = wanted(prefix)
    create(admin, plan[:-1])
    fix = f"topic {plan[-1].name} is missing: run `fleetleak topics create`"
    assert problems(admin, plan) == [fix]
    with pytest.raises(WrongTopics) as caught:
        verify.verify(admin, plan, KAFKA)
    assert str(caught.value) == fix
    assert create(admin, plan) == [plan[-1].name]


def test_missing_topics_are_one_line(admin: AdminClient, prefix: str) -> None:
    (problem,) = problems(admin, wanted(prefix))
    assert problem == (
        f"12 topics are missing: {', '.join(topics.names(prefix))}: run `fleetleak topics create`"
    )


def test_a_wrong_partition_count_is_refused(admin: AdminClient, prefix: str) -> None:
    create(admin, wanted(prefix, 1)[:1])
    create(admin, wanted(prefix))
    (problem,) = problems(admin, wanted(prefix))
    assert problem.startswith(
        f"topic {prefix}.snapshots has 1 partitions, not {PARTITIONS}: set topics.partitions"
    )


@pytest.mark.parametrize(
    ("field", "key", "value"),
    [
        ("models", "cleanup.policy", "delete"),
        ("alert_state", "cleanup.policy", "compact,delete"),
        ("scores", "cleanup.policy", "compact"),
        ("snapshots", "message.timestamp.type", "CreateTime"),
    ],
)
def test_a_wrong_configuration_is_refused(
    admin: AdminClient, prefix: str, field: str, key: str, value: str
) -> None:
    name = getattr(topics.names(prefix), field)
    (topic,) = (t for t in wanted(prefix) if t.name == name)
    make(admin, topic, **{key: value})
    create(admin, wanted(prefix))
    right = topic.config[key]
    (problem,) = problems(admin, wanted(prefix))
    there, _, fix = problem.partition(": ")
    assert there.startswith(f"topic {name} has {key}=")
    assert there.endswith(f", not {right}")
    actual = there.partition("=")[2].removesuffix(f", not {right}")
    assert sorted(actual.split(",")) == sorted(value.split(","))
    assert fix.endswith(f"--alter --entity-type topics --entity-name {name} --add-config {key}={right}")
    with pytest.raises(WrongTopics):
        verify.verify(admin, wanted(prefix), KAFKA)


@pytest.mark.parametrize(
    ("field", "key", "value"),
    [
        ("snapshots", "retention.ms", "1000"),
        ("alerts", "segment.ms", "100000"),
        ("models", "segment.bytes", "1048576"),
        ("models", "min.cleanable.dirty.ratio", "0.5"),
        ("feedback", "max.message.bytes", "1000000"),
    ],
)
def test_everything_that_is_planned_is_verified_and_no_role_refuses_it(
    admin: AdminClient, prefix: str, field: str, key: str, value: str
) -> None:
    name = getattr(topics.names(prefix), field)
    (topic,) = (t for t in wanted(prefix) if t.name == name)
    make(admin, topic, **{key: value})
    create(admin, wanted(prefix))
    (problem,) = problems(admin, wanted(prefix))
    assert problem.startswith(f"topic {name} has {key}={value}, not {topic.config[key]}: kafka-configs.sh")
    verify.verify(admin, wanted(prefix), KAFKA)


def test_what_several_topics_have_is_one_line(admin: AdminClient, prefix: str) -> None:
    create(admin, wanted(prefix))
    settings = Settings().topics
    settings.partitions, settings.replication_factor, settings.alert_hours = PARTITIONS, 3, 24
    copies, retention, segments = problems(admin, topics.layout(prefix, settings))
    assert copies.startswith(f"topics {', '.join(topics.names(prefix))} have replication factor 1, not 3: ")
    names = topics.names(prefix)
    long = [names.alerts, names.silent_alerts, names.drift, names.feedback, names.dead_letter]
    assert retention.startswith(f"topics {', '.join(long)} have retention.ms=31536000000, not 86400000: ")
    assert f"for t in {' '.join(long)}; do kafka-configs.sh --bootstrap-server" in retention
    assert "segment.ms" in segments


def test_more_copies_than_brokers_are_refused_in_words(admin: AdminClient, prefix: str) -> None:
    with pytest.raises(WrongTopics, match=rf"topic {prefix}\.snapshots could not be created: .*[Rr]eplica"):
        topics.create(admin, wanted(prefix), 9)


def command(broker: EmbeddedBroker, prefix: str, action: str, *more: str) -> subprocess.CompletedProcess[str]:
    words = [
        "topics",
        action,
        "--bootstrap-servers",
        broker.bootstrap_servers,
        "--kafka-topic-prefix",
        prefix,
    ]
    return subprocess.run(
        [sys.executable, "-m", "fleetleak_app", *words, "--topics-partitions", str(PARTITIONS), *more],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_the_command_plans_creates_and_verifies(
    broker: EmbeddedBroker, admin: AdminClient, prefix: str
) -> None:
    plan = command(broker, prefix, "plan")
    assert plan.returncode == 0
    head, *lines = plan.stdout.split("\n\n")[0].splitlines()
    assert head.split() == ["topic", "partitions", "replication"]
    assert [line.split() for line in lines] == [[n, str(PARTITIONS), "1"] for n in topics.names(prefix)]
    assert plan.stdout.count("  cleanup.policy=") == len(topics.SPECS)
    assert not any(name.startswith(prefix) for name in topics.existing(admin)), "a plan touches nothing"

    missing = command(broker, prefix, "verify")
    assert missing.returncode == 1
    assert missing.stdout.startswith("12 topics are missing: ")

    created = command(broker, prefix, "create")
    assert created.stdout.splitlines()[0] == f"created {', '.join(topics.names(prefix))}"
    assert created.stderr == ""

    verified = command(broker, prefix, "verify")
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "all 12 topics fit\n", "")

    again = command(broker, prefix, "create")
    assert (again.returncode, again.stdout) == (0, "nothing to create: all topics exist\n")

    other = command(broker, prefix, "verify", "--topics-partitions", "3")
    assert other.returncode == 1
    assert other.stdout.count("have 2 partitions, not 3") == 1


def test_a_track_has_topics_of_its_own_beside_the_shared_ones(
    broker: EmbeddedBroker, admin: AdminClient, prefix: str
) -> None:
    track = "--kafka-track", "bold"
    ours = [f"{prefix}.bold.{name}" for name in ("scores", "models", "alert-state", "drift")]
    command(broker, prefix, "create")
    missing = command(broker, prefix, "verify", *track)
    assert missing.stdout.startswith(f"4 topics are missing: {', '.join(ours)}: ")
    created = command(broker, prefix, "create", *track)
    assert created.stdout.splitlines()[0] == f"created {', '.join(ours)}"
    plain, bold = wanted(prefix), topics.layout(prefix, Settings().topics, "bold")
    assert [t.config for t in bold] == [t.config for t in plain]
    assert topics.existing(admin).keys() >= {t.name for t in (*plain, *bold)}


def test_tracks_and_prefixes_never_meet() -> None:
    names = [set(topics.names(*of)) for of in (("a", "main"), ("a", "b"), ("a-b", "main"), ("a-b", "b"))]
    assert len(set.union(*names)) == 12 + 4 + 12 + 4
    assert topics.names("a", "b").snapshots == topics.names("a").snapshots
    assert len({topics.owner(*of) for of in (("a", "main"), ("a", "b"), ("a-b", "main"))}) == 3


@pytest.mark.parametrize("action", ["create", "verify"])
def test_a_cluster_that_is_away_is_one_line(action: str, capfd: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{free_port()}"
    assert main(["topics", action, "--bootstrap-servers", address]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"fleetleak: {address}: connection refused: ")
