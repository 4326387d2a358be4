"""Faults at exact points, and proof that each step of the protocol is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetleak.settings import Settings
from tests.faults.scenarios import SCENARIOS, play

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("name", SCENARIOS)
def test_outputs_are_those_of_an_undisturbed_run(name: str, settings: Settings, tmp_path: Path) -> None:
    assert play(name, settings, tmp_path) == []
