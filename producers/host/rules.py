"""Override rules: service, version and labels of what a pattern matches (docs/identity.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

ARROW = " => "


def compile_pattern(setting: str, pattern: str) -> re.Pattern[str]:
    """Return a compiled regular expression.

    Raises
    ------
    ValueError
        If it is not one; the message is one line with the setting, the pattern and the error.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{setting}: {pattern!r} is not a regular expression: {error}") from None


@dataclass(frozen=True)
class Rule:
    r"""One rule, written `pattern => service [version=text] [label=text ...]`.

    The pattern is searched for in cgroup paths and command lines. What follows the arrow may use its groups.

    Examples
    --------
    >>> rule = Rule.parse(r"java .*/(\w+)-(\d[\d.]*)\.jar => shop/\1 version=\2 team=payments")
    >>> rule.apply("java -jar /opt/orders-4.2.jar")
    Override(service='shop/orders', version='4.2', labels={'team': 'payments'})
    """

    pattern: re.Pattern[str]
    service: str
    version: str | None = None
    labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Return the rule of a text.

        Raises
        ------
        ValueError
            If it has another form, or uses a group that its pattern does not have; the message is one line.
        """
        pattern, arrow, rest = text.rpartition(ARROW)
        service, *pairs = rest.split() or [""]
        if not (arrow and pattern.strip() and service) or "=" in service:
            raise ValueError(
                f"rules: {text!r}: expected `pattern => service [version=text] [label=text ...]`"
            )
        labels = dict(_pair(text, pair) for pair in pairs)
        rule = cls(compile_pattern("rules", pattern.strip()), service, labels.pop("version", None), labels)
        rule._check(text)
        return rule

    def _check(self, text: str) -> None:
        try:
            for template in (self.service, self.version or "", *self.labels.values()):
                self.pattern.sub(template, "")  # checks the template, also where the pattern does not match
        except (re.error, IndexError) as error:
            raise ValueError(f"rules: {text!r}: {error}") from None

    def apply(self, text: str) -> Override | None:
        """Return the names for what has this text; None where the pattern does not match."""
        match = self.pattern.search(text)
        if not match:
            return None
        version = None if self.version is None else match.expand(self.version)
        labels = {name: match.expand(value) for name, value in self.labels.items()}
        return Override(match.expand(self.service), version or None, labels)


@dataclass(frozen=True)
class Override:
    """The names that a matching rule gives."""

    service: str
    version: str | None
    labels: dict[str, str]


def _pair(rule: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"rules: {rule!r}: {text!r} is not name=value")
    return name, value
