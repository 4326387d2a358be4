"""Faults at exact points, and proof that each step of the protocol is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetleak.settings import Settings
from tests.faults.cluster import only_long
from tests.faults.scenarios import SCENARIOS, play

pytestmark = pytest.mark.kafka


# The others: points that the campaigns hit as well.
OFTEN = (
    "stopped-in-replay",
    "controls-in-replay",
    "zombie-in-restore",
    "zombie-polls-again",
    "pending-transaction",
)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in OFTEN else [only_long]) for n in SCENARIOS]
)
def test_outputs_are_those_of_an_undisturbed_run(name: str, settings: Settings, tmp_path: Path) -> None:
    assert play(name, settings, tmp_path) == []
