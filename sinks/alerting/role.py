"""The alerting role: it reads scores and publishes transitions of alerts, one alert per leaking service."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import msgspec

from fleetleak.kafka.topics import MAIN, Names, names
from fleetleak.observe import metrics
from fleetleak.records import Alert, Label, Promotion, Score, Unreadable, control, encode
from fleetleak.records.alert import AlertState
from fleetleak.records.control import PROMOTION_KEY, ModelDelete
from fleetleak.settings import Settings
from fleetleak.settings.tree import AlertingSettings
from fleetleak.stream import Applied, Key, Record, Rejected
from fleetleak.stream.emit import Emit
from fleetleak.stream.keyed import Keyed
from fleetleak.stream.spec import RoleSpec
from sinks.alerting.active import ActiveTracks
from sinks.alerting.labels import cover, expect
from sinks.alerting.policy import AlertMemory, Policy, Transition
from sinks.alerting.service import ServiceAlerts, Standing
from sinks.alerting.words import NO_ALERT, confirmed, described, ended

_LONGEST = 1024  # characters of a text in a record


class Alerting(Keyed[Score, ServiceAlerts]):
    """The role of the alerting sink.

    Parameters
    ----------
    alerts_topic, silent_topic
        The topic of its alerts while its track is active, and while another track is.
    track
        The track that these settings belong to (docs/tracks.md).
    """

    NAME = "alerting"
    VERSION = 2
    RECORD = Score
    STATE = ServiceAlerts

    def __init__(
        self,
        settings: AlertingSettings,
        alerts_topic: str,
        silent_topic: str = "silent-alerts",
        track: str = MAIN,
    ) -> None:
        super().__init__()
        self._policy = Policy(
            fire=settings.fire_confidence,
            clear=settings.clear_confidence,
            sure=settings.sure_confidence,
            confirmations=settings.confirmations,
            hold=settings.hold_seconds,
            clear_least=settings.clear_seconds,
            high_water=settings.high_water,
            reopen=settings.reopen_seconds,
        )
        self._silent = settings.silent_seconds
        self._alerts_topic = alerts_topic
        self._silent_topic = silent_topic
        # Interned, so that it is the same object as the default: msgspec omits a default by identity.
        self._track = sys.intern(track)
        # Stored under PROMOTION_KEY. No service has this key.
        self._active = ActiveTracks()

    # Scores.

    def step(self, state: ServiceAlerts | None, record: Score, emit: Emit) -> ServiceAlerts:
        """Apply a score, and publish the transitions that it causes."""
        service, score = state or ServiceAlerts(), record
        service.newest = max(service.newest, score.time)
        member = service.member(score.instance)
        if score.time <= member.time:
            return service
        member.heard(score.time)
        if score.trend is not None and service.taught_rise > score.trend.normal_rise:
            score.trend.normal_rise = service.taught_rise
        steps = [] if score.time < service.muted_until else self._policy.step(member.memory, score)
        for step in steps:
            self._tell(service, score, step, emit)
        if not steps and member.memory.phase == "firing":
            self._adopt(service, score, emit)
        self._forget_silent(service, score, emit)
        return service

    def _tell(self, service: ServiceAlerts, score: Score, step: Transition, emit: Emit) -> None:
        """Publish a transition of one instance as one of its service, if it is news."""
        firing, standing = service.firing(), service.standing
        if standing is None:
            if step.state == "resolved":
                return
            standing = service.standing = Standing(self._name(score, step), step.since, NO_ALERT)
            state: AlertState = "firing"
        elif not firing:
            self._end(service, step.time, step.closed_by or "", emit)
            return
        else:
            state = "updated"
            news = service.is_news(score.instance, step)
            if step.state == "resolved":
                # This score shows no leak. The next score of an instance that still leaks publishes it.
                standing.stale |= news
            if step.state == "resolved" or not news:
                return
        self._told(standing, described(standing, service, score, step, state), emit)

    def _told(self, standing: Standing, alert: Alert, emit: Emit) -> None:
        standing.told = msgspec.structs.replace(alert, track=self._track)
        standing.stale = False
        self._publish(standing.told, emit)

    def _adopt(self, service: ServiceAlerts, score: Score, emit: Emit) -> None:
        """Publish the alert of this instance if the published one no longer leaks."""
        standing = service.standing
        if standing is None or not standing.stale or score.trend is None:
            return
        step = self._policy.repeat(service.member(score.instance).memory, score)
        self._told(standing, described(standing, service, score, step, "updated"), emit)

    def _name(self, score: Score, step: Transition) -> str:
        # The track is in the name: after a promotion, `alerts` can have one leak's alerts of two tracks.
        owner = "" if self._track == MAIN else f"@{self._track}"
        return f"{score.service}@{step.since:.0f}{owner}"

    def _publish(self, alert: Alert, emit: Emit) -> None:
        active = self._active.of(emit.key.partition) == self._track
        emit.count(metrics.TRANSITIONS, alert.state)
        emit.rekeyed(
            self._alerts_topic if active else self._silent_topic,
            alert.key.encode(),
            encode(alert),
            transition=True,
            note=f"alert {alert.state}: {alert.key}: {alert.summary}",
        )

    def _forget_silent(self, service: ServiceAlerts, score: Score, emit: Emit) -> None:
        """Forget instances that are silent for too long. The alert ends with its last leaking instance."""
        if service.newest - service.checked < self._silent / 8:
            return
        service.checked = service.newest
        gone = [n for n, m in service.members.items() if service.newest - m.time > self._silent]
        for name in gone:
            del service.members[name]
        if gone and service.standing is not None and not service.firing():
            self._close(service, score.time, "no leaking instance is there any more", emit)

    def _close(self, service: ServiceAlerts, time: float, why: str, emit: Emit) -> None:
        """End the alert for a reason outside its instances, and reset their state machines."""
        if service.standing is None:
            return
        for member in service.members.values():
            member.memory = AlertMemory(covered=member.memory.covered)
        self._end(service, time, why, emit)

    def _end(self, service: ServiceAlerts, time: float, why: str, emit: Emit) -> None:
        if (standing := service.standing) is None:
            return
        service.standing = None
        self._publish(ended(standing.told, time, why), emit)

    # Control records.

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        """Apply a control record: a label, a deletion or a promotion.

        The label `leak` confirms an alert; `not-a-leak` and `expected` resolve it.
        """
        try:
            read = control.read(record.value)
        except Unreadable as error:
            return None, Applied(rejected=[Rejected(record, error.reason, str(error))])
        match read:
            case Label(service=service):
                return self.change(Key(record.partition, service.encode()), self._label, read, record)
            case ModelDelete(service=service):
                return self.change(Key(record.partition, service.encode()), self._delete, read, record)
            case Promotion(track=track):
                return self._promote(record.partition, track)
        return None, Applied()

    def _delete(self, service: ServiceAlerts | None, _record: ModelDelete, emit: Emit) -> None:
        """End the alert of a deleted service, and forget the service."""
        if service is not None:
            self._close(service, service.newest, "the service was deleted", emit)

    def _label(self, service: ServiceAlerts | None, label: Label, emit: Emit) -> ServiceAlerts | None:
        if service is None:
            emit.count(metrics.CONTROLS, "label", "no-such-service")
            return None
        if label.alert is not None and (service.standing is None or service.standing.key != label.alert):
            emit.count(metrics.CONTROLS, "label", "no-such-alert")
            return service
        self._apply_label(service, label, emit)
        emit.count(metrics.LABELS, label.verdict)
        emit.count(metrics.CONTROLS, "label", "applied")
        return service

    def _apply_label(self, service: ServiceAlerts, label: Label, emit: Emit) -> None:
        time = max(service.newest, label.time)
        if label.verdict == "leak":
            standing = service.standing
            if standing is not None and label.author not in standing.confirmed:
                standing.confirmed.append(label.author)
                self._told(standing, confirmed(standing.told, time, label.author), emit)
            return
        if label.verdict == "expected":
            expect(service, label, time)
        else:
            cover(service)
        reason = f": {label.reason}" if label.reason else ""
        self._close(service, time, f"{label.author} said {label.verdict}{reason}"[:_LONGEST], emit)

    def _promote(self, partition: int, track: str) -> tuple[Key | None, Applied]:
        """Make a track active in a partition, and move firing alerts to the topic where they belong now."""
        applied = Applied()
        before = self._active.of(partition)
        if before == track:
            applied.count(metrics.CONTROLS, "promotion", "unchanged")
            return None, applied
        standing = self._standing(partition) if self._track in (track, before) else []
        why = f"track {track} was promoted"
        self._publish_all([(key, ended(told, told.time, why)) for key, told in standing], applied)
        self._active.promote(partition, track)
        self._publish_all([(key, msgspec.structs.replace(t, state="firing")) for key, t in standing], applied)
        applied.count(metrics.CONTROLS, "promotion", "applied")
        return Key(partition, PROMOTION_KEY), applied

    def _publish_all(self, alerts: Sequence[tuple[Key, Alert]], applied: Applied) -> None:
        for key, alert in alerts:
            emit = Emit(key)
            self._publish(alert, emit)
            emit.into(applied)

    def _standing(self, partition: int) -> list[tuple[Key, Alert]]:
        """Return the last published transition of every firing alert, at the newest time of its service."""
        return [
            (key, msgspec.structs.replace(s.standing.told, time=max(s.newest, s.standing.told.time)))
            for key, s in self.items(partition)
            if s.standing is not None
        ]

    # State.

    def levels(self) -> dict[metrics.Gauge, float]:
        """Return the number of services with state, and of firing alerts."""
        standing = sum(service.standing is not None for service in self.states())
        return super().levels() | {metrics.FIRING: float(standing)}

    def dump(self, key: Key) -> bytes | None:
        """Return the exact state of a service's alerts, or of the active track of a partition."""
        return self._active.dump(key.partition) if key.name == PROMOTION_KEY else super().dump(key)

    def load(self, key: Key, state: bytes) -> None:
        """Restore the state of a service's alerts, or the active track of a partition."""
        if key.name == PROMOTION_KEY:
            self._active.load(key.partition, state)
        else:
            super().load(key, state)

    def drop(self, partition: int) -> None:
        """Forget the services of a partition, and its active track."""
        super().drop(partition)
        self._active.drop(partition)


def _make(settings: Settings) -> Alerting:
    topics = names(settings.kafka.topic_prefix, settings.kafka.track)
    return Alerting(settings.alerting, topics.alerts, topics.silent_alerts, settings.kafka.track)


ROLE = RoleSpec(
    name=Alerting.NAME,
    command="sink",
    help="turn scores into alerts",
    make=_make,
    input=Names.scores,
    outputs=(Names.alerts, Names.silent_alerts),
    side=(Names.feedback,),
    state=Names.alert_state,
    sections=("alerting",),
    metrics=("sink",),
)
