"""The suite fails when one step of the protocol is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetleak.settings import Settings
from tests.faults.cluster import only_long
from tests.faults.mutations import MUTATIONS
from tests.faults.scenarios import CAUGHT_BY, play

pytestmark = pytest.mark.kafka


OFTEN = ("restore-without-replay", "metadata-at-commit")


@pytest.mark.parametrize(
    "mutation", [pytest.param(m, marks=[] if m in OFTEN else [only_long]) for m in MUTATIONS]
)
def test_a_mutation_is_noticed(mutation: str, settings: Settings, tmp_path: Path) -> None:
    assert play(CAUGHT_BY[mutation], settings, tmp_path, mutation) != []
