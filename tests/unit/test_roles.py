"""The registry of roles, and what is written by hand beside it: rights, compose file, systemd units."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fleetleak.kafka.topics import Names, TopicSpec
from fleetleak.settings import Settings
from fleetleak.stream.spec import DeliverySpec, RoleSpec
from fleetleak_app import roles
from fleetleak_app.cli import command_line

ROOT = Path(__file__).parents[2]
each = pytest.mark.parametrize("name", roles.ROLES)
everyone = pytest.mark.parametrize("name", [*roles.ROLES, *roles.DELIVERIES])
each_delivery = pytest.mark.parametrize("name", roles.DELIVERIES)


def registered(name: str) -> RoleSpec | DeliverySpec:
    return roles.role(name) if name in roles.ROLES else roles.delivery(name)


def rights(name: str) -> set[tuple[str, str]]:
    """Return the rights of a role, as docs/operating.md lists them."""
    rows = re.findall(rf"^\| {name} \| (.*) \| (.*) \|$", (ROOT / "docs" / "operating.md").read_text(), re.M)
    return {
        (f"{kind} {resource}", operation)
        for resources, operations in rows
        for kind in [re.sub(r" `.*", "", resources)]
        for resource in re.findall(r"`P(.*?)`", resources)
        for operation in operations.split(", ")
    }


def topic_rights(specs: tuple[TopicSpec, ...], operation: str) -> set[tuple[str, str]]:
    return {(f"topic .{topic.name}", operation) for topic in specs}


def needed(spec: RoleSpec | DeliverySpec, reads: tuple[TopicSpec, ...]) -> set[tuple[str, str]]:
    """Return the rights that every role and every delivery needs."""
    state = () if spec.state is None else (spec.state,)
    return {
        ("topic *", "Describe"),
        ("topic *", "DescribeConfigs"),
        *topic_rights((*reads, *state), "Read"),
        *topic_rights((*spec.outputs, *state, Names.dead_letter), "Write"),
        (f"group -{spec.name}*", "Read"),
    }


@each
def test_the_operators_page_lists_the_rights_it_needs(name: str) -> None:
    spec = roles.role(name)
    transactions = {(f"transactional id -{spec.name}*", what) for what in ("Write", "Describe")}
    ours = tuple(topic for topic in (spec.input, *spec.side) if not topic.foreign)
    assert rights(name) == needed(spec, ours) | transactions


@each_delivery
def test_the_operators_page_lists_the_rights_that_a_delivery_needs(name: str) -> None:
    spec = roles.delivery(name)
    assert rights(name) == needed(spec, (spec.input,))


@everyone
def test_it_is_registered_under_its_name_and_its_command_line_is_one(name: str) -> None:
    spec = registered(name)
    assert spec.name == name
    assert command_line(roles.words(spec)).command == spec.command


@everyone
def test_its_sections_are_sections_of_the_settings(name: str) -> None:
    assert set(registered(name).sections) <= set(Settings.__struct_fields__)


@everyone
def test_the_compose_file_and_a_unit_run_it(name: str) -> None:
    words = roles.words(registered(name))
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert services[name]["command"] == words
    units = [path.read_text() for path in (ROOT / "deploy" / "systemd").glob("*.service")]
    assert any(f"bin/fleetleak {' '.join(words)}\n" in unit for unit in units)


def test_topics_are_laid_out_once() -> None:
    names = [spec.name for spec in roles.topic_specs()]
    assert len(set(names)) == len(names)


def test_the_registry_loads_nothing_heavy() -> None:
    program = (
        "import sys; from fleetleak_app import roles; list(roles.roles());"
        " list(roles.deliveries());"
        " print(*sorted({'river', 'numpy', 'scipy', 'rich', 'httpx2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
