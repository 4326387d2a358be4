"""The one alert of a subject: it opens, is updated and ends, and every transition is published."""

from __future__ import annotations

import sys
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from fleetleak.kafka.topics import MAIN
from fleetleak.observe import metrics
from fleetleak.records import Alert, encode
from fleetleak.records.alert import CERTAINTIES, SEVERITIES, URGENCIES, AlertState, higher
from fleetleak.records.types import MOST_TEXT
from fleetleak.stream.emit import Emit
from sinks.alerting import labels
from sinks.alerting.active import ActiveTracks
from sinks.alerting.decision import Decision
from sinks.alerting.finding import Adapter, Finding, Source
from sinks.alerting.life import AlertMemory, Life, Transition
from sinks.alerting.subject import MANY_MORE, Closed, Member, Standing, Subject
from sinks.alerting.words import NO_ALERT, Writer

R = TypeVar("R", bound=Source)
M = TypeVar("M", bound=Struct)
_DATA_AGAIN = "data comes again"
# Readers take of two transitions the later one, so no two of an alert have the same time.
_LEAST_SECONDS = 0.001


class Alerts(Generic[R, M]):
    """Folds the transitions of instances into those of their subject, and publishes what is news.

    Parameters
    ----------
    topic, silent_topic
        Where alerts go while `track` is active, and while another track is.
    active
        The active track of each partition.
    """

    def __init__(
        self,
        adapter: Adapter[R, M],
        life: Life,
        topic: str,
        silent_topic: str,
        track: str,
        active: ActiveTracks,
    ) -> None:
        self._adapter = adapter
        self._life = life
        self._writer = Writer(adapter)
        self._topic = topic
        self._silent_topic = silent_topic
        # Interned, so that it is the same object as the default: msgspec omits a default by identity.
        self._track = sys.intern(track)
        self._active = active

    def tell(
        self,
        subject: Subject[M],
        member: Member[M],
        record: R,
        step: Transition,
        decision: Decision,
        emit: Emit,
    ) -> None:
        """Publish a transition of one instance as one of its subject, if it is news."""
        standing = subject.standing
        state: AlertState = "updated"
        if standing is None:
            if step.state == "resolved":
                return
            standing = subject.standing = self._opened(subject, record, step)
            state = "firing"
        elif not subject.firing():
            self._end(subject, step.time, step.closed_by or "", emit)
            return
        elif not subject.must_publish(record.instance, step):
            return
        # A record that shows nothing is not published. The next record of an instance that is affected is.
        elif (
            step.state == "resolved"
            or record.instance not in (affected := subject.affected())
            or self._cooling(standing, step, decision, len(affected))
        ):
            standing.outdated, standing.waiting_news = True, _joined(standing.waiting_news, step.news)
            return
        self._publish_step(subject, standing, member, record, step, decision, state, emit)

    def _publish_step(
        self,
        subject: Subject[M],
        standing: Standing,
        member: Member[M],
        record: R,
        step: Transition,
        decision: Decision,
        state: AlertState,
        emit: Emit,
    ) -> None:
        """Publish the alert with a step and all that is new: nothing waits any more."""
        step = self._with_news(standing, step)
        alert = self._writer.described(subject, standing, member, record, step, decision, state)
        standing.outdated, standing.waiting_news, standing.stale, standing.orphaned = False, None, False, None
        self._publish_next(standing, alert, emit)

    @staticmethod
    def _with_news(standing: Standing, step: Transition) -> Transition:
        """Return a step with the news that waited, and that data comes again."""
        again = _DATA_AGAIN if standing.stale else None
        return msgspec.structs.replace(step, news=_joined(again, standing.waiting_news, step.news))

    @staticmethod
    def _cooling(standing: Standing, step: Transition, decision: Decision, affected: int) -> bool:
        """Return whether a step must wait for the cool-down of its rule: nothing about it is worse."""
        before = standing.published
        worse = (
            higher(SEVERITIES, decision.severity, before.severity)
            or higher(URGENCIES, step.urgency, before.urgency)
            or higher(CERTAINTIES, step.certainty, before.certainty)
            or affected >= MANY_MORE * before.affected
        )
        return not worse and not standing.stale and step.time - before.time < decision.rule.cooldown_seconds

    def _publish_next(self, standing: Standing, alert: Alert, emit: Emit) -> None:
        """Publish a transition with a later time than the one before: readers know by it which is newer."""
        time = max(alert.time, standing.published.time + _LEAST_SECONDS)
        standing.published = msgspec.structs.replace(alert, track=self._track, time=time)
        self.publish(standing.published, emit)

    def adopt(
        self,
        subject: Subject[M],
        member: Member[M],
        record: R,
        finding: Finding,
        decision: Decision,
        emit: Emit,
    ) -> None:
        """Publish the alert with this record, if what was published is no longer true."""
        standing, affected = subject.standing, subject.affected()
        waits = member.memory.waiting_since is not None
        if standing is None or record.instance not in affected or not (waits or finding.window):
            return
        published = standing.published
        worse = higher(SEVERITIES, decision.severity, published.severity) and decision.enough
        fewer = published.instance not in affected or MANY_MORE * len(affected) <= published.affected
        if not (standing.outdated or standing.stale or worse or fewer):
            return
        step = self._life.repeat(member.memory, finding)
        if self._cooling(standing, step, decision, len(affected)):
            return
        self._adapter.reported(member.own, record, step.urgency)
        self._publish_step(subject, standing, member, record, step, decision, "updated", emit)

    def _opened(self, subject: Subject[M], record: R, step: Transition) -> Standing:
        """Return a new alert; one that ended recently is opened again."""
        closed = subject.closed
        if closed is not None and step.time - closed.at < self._life.reopen:
            return Standing(closed.key, closed.since, NO_ALERT, reopened=closed.reopened + 1)
        # The track is in the name: after a promotion, `alerts` can have one finding's alerts of two tracks.
        owner = "" if self._track == MAIN else f"@{self._track}"
        kind = "" if self._adapter.VOCABULARY.finding == "leak" else f"{self._adapter.VOCABULARY.finding}:"
        return Standing(f"{kind}{record.service}@{step.time:.0f}{owner}", step.time, NO_ALERT)

    def publish(self, alert: Alert, emit: Emit) -> None:
        """Publish a transition on the topic where the alerts of the track belong now."""
        active = self._active.of(emit.key.partition) == self._track
        emit.count(metrics.TRANSITIONS, alert.state)
        news = f"{alert.news}; " if alert.news else ""
        emit.rekeyed(
            self._topic if active else self._silent_topic,
            alert.key.encode(),
            encode(alert),
            transition=True,
            note=f"alert {alert.state}: {alert.key}: {news}{alert.summary}",
        )

    def close(self, subject: Subject[M], time: float, why: str, emit: Emit) -> None:
        """End the alert for a reason outside its instances, and reset their state machines."""
        self._end(subject, time, why, emit)
        for member in subject.members.values():
            member.memory = AlertMemory()

    def _end(self, subject: Subject[M], time: float, why: str, emit: Emit) -> None:
        if (standing := subject.standing) is None:
            return
        evidence = labels.evidence(subject, self._adapter)
        subject.standing = None
        subject.closed = Closed(standing.key, standing.since, time, standing.reopened, evidence)
        self._publish_next(standing, self._writer.ended(standing.published, time, why), emit)

    def confirm(self, standing: Standing, time: float, author: str, emit: Emit) -> None:
        """Publish that a person confirmed the alert; each person confirms once."""
        if author not in standing.confirmed_by:
            standing.confirmed_by.append(author)
            confirmed = self._writer.confirmed(standing.published, time, author, standing.confirmed_by)
            self._publish_next(standing, confirmed, emit)

    def stale(self, standing: Standing, time: float, news: str, emit: Emit) -> None:
        """Publish that the alert is stale, once for each silence."""
        if not standing.stale:
            standing.stale = True
            self._publish_next(standing, self._writer.stale(standing.published, time, news), emit)

    def leave(self, standing: Standing, time: float, track: str, emit: Emit) -> None:
        """Publish the end of an alert on the topic where it is, because another track was promoted."""
        before = standing.published
        self._publish_next(standing, self._writer.ended(before, time, f"track {track} was promoted"), emit)
        # It goes on, on another topic.
        standing.published = msgspec.structs.replace(before, time=standing.published.time)

    def arrive(self, standing: Standing, emit: Emit) -> None:
        """Publish an alert on the topic where it goes on."""
        before = standing.published
        again = before if before.state == "stale" else msgspec.structs.replace(before, state="firing")
        self._publish_next(standing, again, emit)


def _joined(*news: str | None) -> str | None:
    """Return several news as one text, each once; None without any."""
    return "; ".join(dict.fromkeys(text for text in news if text))[:MOST_TEXT] or None
