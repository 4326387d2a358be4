"""Series with labels, as in Prometheus and Grafana: their service and instance, and their field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fleetleak_app.reading.names import SYNONYMS, head

_LABELLED = re.compile(r"([A-Za-z_:][\w:]*)?\s*\{(.*)\}", re.ASCII | re.DOTALL)
_LABEL = re.compile(r'\s*"?([\w.:-]+)"?\s*[=:]\s*"?((?:[^"\\,]|\\.)*)"?\s*(?:,|$)')
_NAMES = ("service", "job", "app", "container", "name", "instance")
_POD = ("namespace", "pod", "container")
_MOST_CHARACTERS = 256
_LONGEST_NAME = 4096


class Metric(NamedTuple):
    """The name of a metric (it may be empty) and its labels."""

    name: str
    labels: dict[str, str]


class Series(NamedTuple):
    """One series: its full text, name and labels, times (unix seconds), values, and their rows."""

    text: str
    metric: Metric
    times: Sequence[float | None]
    values: Sequence[Any]
    rows: Sequence[int]

    @property
    def field(self) -> str:
        """The snapshot field that it measures: `used`, unless its name is that of a limit or total."""
        key = head(self.metric.name).base
        return next((field for field in ("limit", "total") if key in SYNONYMS[field]), "used")


def labelled(text: str) -> Metric | None:
    """Return a name with labels as a metric; None if the text has no labels.

    Examples
    --------
    >>> labelled('up{pod="a", container="b"}')
    Metric(name='up', labels={'pod': 'a', 'container': 'b'})
    >>> labelled("app") is None
    True
    """
    match = _LABELLED.fullmatch(text.strip()) if len(text) <= _LONGEST_NAME else None
    if match is None:
        return None
    return Metric(match[1] or "", dict(_LABEL.findall(match[2])))


def owners(every: Sequence[Series]) -> list[tuple[str, str]]:
    """Return the service and instance of each series; if two series are the same, use the full texts.

    Examples
    --------
    >>> pod = Metric("", {"namespace": "shop", "pod": "cart-1"})
    >>> owners([Series("{...}", pod, [], [], [])])
    [('shop/cart-1', 'shop/cart-1')]
    """
    short = [_owner(series) for series in every]
    measured = {(owner, series.field) for owner, series in zip(short, every, strict=True)}
    if len(measured) == len(every):
        return short
    return [(series.text[:_MOST_CHARACTERS],) * 2 for series in every]


def _owner(series: Series) -> tuple[str, str]:
    labels = series.metric.labels
    pod = [labels[name] for name in _POD if labels.get(name)]
    if any(labels.get(name) for name in _POD[1:]):
        name = "/".join(pod)
        return name[:_MOST_CHARACTERS], name[:_MOST_CHARACTERS]
    service = next((labels[name] for name in _NAMES if labels.get(name)), series.text)
    return service[:_MOST_CHARACTERS], (labels.get("instance") or service)[:_MOST_CHARACTERS]


def text_of(labels: Mapping[str, Any]) -> str:
    """Return labels as Prometheus writes them."""
    inside = ", ".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{labels.get('__name__', '')}{{{inside}}}" if inside else str(labels.get("__name__", "{}"))
