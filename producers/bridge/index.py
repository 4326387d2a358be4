"""Which preset wants a metric, and for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fleetleak.records.reading import Says
from producers.bridge.names import ATTRIBUTES
from producers.bridge.presets import OF_PROMETHEUS, PRESETS
from producers.prometheus.matchers import Matcher, parse
from producers.prometheus.preset import (
    EXPORTED,
    OF_CONTAINER,
    PLACE,
    Info,
    Labels,
    Preset,
    Source,
    of_cluster,
)

_POD = ("namespace", "pod", "container")


class Use(NamedTuple):
    """What one preset wants of one metric.

    Parameters
    ----------
    field
        The field of a snapshot or of the preset; empty where the labels count, not the value.
    matchers
        All must fit.
    selectors
        Lists of matchers, of which one must fit; empty: any series.
    keeps
        The labels that a reading keeps.
    of_target
        Whether the names of the target's pod are those of what is measured: not where an exporter tells of
        others.
    """

    preset: Preset
    says: Says
    field: str
    matchers: Sequence[Matcher]
    selectors: Sequence[Sequence[Matcher]]
    keeps: frozenset[str]
    in_pods: bool
    of_prometheus: bool
    of_target: bool
    adds: bool = False
    begins: bool = False
    scale: float = 1.0

    @property
    def open(self) -> bool:
        """Whether any series is wanted."""
        return not self.matchers and not self.selectors

    def accepts(self, labels: Labels) -> bool:
        """Return whether the series with these labels is wanted."""
        if not all(one.matches(labels) for one in self.matchers):
            return False
        return not self.selectors or any(
            all(one.matches(labels) for one in every) for every in self.selectors
        )

    def thing(self, labels: Labels) -> tuple[str, str] | None:
        """Return what is measured, and its part; None if the labels do not name it."""
        namespace, pod, container = (labels.get(name, "") for name in _POD)
        if self.in_pods and namespace and pod:
            return of_cluster(labels, f"pod/{namespace}/{pod}"), container
        if self.says == "joined":
            return None
        identity = self.preset.identify(labels, {})
        return None if identity is None else (f"{identity.scope}/{identity.instance}", "")


def _of_source(preset: Preset, source: Source, of_prometheus: bool) -> Use:
    joined = bool(source.by)
    return Use(
        preset,
        "joined" if joined else "measured",
        source.field,
        parse(source.matchers),
        [] if joined else [parse(text) for text in preset.selectors if text],
        OF_CONTAINER if joined else frozenset(preset.labels),
        preset.in_pods,
        of_prometheus,
        of_target=not of_prometheus or preset.name == "process",
        adds=source.adds,
        begins=source.begins,
        scale=source.scale,
    )


def _of_info(preset: Preset, info: Info) -> Use:
    keeps = frozenset({*info.by, *info.keeps, *info.agree, *preset.labels})
    return Use(preset, "named", "", (), (), keeps, preset.in_pods, of_prometheus=True, of_target=False)


def _add(uses: list[Use], use: Use) -> None:
    """Add a use; what is joined is the same for every preset, and needed once."""
    known = [(one.field, one.matchers) for one in uses if one.says == "joined"]
    if use.says != "joined" or (use.field, use.matchers) not in known:
        uses.append(use)


def _index() -> dict[str, tuple[Use, ...]]:
    uses: dict[str, list[Use]] = {}
    for preset in PRESETS:
        of_prometheus = preset in OF_PROMETHEUS
        for source in preset.sources:
            # The memory of a host is not told to what runs on it: that would need all of them in one place.
            if source.by != PLACE:
                _add(uses.setdefault(source.metric, []), _of_source(preset, source, of_prometheus))
        for info in preset.infos:
            uses.setdefault(info.metric, []).append(_of_info(preset, info))
    return {metric: tuple(wanted) for metric, wanted in uses.items()}


USES: Mapping[str, tuple[Use, ...]] = _index()
"""What is wanted of each metric."""


def _point_labels() -> dict[str, str]:
    wanted = {
        label
        for uses in USES.values()
        for use in uses
        for label in (
            *use.keeps,
            *(one.label for one in use.matchers),
            *(one.label for every in use.selectors for one in every),
        )
    }
    return {name: name for name in sorted({*wanted, *EXPORTED})} | ATTRIBUTES


POINT_LABELS: Mapping[str, str] = _point_labels()
"""The label of each attribute of a point; no other attribute is read."""
