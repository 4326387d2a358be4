"""`fleetleak doctor`: every problem is named with its fix."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it exports them without saying so
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from fleetleak.kafka import client, topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.settings import Settings
from fleetleak_app.cli import doctor as command
from fleetleak_app.cli import main
from tests.kafka.support import wait_for

pytestmark = pytest.mark.kafka


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host without problems."""
    for name, text in {
        "proc/meminfo": "MemTotal: 1 kB",
        "proc/vmstat": "pgfault 1",
        "proc/1/status": "Name: init",
        "proc/pressure/memory": "some avg10=0.00",
        "cgroup/cgroup.controllers": "cpu memory io",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def words(settings: Settings, host: Path) -> list[str]:
    return [
        "doctor", "--bootstrap-servers", settings.kafka.bootstrap_servers,
        "--kafka-topic-prefix", settings.kafka.topic_prefix,
        "--topics-partitions", str(settings.topics.partitions),
        "--procfs", str(host / "proc"), "--cgroupfs", str(host / "cgroup"),
    ]  # fmt: skip


def doctor(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, dict[str, Any]]:
    code = main([*words(settings, host), "--json", *more])
    (line,) = capsys.readouterr().out.splitlines()
    return code, {finding["check"]: finding for finding in json.loads(line)}


def test_all_is_well(settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, findings = doctor(settings, host, capsys)
    assert [name for name, finding in findings.items() if not finding["ok"]] == []
    assert code == 0
    assert findings.keys() >= {"Kafka", "topics", "transactions", "clock", "meminfo", "cgroups", "pressure"}


def test_the_policy_file_and_the_secrets_of_its_targets(
    settings: Settings,
    host: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        '[targets.ops]\nkind = "stdout"\n[targets.p]\nkind = "pagerduty"\nrouting_key = {env = "N"}\n'
    )
    code, findings = doctor(settings, host, capsys, "--policy-file", str(file))
    assert code == 0
    assert findings["policy"]["detail"].startswith(f"{file}: rules ")
    assert findings["target ops"]["detail"] == "stdout"
    assert "there is no environment variable N" in findings["target p"]["detail"]
    assert "fleetleak notify test TARGET" in findings["target p"]["fix"]
    monkeypatch.setitem(sys.modules, "httpx2", None)
    monkeypatch.delitem(sys.modules, "sinks.notify.notifiers.pagerduty", raising=False)
    monkeypatch.delitem(sys.modules, "sinks.notify.http", raising=False)
    code, findings = doctor(settings, host, capsys, "--policy-file", str(file))
    assert code == 0
    assert findings["targets"]["detail"].startswith("not checked: ")
    file.write_text("[thresholds]\nbass = 0.7\n")
    code, findings = doctor(settings, host, capsys, "--policy-file", str(file))
    assert code == 1
    assert "bass" in findings["policy"]["detail"]
    assert not findings["policy"]["ok"]


def test_a_transaction_that_nobody_ends(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = topics.names(settings.kafka.topic_prefix).scores
    producer = Producer(client.transactional(settings.kafka, "forgotten", 60))
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(topic, b"{}", b"a-service", 0)
    assert producer.flush(30) == 0
    code, findings = doctor(settings, host, capsys, "--runtime-transaction-timeout-seconds", "1")
    assert code == 1
    assert not findings["transactions"]["ok"]
    assert f"abort --topic {topic} --partition 0 --start-offset 0" in findings["transactions"]["fix"]
    producer.abort_transaction()
    assert doctor(settings, host, capsys)[1]["transactions"]["ok"]


def test_a_cgroup_tree_without_the_memory_controller(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (host / "cgroup" / "cgroup.controllers").write_text("cpu io")
    code, findings = doctor(settings, host, capsys)
    assert code == 1
    assert not findings["cgroups"]["ok"]
    assert "cgroup_enable=memory" in findings["cgroups"]["fix"]
    without = ("--producer-collectors", "host", "--producer-collectors", "process")
    code, findings = doctor(settings, host, capsys, *without)
    assert (code, "cgroups" in findings) == (0, False)


def test_a_hybrid_cgroup_tree_has_its_memory_controller_in_version_1(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (host / "cgroup" / "cgroup.controllers").write_text("")
    (host / "cgroup" / "memory").mkdir()
    code, findings = doctor(settings, host, capsys)
    assert code == 1
    assert str(host / "cgroup" / "memory" / "memory.stat") in findings["cgroups"]["detail"]
    (host / "cgroup" / "memory" / "memory.stat").write_text("total_rss 1")
    assert doctor(settings, host, capsys)[0] == 0


@pytest.mark.parametrize(
    ("check", "name", "fix"),
    [
        ("meminfo", "proc/meminfo", "producer.procfs"),
        ("vmstat", "proc/vmstat", "producer.procfs"),
        ("processes of others", "proc/1/status", "hidepid"),
        ("cgroups", "cgroup/cgroup.controllers", "producer.cgroupfs"),
    ],
)
@pytest.mark.parametrize("how", ["missing", "unreadable"])
def test_a_file_that_cannot_be_read_is_named(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str],
    check: str, name: str, fix: str, how: str,
) -> None:  # fmt: skip
    (host / name).unlink()
    if how == "unreadable":
        (host / name).mkdir()  # a directory cannot be read as a file, even by root
    code, findings = doctor(settings, host, capsys)
    assert code == 1
    assert [c for c, finding in findings.items() if not finding["ok"]] == [check]
    assert findings[check]["detail"].startswith(f"{host / name}: ")
    assert fix in findings[check]["fix"]


def test_unreadable_pressure_is_a_warning(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (host / "proc" / "pressure" / "memory").unlink()
    (host / "proc" / "pressure" / "memory").mkdir()
    code, findings = doctor(settings, host, capsys)
    assert (code, findings["pressure"]["ok"]) == (0, True)
    assert "not measured" in findings["pressure"]["fix"]


def test_for_people_a_warning_is_told_from_a_failure(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (host / "proc" / "pressure" / "memory").unlink()
    (host / "proc" / "vmstat").unlink()
    assert main(words(settings, host)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"warn pressure: {host}/proc/pressure/memory: No such file or directory" in lines
    assert f"FAIL vmstat: {host}/proc/vmstat: No such file or directory" in lines
    assert sum(line.startswith("     fix: ") for line in lines) == 2


def test_topics_of_another_track_and_partition_counts_are_checked(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, findings = doctor(settings, host, capsys, "--kafka-track", "other")
    assert code == 1
    assert "other" in findings["topics"]["detail"]
    assert "fleetleak topics create" in findings["topics"]["fix"]
    code, findings = doctor(settings, host, capsys, "--topics-partitions", "3")
    assert code == 1
    assert "topics.partitions" in findings["topics"]["fix"]


@pytest.mark.parametrize("ahead_seconds", [3600, -3600])
def test_a_clock_that_is_wrong_is_told_by_how_much(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, ahead_seconds: float,
) -> None:  # fmt: skip
    monkeypatch.setattr(command, "time", SimpleNamespace(time=lambda: time.time() + ahead_seconds))
    code, findings = doctor(settings, host, capsys)
    assert code == 1
    assert float(findings["clock"]["detail"].split()[0]) == pytest.approx(ahead_seconds, abs=60)
    assert "NTP" in findings["clock"]["fix"]


def test_a_cluster_that_is_away_is_told(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.kafka.bootstrap_servers = "127.0.0.1:1"
    code, findings = doctor(settings, host, capsys)
    assert (code, findings["Kafka"]["ok"]) == (1, False)
    assert findings["Kafka"]["detail"] == "127.0.0.1:1: connection refused"
    assert "that Kafka runs" in findings["Kafka"]["fix"]
    assert findings.keys().isdisjoint({"topics", "clock"})


# What has no rule is open to all.
ACCESS_CONTROL = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


@pytest.fixture(scope="module")
def guarded() -> Iterator[Settings]:
    """Settings with topics, on a broker of their own with access control."""
    with EmbeddedBroker(heap_mib=256, properties=ACCESS_CONTROL) as broker:
        made = Settings()
        made.kafka.bootstrap_servers = broker.bootstrap_servers
        made.topics.partitions = 2
        admin = AdminClient(client.common(made.kafka))
        topics.create(admin, topics.layout(made.kafka.topic_prefix, made.topics), 1)
        yield made


READING = (AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS, AclOperation.READ)
WRITING = (AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS, AclOperation.WRITE)


@pytest.mark.parametrize("operations", [READING, WRITING], ids=["no-write", "no-read"])
def test_a_refused_probe_says_what_to_allow(
    guarded: Settings, host: Path, capsys: pytest.CaptureFixture[str], operations: tuple[AclOperation, ...]
) -> None:
    with only(guarded, operations):
        wait_for(lambda: not doctor(guarded, host, capsys)[1]["clock"]["ok"], what="the rules")
        code, findings = doctor(guarded, host, capsys)
    assert code == 1
    assert findings["topics"]["ok"]
    assert findings["clock"]["detail"].endswith("Topic authorization failed")
    topic = topics.names(guarded.kafka.topic_prefix).feedback
    assert findings["clock"]["fix"] == (
        f"not authorised: allow this user the operation Write and Read on topic {topic}"
    )


@contextlib.contextmanager
def only(settings: Settings, operations: tuple[AclOperation, ...]) -> Iterator[None]:
    """Allow everybody these operations, and no others, on the topic of the probe."""
    topic = topics.names(settings.kafka.topic_prefix).feedback
    admin = AdminClient(client.common(settings.kafka))
    rules = [
        AclBinding(
            ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation,
            AclPermissionType.ALLOW,
        )
        for operation in operations
    ]  # fmt: skip
    for done in admin.create_acls(rules).values():
        done.result()
    yield
    everything = AclBindingFilter(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", AclOperation.ANY,
        AclPermissionType.ANY,
    )  # fmt: skip
    for done in admin.delete_acls([everything]).values():
        done.result()
