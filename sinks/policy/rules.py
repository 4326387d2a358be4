"""The rules of a policy, ready to be asked about findings of one kind."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from string import Formatter

from msgspec import Struct

from fleetleak.records.alert import Severity
from fleetleak.records.types import MOST_TEXT
from sinks.policy.conditions import BadPolicy, Condition, conditions
from sinks.policy.file import PolicyFile, RuleTable, Thresholds, WhitelistTable

_IN_RUNBOOKS = ("service", "kind")
Facts = Mapping[str, float | None]


class Threshold(Struct, frozen=True):
    """A confidence that a finding must reach, and where it comes from, in words."""

    value: float
    words: str


class Rule(Struct, frozen=True):
    """One rule; see `sinks.policy.file.RuleTable`."""

    name: str
    severity: Severity
    kinds: tuple[str, ...] = ()
    confidence: float | None = None
    cooldown_seconds: float = 1800.0
    where: tuple[Condition, ...] = ()
    needs: tuple[Condition, ...] = ()
    silent: bool = False
    runbook: str | None = None

    def fits(self, kind: str, record: Struct, facts: Facts) -> bool:
        """Return whether the rule is the one for a finding."""
        return (not self.kinds or kind in self.kinds) and all(c.holds(record, facts) for c in self.where)

    def unmet(self, record: Struct, facts: Facts) -> tuple[str, ...]:
        """Return the conditions in `needs` that do not hold, in words."""
        return tuple(need.words() for need in self.needs if not need.holds(record, facts))

    def page(self, service: str, kind: str) -> str | None:
        """Return the link to the runbook; None without one."""
        return self.runbook.format(service=service, kind=kind)[:MOST_TEXT] if self.runbook else None


class Whitelisted(Struct, frozen=True):
    """Findings that are no alerts before `until`, unix seconds."""

    where: tuple[Condition, ...]
    until: float
    reason: str


_ANY = Rule("none", "medium")


class Rules(Struct, frozen=True):
    """All rules for one kind of finding."""

    thresholds: Thresholds
    rules: tuple[Rule, ...]
    whitelist: tuple[Whitelisted, ...]

    def rule(self, kind: str, record: Struct, facts: Facts) -> Rule:
        """Return the first rule that fits."""
        return next((rule for rule in self.rules if rule.fits(kind, record, facts)), _ANY)

    def threshold(self, rule: Rule, environment: str | None) -> Threshold:
        """Return the confidence that a rule needs in an environment."""
        base = self.thresholds.base if rule.confidence is None else rule.confidence
        said = f"{base:g} of rule {rule.name}"
        factor = self.thresholds.environments.get(environment or "", 1.0)
        if factor == 1.0:
            return Threshold(base, said)
        value = min(base * factor, max(self.thresholds.cap, base))
        capped = f", at most {value:g}" if value < base * factor else ""
        return Threshold(round(value, 4), f"{said}, times {factor:g} for {environment}{capped}")

    def allowed(self, record: Struct, facts: Facts, time: float) -> str | None:
        """Return the entry of the policy file that takes a finding for no alert, in words."""
        for entry in self.whitelist:
            if time < entry.until and all(c.holds(record, facts) for c in entry.where):
                return f"the policy file: {' and '.join(c.words() for c in entry.where)} ({entry.reason})"
        return None


class Vocabulary(Struct, frozen=True):
    """What rules can name of one kind of finding: its record's fields, its kinds, and further facts."""

    finding: str
    record: type[Struct]
    kinds: frozenset[str]
    facts: tuple[str, ...]


def rules(policy: PolicyFile, of: Vocabulary) -> Rules:
    """Return the rules of a policy file for one kind of finding.

    Raises
    ------
    BadPolicy
        If a rule cannot be used, or a whitelist would match everything.
    """
    every = tuple(_rule(t, f"rules[{n}]", of) for n, t in enumerate(policy.rules) if t.finding == of.finding)
    names = [rule.name for rule in every]
    if repeated := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise BadPolicy(f"two rules have the name {repeated[0]} (the default rules have names too)")
    listed = tuple(
        _listed(t, f"whitelist[{n}]", of) for n, t in enumerate(policy.whitelist) if t.finding == of.finding
    )
    return Rules(policy.thresholds, every, listed)


def _rule(table: RuleTable, number: str, of: Vocabulary) -> Rule:
    place = f"{number} ({table.name})"
    if unknown := [kind for kind in table.kinds if kind not in of.kinds]:
        known = ", ".join(sorted(of.kinds))
        raise BadPolicy(f"{place}: there is no kind {unknown[0]}; write some of {known}")
    return Rule(
        table.name, table.severity, tuple(table.kinds), table.confidence, table.cooldown_seconds,
        conditions(table.where, of.record, of.facts, f"{place}: where"),
        conditions(table.needs, of.record, of.facts, f"{place}: needs"),
        table.silent, _runbook(table.runbook, place),
    )  # fmt: skip


def _runbook(text: str | None, place: str) -> str | None:
    """Refuse a template that would fail when an alert needs it."""
    try:
        fields = [field for field in Formatter().parse(text or "") if field[1] is not None]
    except ValueError as error:
        raise BadPolicy(f"{place}: runbook: {error}; write {{{{ for a brace") from None
    if any(spec or conversion for _, _, spec, conversion in fields):
        raise BadPolicy(f"{place}: runbook: write {{service}} and {{kind}} alone, without : or !")
    if wrong := [str(name) for _, name, _, _ in fields if name not in _IN_RUNBOOKS]:
        raise BadPolicy(f"{place}: runbook: there is no {{{wrong[0]}}}; there are {{service}} and {{kind}}")
    return text


def _listed(table: WhitelistTable, place: str, of: Vocabulary) -> Whitelisted:
    where = conditions(table.where, of.record, of.facts, f"{place}: where")
    if all(condition.matches_all() for condition in where):
        raise BadPolicy(f"{place}: it would match everything; name a service, a kind or a bound in `where`")
    end = datetime.datetime.combine(table.until, datetime.time(), datetime.UTC)
    return Whitelisted(where, end.timestamp(), table.reason)
