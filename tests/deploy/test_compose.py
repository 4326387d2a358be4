"""docker-compose.yml without Docker: each service's own command, as a process, on a real broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client, topics
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


def test_what_needs_a_policy_file_or_a_topic_of_others_is_left_out_without_a_profile() -> None:
    bridges = {name for name in ROLES if name.startswith("bridge-")}
    left_out = {name for name, service in services().items() if "profiles" in service}
    assert left_out == {*DELIVERIES, *bridges}


def test_each_profile_of_a_bridge_has_the_role_that_makes_snapshots() -> None:
    profiles = {name: set(services()[name]["profiles"]) for name in ROLES if name.startswith("bridge-")}
    assert profiles.pop("bridge-snapshots") == set().union(*profiles.values())


@pytest.mark.kafka
def test_every_command_runs(settings: Settings, tmp_path: Path) -> None:
    defined = services()
    commands = {name: defined[name]["command"] for name in _OURS}
    policy = tmp_path / "policy.toml"
    policy.write_text('[targets.lines]\nkind = "stdout"\n')
    others = topics.Topic(f"others.{settings.kafka.topic_prefix}", 1, {})
    topics.create(AdminClient(client.common(settings.kafka)), [others], 1)
    environment = {"FLEETLEAK_POLICY_FILE": str(policy), "FLEETLEAK_BRIDGE_TOPIC": others.name}
    # What the compose file sets for this service alone.
    commands["bridge-kafka"] = [*commands["bridge-kafka"], "--format", "vector"]
    with running(settings, tmp_path, commands, **environment) as roles:
        for name in _OURS[1:]:
            roles[name].wait_ready()
            assert roles[name].end() < 10
        assert roles["topics"].process.wait(60) == 0
