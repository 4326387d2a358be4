"""`fleetleak doctor`: each thing that can be wrong is named with its fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fleetleak.cli import main
from fleetleak.settings import Settings

pytestmark = pytest.mark.kafka


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host on which all is well."""
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


def doctor(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, dict[str, Any]]:
    code = main(
        ["doctor", "--json", "--bootstrap-servers", settings.kafka.bootstrap_servers,
         "--kafka-topic-prefix", settings.kafka.topic_prefix,
         "--topics-partitions", str(settings.topics.partitions),
         "--procfs", str(host / "proc"), "--cgroupfs", str(host / "cgroup"), *words]
    )  # fmt: skip
    findings = json.loads(capsys.readouterr().out.splitlines()[-1])
    return code, {finding["check"]: finding for finding in findings}


def test_all_is_well(settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = doctor(settings, host, capsys)
    assert [name for name, finding in found.items() if not finding["ok"]] == []
    assert code == 0
    assert found.keys() >= {"Kafka", "topics", "clock", "meminfo", "cgroups (v2)", "pressure"}


def test_a_cgroup_tree_without_the_memory_controller(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (host / "cgroup" / "cgroup.controllers").write_text("cpu io")
    code, found = doctor(settings, host, capsys)
    assert code == 1
    assert not found["cgroups (v2)"]["ok"]
    assert "cgroup_enable=memory" in found["cgroups (v2)"]["fix"]


def test_a_missing_file_is_named(settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (host / "proc" / "meminfo").unlink()
    code, found = doctor(settings, host, capsys)
    assert code == 1
    assert str(host / "proc" / "meminfo") in found["meminfo"]["detail"]
    assert "producer.procfs" in found["meminfo"]["fix"]


def test_unreadable_pressure_is_no_failure(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (host / "proc" / "pressure" / "memory").unlink()
    (host / "proc" / "pressure" / "memory").mkdir()  # a directory cannot be read as a file, even by root
    code, found = doctor(settings, host, capsys)
    assert (code, found["pressure"]["ok"]) == (0, True)
    assert "not measured" in found["pressure"]["detail"]


def test_topics_of_another_track_and_partition_counts_are_checked(
    settings: Settings, host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = doctor(settings, host, capsys, "--kafka-track", "other")
    assert code == 1
    assert "other" in found["topics"]["detail"]
    assert "fleetleak topics create" in found["topics"]["fix"]
    code, found = doctor(settings, host, capsys, "--topics-partitions", "3")
    assert code == 1
    assert "topics.partitions" in found["topics"]["fix"]
