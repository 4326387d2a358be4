"""Real programs, recorded by our own producer: what is found, what is missed, what is wrong.

The sets below are what the detector does today, not what it should do: when it gets better, a test says so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from fleetleak.records import Alert, Decoder
from fleetleak.settings import Settings
from fleetleak_app.cli.replay import replay
from fleetleak_app.reading import read

_RECORDINGS = Path(__file__).parents[1] / "recordings"

MISSED = {"process/run-fragments"}
"""Leaks that are not alerted between their onset and their end."""
FALSE: set[str] = set()
"""Programs that are alerted without a leak: benign ones, or leaking ones before their onset."""
KINDS = {
    "process/run-linear": "linear",
    "process/run-exponential": "exponential",
    "process/run-staircase": "staircase",
    # Wrong: it is periodic.
    "process/run-periodic": "staircase",
}
"""The kind that the first alert on each found leak tells."""


class Case(NamedTuple):
    """What is known of one program."""

    leaks: bool
    kind: str | None
    onset: float | None
    begin: float
    end: float


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    known = json.loads((_RECORDINGS / "cases.json").read_text())
    return {service: Case(**case) for service, case in known.items()}


@pytest.fixture(scope="module")
def firing() -> list[Alert]:
    recording = read([str(_RECORDINGS / "snapshots.parquet")])
    decode, found = Decoder(Alert).decode, []
    for outputs in replay(recording, Settings(), lambda _: None):
        assert outputs.rejected == []
        found += [decode(output.value) for output in outputs.alerts]
    return [alert for alert in found if alert.state == "firing"]


def _in_leak(alert: Alert, case: Case) -> bool:
    return case.onset is not None and case.onset < alert.time < case.end


def test_every_kind_of_leak_and_as_many_benign_programs_are_recorded(cases: dict[str, Case]) -> None:
    kinds = sorted(case.kind for case in cases.values() if case.kind)
    assert kinds == ["exponential", "fragmentation", "linear", "periodic", "staircase"]
    assert sum(not case.leaks for case in cases.values()) == len(kinds)


def test_leaks_are_alerted_after_their_onset_and_before_their_end(
    cases: dict[str, Case], firing: list[Alert]
) -> None:
    found = {alert.service for alert in firing if _in_leak(alert, cases[alert.service])}
    assert {service for service, case in cases.items() if case.leaks} - found == MISSED


def test_nothing_is_alerted_without_a_leak(cases: dict[str, Case], firing: list[Alert]) -> None:
    assert {alert.service for alert in firing if not _in_leak(alert, cases[alert.service])} == FALSE


def test_the_first_alert_tells_a_kind(cases: dict[str, Case], firing: list[Alert]) -> None:
    told: dict[str, str] = {}
    for alert in firing:
        if _in_leak(alert, cases[alert.service]):
            told.setdefault(alert.service, alert.kind)
    assert told == KINDS
