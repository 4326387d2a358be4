"""Channel: one target of the policy file, as a delivery sees it.

It knows what the target was told of each alert, so it sends what is new for the target and nothing else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from msgspec.structs import replace

from fleetleak.observe import metrics
from fleetleak.records import Alert, Decoder, Label, Unreadable
from fleetleak.stream.role import Record
from fleetleak.stream.target import Answer, Delivered, Never, Target, TryAgain
from sinks.notify.limit import Limit
from sinks.notify.notice import alert_notice, storm_notice
from sinks.notify.notifier import Notice, Notifier
from sinks.notify.repeats import STORMS, Repeats
from sinks.notify.routes import fits
from sinks.notify.sent import Book, Sent, sent
from sinks.notify.storm import Storm, Storms, StormState
from sinks.notify.targets import TargetSpec

log = logging.getLogger(__name__)

_STORM_SECONDS = 300.0
_IDLE_SECONDS = 5.0
_LOG_SECONDS = 60.0
_MOST_NEWEST = 256
# Nobody acts on the answer to an attempt for a partition that another process has now.
_GIVEN_UP = TryAgain("its partition was given up")


class Channel(Target):
    """The target of one delivery of the topic `alerts`.

    Attempts of several partitions, and `idle`, run at the same time.

    Parameters
    ----------
    spec
        The target: its routes, and its limits.
    public_url
        Where pictures are served, if anywhere.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        spec: TargetSpec,
        notifier: Notifier,
        public_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.NAME = spec.name
        self._routes = spec.routes
        self._notifier = notifier
        self._public_url = public_url
        self._clock = clock
        self._per_minute = spec.common.per_minute
        self._limit = Limit(self._per_minute, clock)
        self._decode = Decoder(Alert).decode
        self._books: dict[int, Book] = {}
        # A target may ask for the picture of an alert before it answers.
        self._newest: OrderedDict[str, Alert] = OrderedDict()
        # `_lock` is held for moments only; `_telling` while a storm's notice is sent, so that its notices
        # come one after the other. It is taken first.
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._storms = Storms(spec.common.storm_alerts, spec.common.storm_seconds)
        self._storms_told: dict[str, float] = {}
        every = notifier.REPEAT_SECONDS
        self._repeats = None if every is None else Repeats(every)
        self._logged = -_LOG_SECONDS

    def assigned(self, partition: int, stored: dict[bytes, bytes]) -> None:
        """Take what the target was told of the alerts of a partition."""
        book = Book(self.NAME, stored)
        now = self._clock()
        with self._lock:
            self._books[partition] = book
            for entry in book.entries():
                if entry.alert is not None:
                    self._restore(partition, entry, entry.alert, now)
            for key in self._storms.standing():
                self._storms_told.setdefault(key, now)
                if self._repeats is not None:
                    notice = storm_notice(self._storms.storm(key), "updated")
                    self._repeats.put(notice, STORMS, now, at_once=True)

    def _restore(self, partition: int, entry: Sent, alert: Alert, now: float) -> None:
        self._storms.restore(alert, partition, entry.storm, entry.ref)
        if self._repeats is not None and entry.storm is None:
            notice = alert_notice(alert, entry.ref, self._public_url)
            self._repeats.put(notice, partition, now, at_once=True)

    def revoked(self, partition: int) -> None:
        """Forget a partition."""
        with self._lock:
            self._books.pop(partition, None)
            self._storms.forget(partition)
            standing = self._storms.standing()
            self._storms_told = {key: at for key, at in self._storms_told.items() if key in standing}
        if self._repeats is not None:
            self._repeats.drop(partition)
            self._repeats.keep_storms(standing)

    def attempt(self, record: Record) -> Answer:
        """Tell the target of one transition, if it is new for it."""
        try:
            alert = self._decode(record.value)
        except Unreadable as error:
            return Never(error.reason, str(error))
        with self._lock:
            if (book := self._books.get(record.partition)) is None:
                return _GIVEN_UP
            entry = book.get(alert.key)
            if entry is not None and entry.includes(alert):
                return Delivered(outcome="known")
            storm = self._storms.member(alert.key)
            if storm is None and not self._concerns(alert, entry):
                return Delivered(outcome="unrouted")
            if storm is None and alert.state != "resolved" and not _stands(entry):
                storm = self._storms.joins(alert, record.partition)
        if storm is not None:
            return self._tell_storm(book, record.partition, alert, storm)
        # What a storm was called is no name of one alert that was a part of it.
        ref = entry.ref if entry is not None and entry.storm is None else None
        return self._tell(book, record.partition, alert, ref)

    def _concerns(self, alert: Alert, entry: Sent | None) -> bool:
        """Return whether the target is told: it knows the alert already, or a route leads here.

        The beginning may have arrived although nothing was noted. So a target that removes repetitions is
        told of every end: it ignores one whose beginning it does not know.
        """
        if _stands(entry):
            return True
        return (alert.state != "resolved" or self._notifier.DEDUPLICATES) and fits(self._routes, alert)

    def _tell(self, book: Book, partition: int, alert: Alert, ref: str | None) -> Answer:
        notice = alert_notice(alert, ref, self._public_url)
        with self._lock:
            self._newest[alert.key] = alert
            self._newest.move_to_end(alert.key)
            while len(self._newest) > _MOST_NEWEST:
                self._newest.popitem(last=False)
        answer = self._send(notice)
        if not isinstance(answer, Delivered):
            return answer
        ref = answer.ref or ref
        with self._lock:
            if self._books.get(partition) is not book:
                return _GIVEN_UP
            self._storms.take(alert)
            stored = book.note(sent(self.NAME, alert, ref))
            if self._repeats is not None:
                self._repeats.put(replace(notice, ref=ref), partition, self._clock())
        return Delivered(ref, stored)

    def _tell_storm(self, book: Book, partition: int, alert: Alert, key: str) -> Answer:
        """Add a transition to its storm; tell the target of the storm if that is due."""
        with self._telling:
            with self._lock:
                if self._books.get(partition) is not book:
                    return _GIVEN_UP
                self._storms.take(alert)
                state = self._storms.due(key)
                storm = None if state is None else self._storms.storm(key)
            if state is not None and storm is not None:
                answer = self._send_storm(storm, state)
                if not isinstance(answer, Delivered):
                    return answer
            with self._lock:
                ref = self._storms.ref(key)
                stored = book.note(sent(self.NAME, alert, ref, key))
        return Delivered(ref, stored, "grouped" if state is None else "delivered")

    def _send_storm(self, storm: Storm, state: StormState) -> Answer:
        notice = storm_notice(storm, state)
        answer = self._send(notice)
        if not isinstance(answer, Delivered):
            return answer
        if state == "firing":
            metrics.STORMS.labels(self.NAME).inc()
        ref = answer.ref or storm.ref
        now = self._clock()
        with self._lock:
            self._storms.tell(storm, ref)
            over = state == "resolved"
            # Its partitions may have been given up meanwhile.
            if not over and storm.key not in self._storms.standing():
                return answer
            self._storms_told.pop(storm.key, None)
            if not over:
                self._storms_told[storm.key] = now
            if self._repeats is not None:
                self._repeats.put(replace(notice, ref=ref), STORMS, now)
        return answer

    def _send(self, notice: Notice) -> Answer:
        if (seconds := self._limit.take()) > 0:
            return TryAgain(f"rate limit of {self._per_minute} a minute", seconds, "limited")
        return self._notifier.send(notice)

    # What is sent without a record.

    def idle(self) -> None:
        """Send the repeats that are due, and bring storms up to date."""
        deadline = self._clock() + _IDLE_SECONDS
        for key in self._outdated():
            if self._clock() >= deadline or not self._update(key):
                break
        if self._repeats is None:
            return
        for notice in self._repeats.due(self._clock()):
            if self._clock() >= deadline:
                return
            # One that is refused waits for its next turn; one that may pass lets the others wait too.
            again = isinstance(self._count(self._notifier.send(notice)), TryAgain)
            self._repeats.tried(notice, self._clock(), again)
            if again:
                return

    def _outdated(self) -> list[str]:
        now = self._clock()
        with self._lock:
            pending = self._storms.pending()
            return [key for key in pending if now - self._storms_told.get(key, now) >= _STORM_SECONDS]

    def _update(self, key: str) -> bool:
        with self._telling:
            with self._lock:
                if key not in self._storms.pending():
                    return True
                storm = self._storms.storm(key)
            return isinstance(self._count(self._send_storm(storm, "updated")), Delivered)

    def _count(self, answer: Answer) -> Answer:
        """Count what came of a notice without a record, and return it."""
        metrics.REPEATS.labels(self.NAME, answer.outcome).inc()
        if not isinstance(answer, Delivered) and self._clock() - self._logged >= _LOG_SECONDS:
            self._logged = self._clock()
            log.warning("%s: a notice could not be repeated: %s", self.NAME, answer.why)
        return answer

    # What the endpoint asks.

    def alert(self, key: str) -> Alert | None:
        """Return the newest transition of an alert that the target was told of, or is being told of."""
        with self._lock:
            if (newest := self._newest.get(key)) is not None:
                return newest
            entries = (book.get(key) for book in self._books.values())
            return next((entry.alert for entry in entries if entry is not None), None)

    def weak_labels(self) -> list[Label]:
        """Return what people did at the target with the alerts that it was told of, each once."""
        with self._lock:
            entries = [entry for book in self._books.values() for entry in book.entries()]
        return self._notifier.weak_labels([entry.alert for entry in entries if entry.alert is not None])

    def close(self) -> None:
        """Close the notifier's connections."""
        self._notifier.close()


def _stands(entry: Sent | None) -> bool:
    return entry is not None and entry.state != "resolved"
