"""What a notifier is given, and what it must do: one attempt to tell one target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from msgspec import Struct

from fleetleak.records import Alert, Label
from fleetleak.records.alert import AlertState, Severity
from fleetleak.stream.target import Answer


class Notice(Struct, frozen=True, kw_only=True):
    """What is told to a target: one alert, or a storm of alerts with one cause.

    Parameters
    ----------
    key
        The same from the first notice of an alert or storm to the last. A target de-duplicates by it.
    title
        One line of at most 120 characters.
    facts
        Names and texts, in the order in which people should read them.
    alert
        The newest transition; in a storm that of its first standing alert.
    services
        The services of a storm; empty for one alert.
    picture_url
        Where the picture is served; None without `notify.public_url`.
    ref
        What the target called the notice before of this key (`Delivered.ref`); None for the first one.
    test
        Whether it is only a test: it says so, and needs no action.
    """

    key: str
    state: AlertState
    severity: Severity
    title: str
    facts: tuple[tuple[str, str], ...]
    alert: Alert
    services: tuple[str, ...] = ()
    picture_url: str | None = None
    ref: str | None = None
    test: bool = False


class Notifier(ABC):
    """A way to reach people. Retries, order, rate limits and metrics stand around it, once for all.

    A subclass is registered in `sinks.notify.notifiers.NOTIFIERS` and checked by the conformance suite.

    Attributes
    ----------
    SETTINGS
        The fields of its table in the policy file, beside `kind`.
    DEDUPLICATES
        Whether the target itself removes a repetition of a notice, by its key.
    REPEAT_SECONDS
        A firing alert must be sent again this often, or the target takes it for over; None: not needed.
    """

    SETTINGS: ClassVar[type[Struct]]
    DEDUPLICATES: ClassVar[bool]
    REPEAT_SECONDS: ClassVar[float | None] = None

    @abstractmethod
    def __init__(self, settings: Any) -> None:
        """Read the secrets.

        Raises
        ------
        BadPolicy
            If the settings cannot be used.
        """

    @abstractmethod
    def send(self, notice: Notice) -> Answer:
        """Try once. It ends by itself within `http.SECONDS`, and raises nothing for what a target does."""

    def weak_labels(self, standing: Sequence[Alert]) -> list[Label]:
        """Return what people did at the target with standing alerts, as weak labels, each once."""
        return []

    def close(self) -> None:
        """Close connections."""
        return
