"""Which metrics of which presets a server has, and how to ask for each."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence

from msgspec import Struct

from fleetleak.settings import BadSetting
from producers.prometheus.api import Api
from producers.prometheus.matchers import Matcher, selector
from producers.prometheus.preset import Info, Preset, Source
from producers.prometheus.presets import PRESETS
from producers.prometheus.series import Window

log = logging.getLogger(__name__)

AUTO = "auto"


class NoData(ValueError):
    """There is nothing that can be judged. The message says what was looked for."""


class Asked(Struct, frozen=True):
    """One source of one preset, the selector that it is asked with, and its most series at once."""

    preset: str
    source: int
    select: str
    series: int


def chosen(names: Sequence[str]) -> list[str] | None:
    """Return the names of presets; None for `auto`: all that have data.

    Raises
    ------
    BadSetting
        If there is no such preset.
    """
    if list(names) == [AUTO]:
        return None
    known = [preset.name for preset in PRESETS]
    for name in names:
        if name not in known:
            raise BadSetting(
                f"setting prometheus.presets: there is no preset {name}:"
                f" choose {AUTO}, or from {', '.join(known)}"
            )
    return list(names)


def known_metrics() -> str:
    """Return a mark of all presets: another one means that kept answers have other meanings."""
    every = [
        (preset.name, preset.selectors, [(one.metric, one.field, one.matchers) for one in preset.sources])
        for preset in PRESETS
    ]
    kept = [(info.metric, info.keeps, info.agree) for preset in PRESETS for info in preset.infos]
    return hashlib.sha256(repr((every, kept)).encode()).hexdigest()[:16]


def source_of(asked: Asked) -> Source:
    """Return the source that is asked for."""
    return named(asked.preset).sources[asked.source]


def named(name: str) -> Preset:
    """Return a preset by its name."""
    return next(preset for preset in PRESETS if preset.name == name)


def discover(
    api: Api,
    wanted: Sequence[str] | None,
    matchers: Sequence[Matcher],
    looks: Window,
    known: Sequence[Asked] = (),
) -> list[Asked]:
    """Return all sources that have data, and those that had data before.

    Parameters
    ----------
    wanted
        Names of presets; None: all that have data, without those inside others.
    looks
        The times at which the series are counted.
    known
        What had data before: an exporter that is away for minutes does not change which presets are read.

    Raises
    ------
    NoData
        If no preset has memory.
    ApiFailed
        If the server does not answer.
    """
    found: dict[str, list[Asked]] = {}
    for one in known:
        found.setdefault(one.preset, []).append(one)
    tried = [preset for preset in PRESETS if wanted is None or preset.name in wanted]
    for preset in tried:
        if wanted is None and any(name in found for name in preset.inside):
            continue
        if asked := _of_preset(api, preset, matchers, looks):
            again = {(one.source, one.select) for one in asked}
            missing = [one for one in found.get(preset.name, ()) if (one.source, one.select) not in again]
            found[preset.name] = [*asked, *missing]
    if not found:
        names = ", ".join(preset.sources[0].metric for preset in tried)
        matched = f" with {{{','.join(one.text for one in matchers)}}}" if matchers else ""
        raise NoData(f"{api.name} has none of {names}{matched} in this time")
    for name in wanted or ():
        if name not in found:
            log.warning("%s: there is no data of this preset", name)
    return [one for asked in found.values() for one in asked]


def _of_preset(api: Api, preset: Preset, matchers: Sequence[Matcher], looks: Window) -> list[Asked]:
    """Return the sources of a preset that have data; none if its memory has no data."""
    found: list[Asked] = []
    has_memory = False
    for number, source in enumerate(preset.sources):
        if source.field not in preset.memory and not has_memory:
            return []
        for own in preset.selectors if not source.by else ("",):
            select = selector(source.metric, own, source.matchers, asked=matchers, takes=source.takes)
            counted = api.range(f"count({select})", looks)
            series = max((int(value) for one in counted for value in one.values), default=0)
            # A reason has no series until it happened once; by then it is too late to ask for it.
            if series or (has_memory and source.field == "oom_reason"):
                found.append(Asked(preset.name, number, select, series))
                has_memory = has_memory or source.field in preset.memory
    return found


def infos(presets: Sequence[str], matchers: Sequence[Matcher]) -> Iterator[tuple[Info, str]]:
    """Yield the infos of presets with their selectors."""
    for preset in map(named, presets):
        for info in preset.infos:
            yield info, selector(info.metric, asked=matchers, takes=info.takes)
