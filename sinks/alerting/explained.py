"""One decision of the alerting role with everything that it rests on, for `fleetleak explain`."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import Struct

from sinks.alerting.decision import Decision
from sinks.alerting.finding import Finding
from sinks.alerting.life import Life
from sinks.alerting.subject import Member, Subject

M = TypeVar("M", bound=Struct)


class Explained(Struct, Generic[M], frozen=True, kw_only=True):
    """What the role decides on one record.

    Parameters
    ----------
    record, finding, decision
        The record, what it shows, and the decision on it.
    subject
        The subject when the decision is made: the record is noted, and not applied yet.
    after
        The subject when the record is applied.
    life
        How an alert begins, stands and ends.
    """

    record: Any
    finding: Finding
    decision: Decision
    subject: Subject[M]
    after: Subject[M]
    life: Life

    @property
    def member(self) -> Member[M]:
        """The instance of the record when the decision is made."""
        return self.subject.members[self.record.instance]

    @property
    def phase(self) -> str:
        """The phase of the instance's alert when the record is applied."""
        return self.after.members[self.record.instance].memory.phase
