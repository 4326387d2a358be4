"""The targets of a policy file: each has a notifier, routes, and fields that every kind has."""

from __future__ import annotations

import importlib
import re
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct
from msgspec.structs import fields

from sinks.notify.notifier import Notifier
from sinks.notify.notifiers import NOTIFIERS
from sinks.notify.routes import Route, near, routes
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import PolicyFile, Table, converted

_MOST_TARGETS = 32
# It is part of a consumer group's name and the label of metrics.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Common(Struct, frozen=True):
    """The fields that a target of any kind has.

    Parameters
    ----------
    per_minute
        The most notices a minute.
    storm_alerts, storm_seconds
        When more than so many alerts with one version begin within so many seconds of event time, further
        ones are told together, as a storm.
    """

    kind: str
    per_minute: Annotated[int, Meta(ge=1, le=10_000)] = 30
    storm_alerts: Annotated[int, Meta(ge=1, le=10_000)] = 5
    storm_seconds: Annotated[float, Meta(ge=1, le=604_800)] = 3600.0


class TargetSpec(NamedTuple):
    """One target as the policy file has it; `settings` are the fields of its kind."""

    name: str
    common: Common
    notifier: type[Notifier]
    settings: Any
    routes: list[Route]

    @property
    def kind(self) -> str:
        """The kind of the target, as the policy file has it."""
        return self.common.kind

    def made(self) -> Notifier:
        """Return its notifier; its secrets are read now.

        Raises
        ------
        BadPolicy
            If a secret or another field cannot be used.
        """
        try:
            return self.notifier(self.settings)
        except BadPolicy as error:
            raise BadPolicy(f"targets.{self.name}: {error}") from None


def targets(policy: PolicyFile) -> list[TargetSpec]:
    """Return the targets of a policy file. Secrets are not read.

    Raises
    ------
    BadPolicy
        If a target, its kind, a field or a route cannot be used.
    ImportError
        If a package is missing that a kind needs.
    """
    if len(policy.targets) > _MOST_TARGETS:
        raise BadPolicy(f"there are {len(policy.targets)} targets: {_MOST_TARGETS} at most")
    leading = routes(policy)
    return [_target(name, table, leading[name]) for name, table in policy.targets.items()]


def _target(name: str, table: Table, ways: list[Route]) -> TargetSpec:
    place = f"targets.{name}"
    if not _NAME.fullmatch(name):
        raise BadPolicy(f"{place}: a target's name has letters, digits, - and _ only, and 64 of them at most")
    kind = table.get("kind")
    if not isinstance(kind, str):
        raise BadPolicy(f"{place}: kind is missing; write one of {', '.join(NOTIFIERS)}")
    if kind not in NOTIFIERS:
        raise BadPolicy(f"{place}: there is no kind {kind}{near(kind, NOTIFIERS)}")
    notifier: type[Notifier] = importlib.import_module(NOTIFIERS[kind]).NOTIFIER
    general = [field.encode_name for field in fields(Common)]
    own = [field.encode_name for field in fields(notifier.SETTINGS)]
    for field in table:
        if field not in general and field not in own:
            raise BadPolicy(f"{place}: there is no field {field}{near(field, [*own, *general])}")
    return TargetSpec(
        name,
        converted({field: value for field, value in table.items() if field in general}, Common, place),
        notifier,
        converted(
            {field: value for field, value in table.items() if field not in general}, notifier.SETTINGS, place
        ),
        ways,
    )


def named(specs: list[TargetSpec], name: str) -> TargetSpec:
    """Return the target of this name.

    Raises
    ------
    BadPolicy
        If there is none.
    """
    for spec in specs:
        if spec.name == name:
            return spec
    raise BadPolicy(f"there is no target {name}{near(name, [spec.name for spec in specs])}")
