"""Sends the snapshots of a source through the roles that run online, in memory, and adds up what they say."""

from __future__ import annotations

from collections.abc import Iterable

from fleetleak.settings import Settings
from fleetleak.stream import Record
from fleetleak_app.backtest.result import Alerts, Result, added_up
from fleetleak_app.backtest.watch import Watch
from fleetleak_app.replay.drive import drive
from processors.scoring import Scoring
from producers.prometheus.series import Window
from sinks.alerting.leak import role

_MOST_REJECTED = 1000


class Roles:
    """The roles of production, in memory.

    Raises
    ------
    BadPolicy
        If the policy file cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.scoring, self.alerting = Scoring(settings, "scores"), role.alerting(settings)


def backtest(source: str, whole: Window, records: Iterable[Record], roles: Roles) -> Result:
    """Return what the roles would have said of records in order of time.

    Parameters
    ----------
    source
        Where they are from, for people.
    whole
        The time that they cover.
    """
    watch, alerts = Watch(whole), Alerts()
    rejected: list[str] = []
    for outputs in drive(records, roles.scoring, roles.alerting, timed=True):
        watch.add(output.value for output in outputs.scores)
        alerts.add(output.value for output in outputs.alerts)
        rejected += outputs.rejected[: _MOST_REJECTED - len(rejected)]
    return added_up(source, whole, watch, alerts, rejected)
