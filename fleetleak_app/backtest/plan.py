"""The plan of reading a history: which metrics have data, and in which pieces they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from producers.prometheus.api import Api
from producers.prometheus.discover import Asked, discover, named, source_of
from producers.prometheus.matchers import Matcher, newest
from producers.prometheus.preset import Preset
from producers.prometheus.series import Window

MOST_STEPS = 10_000
"""Prometheus refuses more than 11,000 points of one series in one answer."""
MOST_POINTS = 400_000
"""Of a piece, over all its metrics."""
# With fewer steps an answer of a large fleet is nearly all labels.
_LEAST_STEPS = 60
_LOOKS = 200


class Plan(Struct, frozen=True):
    """What is asked for: `steps` steps of `step` seconds from `begin`, `piece` steps at once."""

    begin: float
    step: float
    steps: int
    piece: int
    asked: list[Asked]

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
        return [named(name) for name in dict.fromkeys(one.preset for one in self.asked)]


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
    asked = discover(api, wanted, matchers, _looks(whole))
    at_once = sum(one.series for one in asked)
    piece = min(max(_LEAST_STEPS, MOST_POINTS // at_once), MOST_STEPS, whole.steps)
    return Plan(whole.begin, whole.step, whole.steps, piece, asked)


def _looks(whole: Window) -> Window:
    """Return a few times over the whole: a metric may have been there for a part of it only."""
    looks = min(_LOOKS, whole.steps)
    between = whole.step * (whole.steps // looks)
    return Window(whole.end - (looks - 1) * between, between, looks)
