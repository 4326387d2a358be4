"""Whether the cluster answers: at the start, within the time a person waits; then while a role runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from fleetleak.kafka import client
from fleetleak.kafka.trouble import Trouble
from fleetleak.settings.tree import KafkaSettings

log = logging.getLogger(__name__)
_librdkafka_log = logging.getLogger("librdkafka")

SECONDS = 8.0
"""A person waits at most ten seconds for an answer, and starting Python takes some of them."""
_FIRST_SLICE_SECONDS = 0.5
_FINAL_SECONDS = 1.0
_SETUP_MS = 6000
_STATISTICS_MS = 1000
_AWAY_SECONDS = 3.0
_SILENT_SECONDS = 10.0
_CONFIRMED_SECONDS = 4.0


class Unreachable(RuntimeError):
    """No broker can be used; the message says where and why, and names the fix."""


def reached(kafka: KafkaSettings, seconds: float = SECONDS) -> AdminClient:
    """Return an admin client of a cluster that answered.

    Raises
    ------
    Unreachable
        If no broker answers in this time, or waiting does not help.
    """
    trouble = Trouble(kafka)
    admin = AdminClient(_patient(kafka, trouble))
    deadline = time.monotonic() + seconds
    slice_seconds = _FIRST_SLICE_SECONDS
    while not _answers(admin, slice_seconds):
        if time.monotonic() >= deadline or _hopeless(trouble):
            raise Unreachable(str(trouble))
        slice_seconds = max(0.1, min(slice_seconds * 2, deadline - time.monotonic()))
        time.sleep(0.05)
    return admin


def answers(kafka: KafkaSettings, seconds: float) -> bool:
    """Return whether the cluster answers a new client; clients of before may have lost their way to it."""
    try:
        reached(kafka, seconds)
    except Unreachable:
        return False
    return True


def _patient(kafka: KafkaSettings, trouble: Trouble) -> dict[str, Any]:
    return client.common(kafka, **trouble.properties(), **{"socket.connection.setup.timeout.ms": _SETUP_MS})


def _answers(admin: AdminClient, seconds: float) -> bool:
    try:
        admin.list_topics(timeout=seconds)
    except KafkaException:
        # The callbacks, which tell the cause, run in `poll`.
        admin.poll(0)
        return False
    return True


def _hopeless(trouble: Trouble) -> bool:
    # Allow one more attempt: a name may just have been added to the DNS.
    final = trouble.cause is not None and trouble.cause.final
    return final and time.monotonic() - trouble.since >= _FINAL_SECONDS


def waited_for(
    kafka: KafkaSettings, stop: threading.Event, tell: Callable[[str], None]
) -> AdminClient | None:
    """Wait for the cluster without a timeout, and return an admin client; None once `stop` is set.

    Logs one line when the cluster is away, and one when it answers.

    Parameters
    ----------
    tell
        Called with the reason after every attempt that fails.
    """
    began, logged = time.monotonic(), False
    while not stop.is_set():
        try:
            admin = reached(kafka, _AWAY_SECONDS)
        except Unreachable as error:
            tell(str(error))
            if not logged:
                log.warning("kafka is away: %s; waiting", error)
                logged = True
            stop.wait(_FINAL_SECONDS)
        else:
            if logged:
                log.info("kafka answers after %.0f s", time.monotonic() - began)
            return admin
    return None


class Reach(Trouble):
    """Knows when a broker last answered one of a role's clients; logs when Kafka goes and returns.

    Parameters
    ----------
    clock
        A monotonic clock, in seconds.
    """

    def __init__(self, kafka: KafkaSettings, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(kafka)
        self._clock = clock
        self._heard = clock()
        self._received: dict[str, int] = {}
        self._suspected_since: float | None = None
        self._away_since: float | None = None
        self._returned: float | None = None

    def properties(self) -> dict[str, Any]:
        """Return the properties of a client that is polled often."""
        return super().properties() | {
            "statistics.interval.ms": _STATISTICS_MS,
            "stats_cb": self.statistics,
        }

    def quiet_properties(self) -> dict[str, Any]:
        """Return the properties of a client that is polled rarely: without statistics."""
        return super().properties()

    def error(self, error: KafkaError) -> None:
        """Take the error of an error callback."""
        super().error(error)
        _librdkafka_log.debug("%s", error.str(), extra={"code": error.name()})

    def log(self, level: int, form: str, *words: object) -> None:
        """Take a log line of librdkafka; log it at level debug only, because librdkafka repeats itself."""
        super().log(level, form, *words)
        _librdkafka_log.debug(form, *words)

    def statistics(self, text: str) -> None:
        """Take a client's statistics: new bytes from a broker are a sign of life."""
        statistics = orjson.loads(text)
        # They may have waited a long time for a poll.
        age_seconds = max(0.0, time.time() - statistics["time"])
        received = sum(broker["rx"] for broker in statistics["brokers"].values())
        if received > self._received.get(statistics["name"], 0):
            self.heard(age_seconds)
        self._received[statistics["name"]] = received

    def heard(self, age_seconds: float = 0.0) -> None:
        """Note that a broker answered `age_seconds` ago."""
        self._heard = max(self._heard, self._clock() - age_seconds)
        if age_seconds < _AWAY_SECONDS:
            self.forget()

    @property
    def silent_seconds(self) -> float:
        """Seconds since a broker answered."""
        return self._clock() - self._heard

    @property
    def away(self) -> bool:
        """Whether no broker answers for some seconds; without a known cause, for more seconds."""
        return self.silent_seconds >= (_SILENT_SECONDS if self.cause is None else _AWAY_SECONDS)

    def returned_within(self, seconds: float) -> bool:
        """Return whether Kafka is away now, or was away within the last `seconds`."""
        if self._away_since is not None:
            return True
        return self._returned is not None and self._clock() - self._returned <= seconds

    def _confirmed(self) -> bool:
        """Return whether Kafka stays away for some seconds: a busy thread may have missed the answers."""
        if not self.away:
            self._suspected_since = None
        elif self._suspected_since is None:
            self._suspected_since = self._clock()
        return (
            self._suspected_since is not None and self._clock() - self._suspected_since >= _CONFIRMED_SECONDS
        )

    def check(
        self, meanwhile: Callable[[], str] = lambda: "waiting", after: Callable[[], str] = lambda: ""
    ) -> None:
        """Log when Kafka goes (with the text of `meanwhile`) and when it returns (with that of `after`)."""
        if self._confirmed() and self._away_since is None:
            self._away_since = self._heard
            log.warning("kafka is away: %s; %s", self, meanwhile())
        elif self._away_since is not None and self._heard > self._away_since:
            seconds, self._away_since = self._heard - self._away_since, None
            self._returned = self._clock()
            log.info("kafka answers again after %.0f s%s", seconds, after())
