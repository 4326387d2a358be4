"""Label matchers, as PromQL writes them between braces, and the queries made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from fleetleak.settings import BadSetting
from producers.prometheus.preset import Labels, Source

_ONE = re.compile(
    r"""\s*(?P<label>[A-Za-z_]\w*)\s*(?P<sign>=~|!~|!=|=)\s*(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*(?:,|\Z)""",
    re.ASCII | re.DOTALL,
)

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class BadMatchers(BadSetting):
    """Text that is no label matchers; the message says what is expected."""


class Matcher(NamedTuple):
    """One label matcher: `sign` is =, !=, =~ or !~; `quoted` is the value with its quotes."""

    label: str
    sign: str
    quoted: str

    @property
    def text(self) -> str:
        """The whole of it, as PromQL has it."""
        return f"{self.label}{self.sign}{self.quoted}"

    def matches(self, labels: Labels) -> bool:
        """Return whether labels fit, as Prometheus decides: a label that is missing is empty.

        Examples
        --------
        >>> container, = parse('container!="POD"')
        >>> container.matches({"container": "cart"}), container.matches({"container": "POD"})
        (True, False)
        """
        value, wanted = labels.get(self.label, ""), unquoted(self.quoted)
        same = re.fullmatch(wanted, value) is not None if "~" in self.sign else value == wanted
        return same is not self.sign.startswith("!")


def parse(text: str) -> list[Matcher]:
    """Return the matchers of a text, with or without braces.

    Examples
    --------
    >>> [one.text for one in parse('{namespace="shop", pod=~"cart-.+"}')]
    ['namespace="shop"', 'pod=~"cart-.+"']

    Raises
    ------
    BadMatchers
        If it is something else.
    """
    inside = text.strip()
    if inside.startswith("{") and inside.endswith("}"):
        inside = inside[1:-1]
    found, at = [], 0
    while at < len(inside.rstrip()):
        match = _ONE.match(inside, at)
        if match is None:
            raise BadMatchers(
                f"{text!r} is no list of label matchers: give them as PromQL does, without a metric, such as"
                """ '{namespace="shop",pod=~"cart-.+"}'"""
            )
        one = Matcher(match["label"], match["sign"], match["quoted"])
        _check(one)
        found.append(one)
        at = match.end()
    return found


def _check(one: Matcher) -> None:
    try:
        if "~" in one.sign:
            re.compile(unquoted(one.quoted))
    except re.error as error:
        raise BadMatchers(f"{one.text}: this is no regular expression: {error}") from None


@lru_cache(1024)
def unquoted(quoted: str) -> str:
    """Return the text of a quoted string."""
    return _ESCAPED.sub(lambda sign: {"n": "\n", "t": "\t"}.get(sign[1], sign[1]), quoted[1:-1])


def selector(
    metric: str, *own: str, asked: Sequence[Matcher] = (), takes: frozenset[str] | None = None
) -> str:
    """Return the selector of a metric, with its own matchers and those of the user that it `takes`."""
    users = [one.text for one in asked if takes is None or one.label in takes]
    inside = ",".join([*filter(None, own), *users])
    return f"{metric}{{{inside}}}" if inside else metric


def newest(select: str, source: Source, step_seconds: float) -> str:
    """Return a query for the newest sample of each step.

    Of memory a sample that is older makes no point: a plain selector would repeat it for five minutes after a
    missed scrape. What seldom changes may be so old, but it must end with its series, as a selector does.
    """
    if source.slow:
        return select
    # A window of Prometheus 2 includes both of its ends: a sample would count twice.
    return f"last_over_time({select}[{round(step_seconds * 1000) - 1}ms])"
