"""The stateful roles and the deliveries, one line each. Commands, topics and checks are derived from them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from fleetleak.kafka.topics import SPECS, TopicSpec
from fleetleak.stream.spec import DeliverySpec, RoleSpec, Spec

ROLES = {
    "bridge-otlp": "producers.bridge.otlp",
    "bridge-kafka": "producers.bridge.kafka",
    "bridge-snapshots": "producers.bridge.snapshots",
    "processor": "processors.role",
    "alerting": "sinks.alerting.leak.role",
    "drift": "sinks.drift",
}
"""The module of each role, by name; it defines `ROLE`. It must not import optional packages."""

DELIVERIES = {
    "notify": "sinks.notify.role",
}
"""The module of each delivery to the outside; it defines `DELIVERY`. It must not import optional packages."""


def role(name: str) -> RoleSpec:
    """Return the registration of a role.

    Raises
    ------
    KeyError
        If there is no such role.
    """
    spec: RoleSpec = importlib.import_module(ROLES[name]).ROLE
    return spec


def roles() -> Iterator[RoleSpec]:
    """Return every role, in the order in which records pass through them."""
    return map(role, ROLES)


def delivery(name: str) -> DeliverySpec:
    """Return the registration of a delivery.

    Raises
    ------
    KeyError
        If there is no such delivery.
    """
    spec: DeliverySpec = importlib.import_module(DELIVERIES[name]).DELIVERY
    return spec


def deliveries() -> Iterator[DeliverySpec]:
    """Return every delivery."""
    return map(delivery, DELIVERIES)


def run_by(command: str) -> list[RoleSpec]:
    """Return the roles that a command runs (`RoleSpec.command`)."""
    return [spec for spec in roles() if spec.command == command]


def topic_specs() -> list[TopicSpec]:
    """Return every topic: those of fleetleak, then the further topics of roles and deliveries."""
    specs: list[Spec] = [*roles(), *deliveries()]
    further = (topic for spec in specs for topic in spec.topic_specs)
    return list(dict.fromkeys([*SPECS, *further]))


def words(spec: Spec) -> list[str]:
    """Return the command line that runs a role or a delivery, without the program's name."""
    return [spec.command] if spec.command == spec.name else [spec.command, spec.word]
