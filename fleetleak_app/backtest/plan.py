"""The plan of reading a history: which metrics have data, and in which pieces they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from producers.prometheus.api import Api
from producers.prometheus.matchers import Matcher, newest, selector
from producers.prometheus.preset import Info, Preset, Source
from producers.prometheus.presets import PRESETS
from producers.prometheus.series import Window

MOST_STEPS = 10_000
"""Prometheus refuses more than 11,000 points of one series in one answer."""
_MOST_POINTS = 400_000  # of a piece, over all its metrics
_LOOKS = 200


class NoData(ValueError):
    """The server has nothing that can be judged. The message says what was looked for."""


class Asked(Struct, frozen=True):
    """One source of one preset, the selector that it is asked with, and its most series at once."""

    preset: str
    source: int
    select: str
    series: int


class Plan(Struct, frozen=True):
    """What is asked for: `steps` steps of `step` seconds from `begin`, `piece` steps at once.

    `infos` are the selectors of infos by preset, in the order of its infos.
    """

    begin: float
    step: float
    steps: int
    piece: int
    asked: list[Asked]
    infos: dict[str, list[str]]

    @property
    def whole(self) -> Window:
        """All of the time."""
        return Window(self.begin, self.step, self.steps)

    @property
    def points(self) -> int:
        """About how many points will be read: there are fewer where a series does not last."""
        return self.steps * sum(one.series for one in self.asked)

    def pieces(self) -> Iterator[Window]:
        """Yield the windows that are asked for one after the other."""
        for first in range(0, self.steps, self.piece):
            yield Window(self.whole.at(first), self.step, min(self.piece, self.steps - first))

    def query(self, asked: Asked) -> str:
        """Return the query for one source."""
        return newest(asked.select, source_of(asked), self.step)

    def presets(self) -> list[Preset]:
        """Return the presets that have data, in their order."""
        names = {one.preset for one in self.asked}
        return [preset for preset in PRESETS if preset.name in names]


def source_of(asked: Asked) -> Source:
    """Return the source that is asked for."""
    return next(preset for preset in PRESETS if preset.name == asked.preset).sources[asked.source]


def made(api: Api, whole: Window, wanted: Sequence[str] | None, matchers: Sequence[Matcher]) -> Plan:
    """Ask which metrics have data, and plan how to read them.

    Parameters
    ----------
    whole
        The time to read.
    wanted
        Names of presets; None: all that have data, without those inside others.

    Raises
    ------
    NoData
        If no preset has data.
    ApiFailed
        If the server does not answer.
    """
    found: dict[str, list[Asked]] = {}
    tried = [preset for preset in PRESETS if wanted is None or preset.name in wanted]
    for preset in tried:
        if wanted is None and any(name in found for name in preset.inside):
            continue
        asked = _asked(api, preset, matchers, whole)
        if any(preset.sources[one.source].field in preset.memory for one in asked):
            found[preset.name] = asked
    if not found:
        names = ", ".join(preset.sources[0].metric for preset in tried)
        raise NoData(
            f"{api.name} has none of {names} in this time: widen --since or --match, or name a --preset"
        )
    every = [one for asked in found.values() for one in asked]
    at_once = max(1, sum(one.series for one in every))
    piece = max(1, min(MOST_STEPS, _MOST_POINTS // at_once, whole.steps))
    infos = {
        preset.name: [selector(info.metric, asked=matchers, takes=info.takes) for info in preset.infos]
        for preset in tried
        if preset.name in found
    }
    return Plan(whole.begin, whole.step, whole.steps, piece, every, infos)


def _asked(api: Api, preset: Preset, matchers: Sequence[Matcher], whole: Window) -> list[Asked]:
    """Return the sources of a preset that have data; none if its memory has no data."""
    # A few looks over the whole time: a metric may have been there for a part of it only.
    steps = min(_LOOKS, whole.steps)
    looks = Window(
        whole.end - (steps - 1) * whole.step * (whole.steps // steps),
        whole.step * (whole.steps // steps),
        steps,
    )
    found: list[Asked] = []
    has_memory = False
    for number, source in enumerate(preset.sources):
        if source.field not in preset.memory and not has_memory:
            return []
        for own in preset.selectors if not source.by else ("",):
            select = selector(source.metric, own, source.matchers, asked=matchers, takes=source.takes)
            counted = api.range(f"count({select})", looks)
            series = max((int(value) for one in counted for value in one.values), default=0)
            if series:
                found.append(Asked(preset.name, number, select, series))
                has_memory = has_memory or source.field in preset.memory
    return found


def infos_of(plan: Plan) -> Iterator[tuple[Info, str]]:
    """Yield the infos of a plan with their selectors."""
    for preset in plan.presets():
        yield from zip(preset.infos, plan.infos.get(preset.name, ()), strict=False)


Selectors = Mapping[str, Sequence[str]]
