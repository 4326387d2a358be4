"""Series with labels, as Prometheus and Grafana name them: who they are about, and what they measure."""

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
    """A metric's name (empty where there is none) and its labels."""

    name: str
    labels: dict[str, str]


class Series(NamedTuple):
    """One series: what it is called, its labels, its times (unix s) and values, and their rows."""

    text: str
    metric: Metric
    times: Sequence[float | None]
    values: Sequence[Any]
    rows: Sequence[int]

    @property
    def field(self) -> str:
        """The snapshot's field that it measures: memory, unless its name says a limit or total."""
        key = head(self.metric.name).base
        return next((field for field in ("limit", "total") if key in SYNONYMS[field]), "used")


def labelled(text: str) -> Metric | None:
    """Read a name with labels.

    Examples
    --------
    >>> labelled('up{pod="a", container="b"}')
    Metric(name='up', labels={'pod': 'a', 'container': 'b'})
    >>> labelled("app") is None
    True
    """
    found = _LABELLED.fullmatch(text.strip()) if len(text) <= _LONGEST_NAME else None
    if found is None:
        return None
    return Metric(found[1] or "", dict(_LABEL.findall(found[2])))


def owners(every: Sequence[Series]) -> list[tuple[str, str]]:
    """Give the service and instance of each series; of two that measure the same, their whole texts.

    Examples
    --------
    >>> pod = Metric("", {"namespace": "shop", "pod": "cart-1"})
    >>> owners([Series("{...}", pod, [], [], [])])
    [('shop/cart-1', 'shop/cart-1')]
    """
    found = [_owner(series) for series in every]
    measured = {(owner, series.field) for owner, series in zip(found, every, strict=True)}
    if len(measured) == len(every):
        return found
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
    """Give labels as the text that Prometheus shows."""
    inside = ", ".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{labels.get('__name__', '')}{{{inside}}}" if inside else str(labels.get("__name__", "{}"))
