"""Which preset wants a metric, and for what."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from fleetleak.records.reading import Says
from producers.bridge.names import ATTRIBUTES
from producers.bridge.presets import OF_PROMETHEUS, PRESETS
from producers.prometheus.fields import least, most
from producers.prometheus.matchers import Matcher, parse
from producers.prometheus.preset import (
    EXPORTED,
    OF_CONTAINER,
    PLACE,
    Identity,
    Labels,
    Preset,
    Source,
    of_cluster,
)

RUN = "id"
"""The label that tells the runs of a container apart, where the source has one."""
BESIDE = "~"
"""What the part of a pod begins with that is no container; no container's name has this sign."""


class Slot(Struct, frozen=True, eq=False):
    """Where the values of one preset go that are said in one way: one reading for each thing and time.

    Parameters
    ----------
    keeps
        The labels that a reading keeps.
    of_prometheus
        Whether the labels are those of Prometheus.
    of_target
        Whether the names of the target's pod are those of what is measured: not where an exporter tells of
        others.
    told
        The labels that infos tell.
    """

    preset: Preset
    says: Says
    keeps: tuple[str, ...]
    of_prometheus: bool
    of_target: bool
    told: frozenset[str]

    def thing(self, labels: Labels) -> tuple[str, str] | None:
        """Return what is measured, and its part; None if the labels do not name it."""
        namespace, pod = labels.get("namespace"), labels.get("pod")
        if self.preset.in_pods and namespace and pod:
            return self._in_pod(labels, of_cluster(labels, f"pod/{namespace}/{pod}"))
        if self.says == "joined":
            return None
        identity = self._identity(labels)
        return None if identity is None else (f"{identity.scope}/{identity.instance}", "")

    def _in_pod(self, labels: Labels, pod: str) -> tuple[str, str] | None:
        container = labels.get("container", "")
        if container or self.says != "measured":
            return pod, container
        # It is in one of the containers, and it is not known in which.
        identity = self._identity(labels)
        return None if identity is None else (pod, f"{BESIDE}{identity.instance}")

    def _identity(self, labels: Labels) -> Identity | None:
        # A name that only an info has, such as that of a host, is not yet known where memory is measured.
        known = {name: text for name, text in labels.items() if name not in self.told}
        return self.preset.identify(known, {})


class Use(Struct, frozen=True, eq=False):
    """What one preset wants of one metric.

    Parameters
    ----------
    field
        The field of a snapshot or of the preset; empty where the labels count, not the value.
    matchers
        All must fit.
    selectors
        Lists of matchers, of which one must fit; empty: any series.
    least, most
        The values that are possible.
    adds, begins, scale, small
        As in `producers.prometheus.preset.Source`.
    rank
        Of several sources of one field the first wins: the place of this one among them. -1 if there is one.
    plain
        Whether any series is wanted, and the labels of a point itself name nothing.
    """

    slot: Slot
    field: str
    matchers: Sequence[Matcher]
    selectors: Sequence[Sequence[Matcher]]
    least: float
    most: float
    adds: bool = False
    begins: bool = False
    scale: float = 1.0
    small: float = 0.0
    rank: int = -1
    plain: bool = False

    def accepts(self, labels: Labels) -> bool:
        """Return whether the series with these labels is wanted."""
        if not all(one.matches(labels) for one in self.matchers):
            return False
        return not self.selectors or any(
            all(one.matches(labels) for one in every) for every in self.selectors
        )


def _slots(preset: Preset) -> dict[Says, Slot]:
    of_prometheus = preset in OF_PROMETHEUS
    of_target = not of_prometheus or preset.name == "process"
    infos = (name for info in preset.infos for name in (*info.by, *info.keeps, *info.agree))
    keeps: dict[Says, Iterable[str]] = {
        "measured": preset.labels,
        "joined": OF_CONTAINER,
        "named": (*infos, *preset.labels),
    }
    told = frozenset(name for info in preset.infos for name in (*info.keeps, *info.agree))
    return {
        says: Slot(
            preset, says, tuple(sorted(set(names))), of_prometheus, of_target and says == "measured", told
        )
        for says, names in keeps.items()
    }


def _of_source(preset: Preset, source: Source, slots: Mapping[Says, Slot]) -> Use:
    joined = bool(source.by)
    slot = slots["joined" if joined else "measured"]
    matchers = parse(source.matchers)
    selectors = [] if joined else [parse(text) for text in preset.selectors if text]
    return Use(
        slot,
        source.field,
        matchers,
        selectors,
        least(source.field),
        most(source.field),
        adds=source.adds,
        begins=source.begins,
        scale=source.scale,
        small=source.small,
        rank=_rank(preset, source),
        plain=not matchers and not selectors and not slot.of_prometheus,
    )


def _rank(preset: Preset, source: Source) -> int:
    same = [one for one in preset.sources if one.field == source.field and one.by == source.by]
    return same.index(source) if len(same) > 1 and not source.adds else -1


def _add(uses: list[Use], use: Use) -> None:
    """Add a use; what is joined is the same for every preset, and needed once."""
    known = [(one.field, one.matchers) for one in uses if one.slot.says == "joined"]
    if use.slot.says != "joined" or (use.field, use.matchers) not in known:
        uses.append(use)


def _index() -> dict[str, tuple[Use, ...]]:
    uses: dict[str, list[Use]] = {}
    for preset in PRESETS:
        slots = _slots(preset)
        for source in preset.sources:
            # The memory of a host is not told to what runs on it: that would need all of them in one place.
            if source.by != PLACE:
                _add(uses.setdefault(source.metric, []), _of_source(preset, source, slots))
        # Of infos the labels count, whatever the value.
        named = Use(slots["named"], "", (), (), -math.inf, math.inf)
        for info in preset.infos:
            uses.setdefault(info.metric, []).append(named)
    return {metric: tuple(wanted) for metric, wanted in uses.items()}


USES: Mapping[str, tuple[Use, ...]] = _index()
"""What is wanted of each metric."""


def _point_labels() -> dict[str, str]:
    every = [use for uses in USES.values() for use in uses]
    wanted = {name for use in every for name in use.slot.keeps}
    wanted |= {one.label for use in every for one in use.matchers}
    wanted |= {one.label for use in every for selector in use.selectors for one in selector}
    return {name: name for name in sorted({*wanted, *EXPORTED})} | ATTRIBUTES


POINT_LABELS: Mapping[str, str] = _point_labels()
"""The label of each attribute of a point; no other attribute is read."""
