"""A policy in words: rules in order, thresholds by environment, whitelist, targets and routes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fleetleak.records import Alert
from fleetleak.text import duration, moment

if TYPE_CHECKING:
    from sinks.policy.conditions import Condition
    from sinks.policy.file import PolicyFile, RouteTable
    from sinks.policy.rules import Rule, Rules

_WIDTH = 80


def words(policy: PolicyFile) -> Iterator[str]:
    """Yield the effective rules of a policy, one line each, and what else it has."""
    rules = _rules(policy)
    yield "rules, in order; the first that fits a finding decides:"
    for number, rule in enumerate(rules.rules, 1):
        yield from _filled(f"{number}. {_rule(rule)}")
        yield from _filled(f"   confidence {_thresholds(rules, rule)}")
    if rules.whitelist:
        yield "no alerts:"
    for entry in rules.whitelist:
        yield from _filled(f"- {_all(entry.where)}, until {moment(entry.until)}: {entry.reason}")
    if policy.targets:
        yield "targets:"
    for name, table in policy.targets.items():
        yield from _filled(f"- {name}: {table.get('kind', 'of no kind')}")
    if policy.routes:
        yield "routes; an alert goes to the targets of every one that it fits:"
    for route in policy.routes:
        where = " and ".join(_route(route))
        yield from _filled(f"- {where or 'every alert'}: {', '.join(route.targets)}")


def plain(policy: PolicyFile) -> dict[str, Any]:
    """Return the same as plain values; of targets only their kinds, because others may be secret."""
    rules = _rules(policy)
    return {
        "rules": [
            {
                "name": rule.name,
                "kinds": list(rule.kinds),
                "severity": rule.severity,
                "where": [condition.words() for condition in rule.where],
                "needs": [condition.words() for condition in rule.needs],
                "silent": rule.silent,
                "cooldown_seconds": rule.cooldown_seconds,
                "runbook": rule.runbook,
                "thresholds": _by_environment(rules, rule),
            }
            for rule in rules.rules
        ],
        "whitelist": [
            {"where": [c.words() for c in entry.where], "until": entry.until, "reason": entry.reason}
            for entry in rules.whitelist
        ],
        "targets": {name: table.get("kind") for name, table in policy.targets.items()},
        "routes": [{"where": _route(route), "targets": route.targets} for route in policy.routes],
    }


def _rules(policy: PolicyFile) -> Rules:
    from sinks.alerting.leak.role import leak_rules

    return leak_rules(policy)


def _rule(rule: Rule) -> str:
    kinds = " or ".join(rule.kinds) or "any kind"
    where = f" where {_all(rule.where)}" if rule.where else ""
    needs = f"; needs {_all(rule.needs)}" if rule.needs else ""
    less = "no alert" if rule.silent else "one step lower"
    rest = f"; else {less}; updates at most every {duration(rule.cooldown_seconds)}"
    return f"{rule.name}, for {kinds}{where}: {rule.severity}{needs}{rest}"


def _all(conditions: tuple[Condition, ...]) -> str:
    return " and ".join(condition.words() for condition in conditions)


def _by_environment(rules: Rules, rule: Rule) -> dict[str, float]:
    """Return the threshold of a rule in each environment; that of all others has no name."""
    names = ["", *rules.thresholds.environments]
    return {name: rules.threshold(rule, name).value for name in names}


def _thresholds(rules: Rules, rule: Rule) -> str:
    every = _by_environment(rules, rule)
    usual = every.pop("")
    other: dict[float, list[str]] = {}
    for name, value in every.items():
        if value != usual:
            other.setdefault(value, []).append(name)
    said = [f"{value:g} in {', '.join(names)}" for value, names in other.items()]
    return "; ".join([f"{usual:g}", *said])


def _route(route: RouteTable) -> list[str]:
    """Return the conditions of a route in words."""
    from sinks.policy.conditions import conditions

    return [condition.words() for condition in conditions(route.where, Alert, (), "routes: where")]


def _filled(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent="   ", break_on_hyphens=False)
