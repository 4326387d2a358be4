"""What the life of an alert takes from a record, whatever kind of finding the record has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from msgspec import Struct

from fleetleak.records import Alert
from fleetleak.records.alert import Urgency
from fleetleak.records.types import Kind
from fleetleak.settings.tree import AlertingSettings
from sinks.policy.rules import Vocabulary


class Finding(Struct, frozen=True, kw_only=True, gc=False):
    """One record on one instance, as the shared parts see it.

    Parameters
    ----------
    kind, confidence, onset
        What it is, how sure, and since when (unix seconds).
    shown
        Whether the record shows a finding of a harmful kind at all.
    usual
        Whether what it shows is usual for this subject.
    supports
        Whether it supports an alert that is already firing.
    forecast
        Whether something is forecast.
    left
        The lower bound of the seconds until harm; None without a forecast.
    window
        The seconds that the evidence covers.
    urgency
        How soon somebody must act.
    over
        Why the finding is over, in words; None where it is not.
    held
        What holds the growth back, in words. A finding that is held back has not stopped.
    news
        What is new, in words, beside numbers.
    outdated
        Whether the numbers that were told are no longer right.
    restarted, killed
        Whether this is the first record of a new run, and whether the run before was killed.
    near
        Whether harm is so near that less evidence is enough.
    rate
        Its speed, in its own unit per second.
    """

    time: float
    kind: Kind
    confidence: float
    onset: float | None = None
    shown: bool = False
    usual: bool = False
    supports: bool = False
    forecast: bool = False
    left: float | None = None
    window: float = 0.0
    urgency: Urgency = "later"
    over: str | None = None
    held: str | None = None
    news: str | None = None
    outdated: bool = False
    restarted: bool = False
    killed: bool = False
    near: bool = False
    rate: float | None = None


class Opinion(Struct, frozen=True, array_like=True, gc=False):
    """What one group of methods says: how sure it is, and whether it detects something."""

    confidence: float = 0.0
    detected: bool = False


class Signature(Struct, frozen=True, array_like=True, gc=False):
    """What a finding looks like, to compare it with others: its kind, size and speed."""

    kind: str
    size: float
    rate: float


class Source(Protocol):
    """What every record with a finding has."""

    @property
    def service(self) -> str: ...
    @property
    def instance(self) -> str: ...
    @property
    def time(self) -> float: ...
    @property
    def environment(self) -> str | None: ...
    @property
    def version(self) -> str | None: ...
    @property
    def started(self) -> float | None: ...


R = TypeVar("R", bound=Source)
M = TypeVar("M", bound=Struct)


class Adapter(ABC, Generic[R, M]):
    """One kind of finding: what it takes from its record, what is enough, and how it is said in words.

    `own` is what it remembers of one instance, a Struct that is stored with the alert.
    """

    VOCABULARY: ClassVar[Vocabulary]

    @abstractmethod
    def __init__(self, settings: AlertingSettings) -> None:
        """Take the settings that it needs."""

    @abstractmethod
    def memory(self) -> M:
        """Return what is remembered of a new instance."""

    @abstractmethod
    def finding(self, own: M, record: R, firing: bool, usual: float) -> Finding:
        """Return what a record shows, and take over what it says of the run (restarts, kills).

        Parameters
        ----------
        firing
            Whether an alert is firing on this instance.
        usual
            The size up to which labels called a finding usual.
        """

    @abstractmethod
    def fired(self, own: M) -> None:
        """Begin anew for an alert that begins."""

    @abstractmethod
    def settle(self, own: M, record: R) -> None:
        """Remember a record that supports a firing alert."""

    @abstractmethod
    def reported(self, own: M, record: R, soon: Urgency) -> None:
        """Remember the numbers of a step, to know later what is outdated."""

    @abstractmethod
    def facts(self, own: M, record: R, onset: float | None) -> dict[str, float | None]:
        """Return the value of every fact in `VOCABULARY`; None for one that is unknown."""

    @abstractmethod
    def harm(self, own: M, record: R) -> str | None:
        """Return what is felt already, in words; None for nothing."""

    @abstractmethod
    def opinions(self, record: R) -> tuple[Opinion, Opinion]:
        """Return what the statistical and what the learned methods say."""

    @abstractmethod
    def level(self, record: R) -> float | None:
        """Return the number that a picture shows."""

    @abstractmethod
    def signature(self, own: M) -> Signature | None:
        """Return what the newest record shows; None where it shows nothing."""

    @abstractmethod
    def cover(self, own: M) -> bool:
        """Take the finding for no alert until it has clearly grown; return whether there is one."""

    @abstractmethod
    def covered(self, own: M, record: R) -> bool:
        """Return whether the finding is still one that was covered."""

    @abstractmethod
    def too_wide(self, bound: Signature, own: M) -> bool:
        """Return whether a bound would match every finding until harm is near."""

    @abstractmethod
    def looks(self, bound: Signature) -> str:
        """Return a bound in words."""

    @abstractmethod
    def describe(self, record: R, onset: float | None) -> dict[str, Any]:
        """Return the fields of an alert that come from the record; `onset` is the earliest one so far."""

    @abstractmethod
    def word(self, alert: Alert) -> None:
        """Write the summary and the recommendation of an alert."""
