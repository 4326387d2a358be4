"""What siblings tell: who grows in which version, memory against age, and what a cold service may borrow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fleetleak.records import Score, encode
from fleetleak.records.control import ModelPrior
from fleetleak.stream import Key, Record
from processors.place.stored import decode
from processors.scoring import Scoring
from tests.processors.series import MIB, START, read_score, record, role, snapshot

TICKS = 240


def deploy(leaks_in: str, instances: int = 4) -> Iterator[Record]:
    """Yield the records of a service that goes from version 1 to version 2; one of the versions leaks."""
    offset = 0
    for tick in range(2 * TICKS):
        version = "1" if tick < TICKS else "2"
        for number in range(instances):
            age = tick % TICKS
            used = 300 * MIB + (age * 2 * MIB if version == leaks_in else 0) + (tick * 7 + number) % 5 * MIB
            yield record(
                snapshot(
                    "api", tick, used, instance=f"api-{version}-{number}", version=version,
                    started=START + 30.0 * (TICKS if version == "2" else 0),
                ),
                offset,
            )  # fmt: skip
            offset += 1


def scores(scoring: Scoring, records: list[Record], size: int = 500) -> list[Score]:
    found: list[Score] = []
    for begin in range(0, len(records), size):
        found += [read_score(o.value) for o in scoring.apply(records[begin : begin + size]).outputs]
    return found


@pytest.fixture(scope="module")
def deployed() -> list[Score]:
    """The scores of a deploy of a version that leaks, from one process in large batches."""
    return scores(role(), list(deploy("2")))


def test_growing_siblings_are_counted_beside_the_version_before(deployed: list[Score]) -> None:
    last = deployed[-1]
    assert last.siblings is not None
    assert (last.siblings.growing, last.siblings.instances) == (4, 4)
    assert (last.siblings.version_before, last.siblings.growing_before) == ("1", 0)
    assert any("4 of 4 instances of version 2 grow" in reason for reason in last.reasons)


def test_a_canary_that_leaks_is_told_beside_what_runs_well() -> None:
    """Old and new run at once; each record is told of its own version."""
    records: list[Record] = []
    for tick in range(400):
        for number in range(5):
            version = "1" if number < 3 else "2"
            used = 300 * MIB + (tick * 7 + number) % 5 * MIB + (2 * MIB * tick if version == "2" else 0)
            one = snapshot("api", tick, used, instance=f"api-{number}", version=version, started=START)
            records.append(record(one, len(records)))
    last = scores(role(), records)[-1]
    assert (last.version, last.siblings and last.siblings.version_before) == ("2", "1")
    assert last.siblings is not None
    assert (last.siblings.growing, last.siblings.instances) == (2, 2)
    assert (last.siblings.growing_before, last.siblings.instances_before) == (0, 3)


def test_views_do_not_depend_on_batches_or_on_where_the_state_was(deployed: list[Score]) -> None:
    records = list(deploy("2"))
    whole = [encode(score) for score in deployed]
    assert [encode(score) for score in scores(role(), records, size=23)] == whole
    first, second, half = role(), role(), len(records) * 3 // 4
    scores(first, records[:half])
    state = first.dump([Key(0, b"api")])[0]
    assert state is not None
    second.load(Key(0, b"api"), state)
    assert [encode(score) for score in scores(second, records[half:])] == whole[half:]


def test_scaling_out_is_not_a_leak() -> None:
    records: list[Record] = []
    for tick in range(400):
        for number in range(1 + tick // 40):
            used = 300 * MIB + (tick * 13 + number * 5) % 7 * MIB
            one = snapshot("web", tick, used, instance=f"web-{number}", started=START + 1200.0 * number)
            records.append(record(one, len(records)))
    assert max(score.confidence for score in scores(role(), records)) < 0.1


def test_memory_that_rises_with_age_is_seen_across_restarts() -> None:
    records: list[Record] = []
    for tick in range(0, 1200, 2):
        age = tick % 200
        one = snapshot("job", tick, 300 * MIB + 2 * MIB * age, started=START + 30.0 * (tick - age))
        records.append(record(one, len(records)))
    told = [score.siblings for score in scores(role(), records) if score.siblings is not None]
    assert told[-1].runs == 6
    assert told[-1].age_growth is not None
    assert abs(told[-1].age_growth - 2 * MIB / 30.0) < 0.1 * 2 * MIB / 30.0
    assert (told[-1].age_strength or 0.0) > 0.95


EVERY = 4
"""Ticks between two snapshots of a sawtooth: enough to see its teeth over a day."""
DAY_TICKS = 2880


def sawtooth(service: str, ticks: range) -> list[Record]:
    """Return the records of a service that gains a third of its limit in 1.5 h, gives it back, and so on."""
    return [
        record(snapshot(service, tick, 300 * MIB + 2 * MIB * (tick % 180)), offset)
        for offset, tick in enumerate(ticks)
    ]


def lend(scoring: Scoring, service: str, lender: str) -> None:
    state = scoring.dump([Key(0, lender.encode())])[0]
    assert state is not None
    prior = ModelPrior(service=service, lender=lender, state=state, author="a", time=START)
    scoring.control(Record(0, 0, service.encode(), encode(prior), START))


def test_a_cold_service_borrows_what_is_normal() -> None:
    alone, lent = role(), role()
    scores(lent, sawtooth("api-1", range(0, DAY_TICKS, EVERY)))
    lend(lent, "api-2", "api-1")
    young = sawtooth("api-2", range(DAY_TICKS, DAY_TICKS + 170, EVERY))
    borrowed, own = scores(lent, young), scores(alone, young)
    # How long it has been known is its own.
    assert max(score.confidence for score in borrowed) < 0.1
    assert max(score.confidence for score in own) > 0.5
    assert min(normal_rises(borrowed)) > max(normal_rises(own))


def normal_rises(told: list[Score]) -> list[float]:
    """Return what counted as normal in the newest of these scores, bytes."""
    found = [score.trend.normal_rise for score in told[-10:] if score.trend is not None]
    assert len(found) == 10
    return found


def test_a_service_known_for_a_day_keeps_its_own() -> None:
    scoring = role()
    scores(scoring, sawtooth("api-1", range(100)))
    scores(scoring, sawtooth("old", range(0, DAY_TICKS + 10, EVERY)))
    before = scoring.dump([Key(0, b"old")])[0]
    lend(scoring, "old", "api-1")
    assert scoring.dump([Key(0, b"old")])[0] == before
    lend(scoring, "new", "api-1")
    stored = scoring.dump([Key(0, b"new")])[0]
    assert stored is not None
    assert decode(stored).parts.keys() == decode(scoring.dump([Key(0, b"api-1")])[0] or b"").parts.keys()
