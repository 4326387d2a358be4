"""Which alerts go to which target (`routes` of the policy file)."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from fleetleak.records import Alert
from fleetleak.settings.load import did_you_mean
from sinks.policy.conditions import BadPolicy, Condition, conditions
from sinks.policy.file import PolicyFile

log = logging.getLogger(__name__)

_DEFAULT = {"severity": {"at_least": "medium"}}
Route = tuple[Condition, ...]
"""All of them must hold."""


def routes(policy: PolicyFile) -> dict[str, list[Route]]:
    """Return the routes that lead to each target. Without any, every target has one for severity `medium`.

    Raises
    ------
    BadPolicy
        If a route names a target or a field that does not exist.
    """
    if not policy.routes:
        default = conditions(_DEFAULT, Alert, (), "routes: where")
        return {target: [default] for target in policy.targets}
    leading: dict[str, list[Route]] = {target: [] for target in policy.targets}
    for number, table in enumerate(policy.routes):
        where = conditions(table.where, Alert, (), f"routes[{number}]: where")
        for target in dict.fromkeys(table.targets):
            if target not in leading:
                hint = near(target, leading)
                raise BadPolicy(f"routes[{number}]: there is no target {target}{hint}")
            leading[target].append(where)
    for target in (name for name, ways in leading.items() if not ways):
        log.warning("no route leads to the target %s: it is told of nothing", target)
    return leading


def fits(ways: Iterable[Route], alert: Alert) -> bool:
    """Return whether an alert fits one of the routes."""
    return any(all(condition.holds(alert, {}) for condition in way) for way in ways)


def words(ways: Iterable[Route]) -> str:
    """Return the routes in words.

    Examples
    --------
    >>> words([conditions(_DEFAULT, Alert, (), "where"), ()])
    'severity is at least medium; or every alert'
    """
    said = [" and ".join(condition.words() for condition in way) or "every alert" for way in ways]
    return "; or ".join(said) or "no alert"


def near(name: str, known: Iterable[str]) -> str:
    """Return a hint with the most similar known name, or with all of them."""
    names = list(known)
    return did_you_mean(name, names) or (f"; there are {', '.join(names)}" if names else "; there is none")
