"""Kill -9 at random moments, workers that come and go, zombies, a broker restart (more: long.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetleak.kafka.broker import EmbeddedBroker
from tests.faults import jobs
from tests.faults.campaign import Job, disturbed, undisturbed

pytestmark = pytest.mark.kafka

SEED = 20261122
PARTITIONS = 8


def check(broker: EmbeddedBroker, job: Job, kills: int, logs: Path) -> None:
    expected = undisturbed(broker, job, PARTITIONS, logs)
    happened = disturbed(broker, job, PARTITIONS, logs / "disturbed", kills, SEED, expected)
    print(f"seed {SEED}: {happened.kills} kills, {happened.others}")
    assert happened.kills >= kills
    assert all(happened.others.values()), f"not everything happened: {happened.others}"
    assert happened.differences == []


def test_a_role_whose_outputs_depend_on_all_before(broker: EmbeddedBroker, tmp_path: Path) -> None:
    job = jobs.chain(20_000, 200, PARTITIONS, workers=3, seed=SEED)
    check(broker, job, 8, tmp_path)


def test_the_processor_and_the_alerting_sink(broker: EmbeddedBroker, tmp_path: Path) -> None:
    job = jobs.product(100, 40, PARTITIONS, workers=2, seed=SEED)
    expected = undisturbed(broker, job, PARTITIONS, tmp_path)
    assert any(topic == ".alerts" for topic, _, _ in expected), "nothing was alerted: the input is too tame"
    happened = disturbed(broker, job, PARTITIONS, tmp_path / "disturbed", 4, SEED, expected)
    assert happened.kills >= 4
    assert happened.differences == []
