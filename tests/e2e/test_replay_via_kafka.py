"""`fleetleak replay --via-kafka`: the deployed processes give what the roles give in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import topics
from fleetleak.kafka.broker import free_port
from fleetleak.settings import Settings
from fleetleak_app.cli import main
from tests.unit.test_replay import COLUMNS, recorded, transitions

pytestmark = pytest.mark.kafka


def replay(settings: Settings, recording: Path, *words: str) -> int:
    kafka = ["--bootstrap-servers", settings.kafka.bootstrap_servers, "--kafka-topic-prefix", "via"]
    return main(["replay", str(recording), *COLUMNS, *kafka, *words])


def test_one_partition_gives_the_same_bytes_and_leaves_no_topics(settings: Settings, tmp_path: Path) -> None:
    recording = recorded(tmp_path / "r.csv", services=3, samples=300)
    files = [str(tmp_path / name) for name in ("a.jsonl", "s.jsonl", "via-a.jsonl", "via-s.jsonl")]
    memory = replay(settings, recording, "--alerts", files[0], "--scores", files[1])
    via = ["--via-kafka", "--topics-partitions", "1", "--alerts", files[2], "--scores", files[3]]
    assert (memory, replay(settings, recording, *via)) == (0, 0)
    alerts, scores, via_alerts, via_scores = (Path(name).read_bytes() for name in files)
    assert via_scores == scores != b""
    assert via_alerts == alerts != b""
    left = topics.existing(AdminClient({"bootstrap.servers": settings.kafka.bootstrap_servers}))
    assert [name for name in left if name.startswith("via-replay-")] == []


def test_with_more_partitions_the_alerts_are_the_same(settings: Settings, tmp_path: Path) -> None:
    recording = recorded(tmp_path / "r.csv", services=3, samples=300)
    plain, via = tmp_path / "a.jsonl", tmp_path / "v.jsonl"
    assert replay(settings, recording, "--alerts", str(plain)) == 0
    assert replay(settings, recording, "--via-kafka", "--alerts", str(via), "--topics-partitions", "4") == 0
    placed = ("input_partition", "input_offset")
    strip = [[{k: v for k, v in a.items() if k not in placed} for a in transitions(p)] for p in (plain, via)]
    assert strip[0] == strip[1] != []


def test_a_kafka_that_does_not_answer_is_told_with_the_fix(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = recorded(tmp_path / "r.csv", services=1, samples=10)
    settings.kafka.bootstrap_servers = f"127.0.0.1:{free_port()}"
    assert replay(settings, recording, "--via-kafka") == 1
    assert "connection refused: check the port in kafka.bootstrap_servers" in capsys.readouterr().err


def test_a_role_that_cannot_start_is_told_with_its_last_words(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = recorded(tmp_path / "r.csv", services=1, samples=10)
    assert replay(settings, recording, "--via-kafka", "--processor-river-model", "Nothing") == 1
    assert "processor.river_model" in capsys.readouterr().err
