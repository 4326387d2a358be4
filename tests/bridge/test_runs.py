"""When a run of an instance began, and how often one ended by an OOM kill, by its readings."""

from __future__ import annotations

from fleetleak.records import Reading
from tests.bridge.otlp import BEGIN
from tests.bridge.readings import in_docker, measured
from tests.bridge.support import Bridge, column

STEP = 60.0


def told(field: str, *fields: dict[str, float]) -> list[object]:
    """Return one field of the snapshots of a container of Docker, that has these fields beside its memory."""
    readings = [in_docker(BEGIN + STEP * number, anon=1, **one) for number, one in enumerate(fields)]
    return column(Bridge().tell(*readings).end(), field)


def after(*steps: int) -> list[float]:
    """Return the times of steps."""
    return [BEGIN + number * STEP for number in steps]


def test_a_run_begins_when_the_source_says_so() -> None:
    made = told("started", {"started": 5}, {"started": 5, "restarts": 1}, {"restarts": 2}, {"started": 9})
    assert made == [5, 5, 5, 9]


def test_without_a_start_a_run_begins_when_restarts_are_counted() -> None:
    made = told("started", *({"restarts": count} for count in (3.0, 3.0, 4.0, 4.0, 6.0)))
    assert made == [None, None, *after(2, 2, 4)]


def test_without_a_start_a_run_begins_when_the_time_of_the_processor_falls() -> None:
    made = told("started", {"cpu_seconds": 8}, {"cpu_seconds": 9}, {}, {"cpu_seconds": 1}, {"cpu_seconds": 2})
    assert made == [None, None, None, *after(3, 3)]


def test_restarts_that_fall_are_no_restart() -> None:
    assert told("started", {"restarts": 5}, {"restarts": 0}, {"restarts": 0}) == [None] * 3


def test_a_restart_from_0_on_is_one() -> None:
    assert told("started", {"restarts": 0}, {"restarts": 1}) == [None, *after(1)]


def test_a_run_begins_however_late_its_reading_comes_within_the_wait() -> None:
    readings = [
        in_docker(BEGIN + seconds, anon=1, restarts=count) for seconds, count in ((0, 1), (9, 1), (4, 0))
    ]
    assert column(Bridge().tell(*readings).end(), "started") == [None, None, BEGIN + 9]


def test_kills_by_a_counter_are_those_of_the_counter() -> None:
    assert told("oom_kills", {"oom_kills": 2}, {}, {"oom_kills": 3}) == [2, 2, 3]


def test_each_container_has_runs_of_its_own() -> None:
    def of(part: str, number: int, started: float) -> Reading:
        return measured(BEGIN + STEP * number, part, anon=1, started=started)

    bridge = Bridge().tell(of("cart", 0, 5), of("proxy", 0, 6), of("cart", 1, 7), of("proxy", 1, 6))
    made = {(one.instance.rpartition(".")[2], one.timestamp): one.started for one in bridge.end()}
    assert list(made.values()) == [5, 6, 7, 6]
