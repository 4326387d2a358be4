"""docker-compose.yml without Docker: each service's own command, as a process, on a real broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetleak.kafka.broker import KAFKA_VERSION
from fleetleak.settings import Settings
from fleetleak.settings.load import all_settings
from fleetleak_app.roles import DELIVERIES, ROLES
from tests.e2e.support import running

_COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
_OURS = ("topics", "producer", *ROLES, *DELIVERIES)


def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(_COMPOSE.read_text())["services"]
    return loaded


def test_every_variable_is_a_setting() -> None:
    known = {s.variable for s in all_settings()}
    named = {v for name in _OURS for v in services()[name].get("environment", {})}
    assert named
    assert named <= known


def test_kafka_is_the_one_that_is_tested() -> None:
    assert services()["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_every_service_waits_for_the_topics() -> None:
    for name in _OURS[1:]:
        assert services()[name]["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}


def test_only_what_needs_a_policy_file_is_left_out_without_a_profile() -> None:
    assert {name for name, service in services().items() if "profiles" in service} == set(DELIVERIES)


@pytest.mark.kafka
def test_every_command_runs(settings: Settings, tmp_path: Path) -> None:
    defined = services()
    commands = {name: defined[name]["command"] for name in _OURS}
    policy = tmp_path / "policy.toml"
    policy.write_text('[targets.lines]\nkind = "stdout"\n')
    with running(settings, tmp_path, commands, FLEETLEAK_POLICY_FILE=str(policy)) as roles:
        for name in _OURS[1:]:
            roles[name].wait_ready()
            assert roles[name].end() < 10
        assert roles["topics"].process.wait(60) == 0
