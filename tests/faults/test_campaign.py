"""Kill -9 at random moments, workers that come and go, zombies, a broker restart."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from fleetleak.kafka.broker import EmbeddedBroker
from tests.faults import jobs
from tests.faults.campaign import Happened, Job, disturbed, undisturbed
from tests.faults.cluster import LONG, only_long
from tests.faults.outcome import Outputs

pytestmark = pytest.mark.kafka

Protocol = Literal["classic", "consumer"]
SEED = 20261122
PARTITIONS = 8


class Size(NamedTuple):
    """The size of the campaigns."""

    records: int
    services: int
    kills: int
    ticks: int
    product_services: int
    product_kills: int


SIZE = Size(200_000, 2_000, 50, 100, 2_000, 50) if LONG else Size(20_000, 200, 8, 100, 40, 4)


def run(
    broker: EmbeddedBroker, job: Job, kills: int, logs: Path, protocol: Protocol = "classic"
) -> tuple[Outputs, Happened]:
    expected = undisturbed(broker, job, PARTITIONS, logs, kills)
    happened = disturbed(broker, job, PARTITIONS, logs / "disturbed", kills, SEED, expected, protocol)
    print(f"seed {SEED}, {len(job.records)} records: {happened.kills} kills, {happened.others}")
    assert happened.differences == []
    assert happened.kills >= kills
    return expected, happened


@pytest.mark.parametrize("protocol", ["classic", pytest.param("consumer", marks=only_long)])
def test_a_role_whose_outputs_depend_on_all_before(
    protocol: Protocol, broker: EmbeddedBroker, tmp_path: Path
) -> None:
    job = jobs.chain(SIZE.records, SIZE.services, PARTITIONS, workers=3, seed=SEED)
    _, happened = run(broker, job, SIZE.kills, tmp_path, protocol)
    assert all(happened.others.values()), f"not everything happened: {happened.others}"


def test_the_processor_and_the_alerting_sink(broker: EmbeddedBroker, tmp_path: Path) -> None:
    job = jobs.product(SIZE.ticks, SIZE.product_services, PARTITIONS, workers=2, seed=SEED)
    expected, _ = run(broker, job, SIZE.product_kills, tmp_path)
    alerts = [value for (topic, _, _), values in expected.items() if topic == ".alerts" for value in values]
    assert alerts, "nothing was alerted: the input is too tame"
    assert any(b"tester said not-a-leak" in alert for alert in alerts), "no label took effect"
