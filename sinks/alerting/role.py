"""The alerting role: scores in, transitions of alerts out; one alert per leaking service."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from operator import itemgetter

import msgspec

from fleetleak.kafka.topics import MAIN
from fleetleak.observe import metrics
from fleetleak.records import Alert, Decoder, Label, Promotion, Score, Unreadable, control, encode
from fleetleak.records.alert import AlertState
from fleetleak.records.control import ModelDelete
from fleetleak.settings.tree import Alerting as Settings
from fleetleak.stream import Applied, Key, Output, Record, Rejected
from sinks.alerting.labels import cover, expect
from sinks.alerting.policy import AlertMemory, Policy, Transition
from sinks.alerting.service import ServiceAlerts, Standing
from sinks.alerting.words import confirmed, described, ended

VERSION = 2
_LONGEST = 1024  # characters of a text in a record
# State under this name is who speaks in the partition. No service has it: control.PROMOTION_KEY.
_SPEAKING = control.PROMOTION_KEY


class Alerting:
    """The role of the alerting sink (`fleetleak.stream.Role`).

    Parameters
    ----------
    alerts_topic, silent_topic
        Where it tells while its track speaks, and while another does.
    track
        Whose settings these are (docs/tracks.md).
    """

    NAME = "alerting"

    def __init__(
        self, settings: Settings, alerts_topic: str, silent_topic: str = "silent-alerts", track: str = MAIN
    ) -> None:
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
        # Interned, so that it is the default itself: msgspec leaves out a default by identity.
        self._track = sys.intern(track)
        self._speaking: dict[int, str] = {}
        self._services: dict[Key, ServiceAlerts] = {}
        self._read_score = Decoder(Score).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(ServiceAlerts).decode

    @property
    def fingerprint(self) -> str:
        """Version of the stored form; a new policy goes on with the old alerts."""
        return f"alerting/{VERSION}"

    def apply(self, records: Sequence[Record]) -> Applied:
        """Take scores; give the transitions they cause."""
        applied = Applied()
        for record in records:
            try:
                score = self._read_score(record.value)
            except Unreadable as error:
                applied.rejected.append(Rejected(record, error.reason, str(error)))
                continue
            self._take(Key(record.partition, record.key or b""), score, applied)
        metrics.FIRING.set(sum(s.standing is not None for s in self._services.values()))
        return applied

    def _take(self, key: Key, score: Score, applied: Applied) -> None:
        service = self._services.get(key)
        if service is None:
            service = self._services[key] = ServiceAlerts()
        service.newest = max(service.newest, score.time)
        member = service.member(score.instance)
        if score.time <= member.time:
            return
        member.heard(score.time)
        if score.trend is not None and service.taught_rise > score.trend.normal_rise:
            score.trend.normal_rise = service.taught_rise
        steps = [] if score.time < service.muted_until else self._policy.step(member.memory, score)
        for step in steps:
            self._tell(key, service, score, step, applied)
        if not steps and member.memory.phase == "firing":
            self._adopt(key, service, score, applied)
        self._let_go(key, service, score, applied)

    def _tell(
        self, key: Key, service: ServiceAlerts, score: Score, step: Transition, applied: Applied
    ) -> None:
        """Turn one instance's transition into the service's."""
        firing, standing = service.firing(), service.standing
        if standing is None:
            if step.state == "resolved":
                return
            standing = service.standing = Standing(self._name(score, step), step.since, _NO_ALERT)
            state: AlertState = "firing"
        elif not firing:
            self._end(key, service, step.time, step.closed_by or "", applied)
            return
        else:
            state = "updated"
            news = service.is_news(score.instance, step)
            if step.state == "resolved":
                # Told with the next score of one that goes on: this one says nothing of it.
                standing.stale |= news
            if step.state == "resolved" or not news:
                return
        self._told(key, service, standing, described(standing, service, score, step, state), applied)

    def _told(
        self, key: Key, service: ServiceAlerts, standing: Standing, alert: Alert, applied: Applied
    ) -> None:
        standing.told = msgspec.structs.replace(alert, track=self._track)
        standing.stale = False
        self._publish(key, standing.told, applied)

    def _adopt(self, key: Key, service: ServiceAlerts, score: Score, applied: Applied) -> None:
        """Tell an alert of this instance, where the one that it was told of leaks no more."""
        standing = service.standing
        if standing is None or not standing.stale or score.trend is None:
            return
        step = self._policy.again(service.member(score.instance).memory, score)
        self._told(key, service, standing, described(standing, service, score, step, "updated"), applied)

    def _name(self, score: Score, step: Transition) -> str:
        # Another track's name is in it: two tracks' alerts of one leak meet on `alerts` at a promotion.
        owner = "" if self._track == MAIN else f"@{self._track}"
        return f"{score.service}@{step.since:.0f}{owner}"

    def _publish(self, key: Key, alert: Alert, applied: Applied) -> None:
        metrics.TRANSITIONS.labels(alert.state).inc()
        topic = self._topic(key.partition)
        note = f"alert {alert.state}: {alert.key}: {alert.summary}"
        applied.outputs.append(Output(topic, alert.key.encode(), encode(alert), None, key, note))

    def _topic(self, partition: int) -> str:
        speaks = self._speaking.get(partition, MAIN) == self._track
        return self._alerts_topic if speaks else self._silent_topic

    def _let_go(self, key: Key, service: ServiceAlerts, score: Score, applied: Applied) -> None:
        """Forget instances that the service's time has left behind; with the last one its alert ends."""
        if service.newest - service.checked < self._silent / 8:
            return
        service.checked = service.newest
        gone = [n for n, m in service.members.items() if service.newest - m.time > self._silent]
        for name in gone:
            del service.members[name]
        if gone and service.standing is not None and not service.firing():
            self._close(key, service, score.time, "no leaking instance is there any more", applied)

    def _close(self, key: Key, service: ServiceAlerts, time: float, why: str, applied: Applied) -> None:
        """End the alert from outside: what its instances were on the way to is forgotten."""
        if service.standing is None:
            return
        for member in service.members.values():
            member.memory = AlertMemory(covered=member.memory.covered)
        self._end(key, service, time, why, applied)

    def _end(self, key: Key, service: ServiceAlerts, time: float, why: str, applied: Applied) -> None:
        if (standing := service.standing) is None:
            return
        service.standing = None
        self._publish(key, ended(standing.told, time, why), applied)

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        """Apply a label (`leak` confirms, `not-a-leak` and `expected` resolve) or a promotion."""
        applied = Applied()
        try:
            match control.read(record.value):
                case Label() as label:
                    return self._label(record.partition, label, applied), applied
                case ModelDelete(service=service):
                    return self._delete(Key(record.partition, service.encode()), applied), applied
                case Promotion(track=track):
                    return self._promote(record.partition, track, applied), applied
        except Unreadable as error:
            applied.rejected.append(Rejected(record, error.reason, str(error)))
        return None, applied

    def _delete(self, key: Key, applied: Applied) -> Key | None:
        """Forget a service that is gone for good; its alert ends."""
        if (service := self._services.get(key)) is None:
            return None
        self._close(key, service, service.newest, "the service was deleted", applied)
        del self._services[key]
        return key

    def _label(self, partition: int, label: Label, applied: Applied) -> Key | None:
        key = Key(partition, label.service.encode())
        service = self._services.get(key)
        if service is None:
            metrics.CONTROLS.labels("label", "no-such-service").inc()
            return None
        if label.alert is not None and (service.standing is None or service.standing.key != label.alert):
            metrics.CONTROLS.labels("label", "no-such-alert").inc()
            return key
        self._apply_label(key, service, label, applied)
        metrics.LABELS.labels(label.verdict).inc()
        metrics.CONTROLS.labels("label", "applied").inc()
        return key

    def _apply_label(self, key: Key, service: ServiceAlerts, label: Label, applied: Applied) -> None:
        time = max(service.newest, label.time)
        if label.verdict == "leak":
            standing = service.standing
            if standing is not None and label.author not in standing.confirmed:
                standing.confirmed.append(label.author)
                self._told(key, service, standing, confirmed(standing.told, time, label.author), applied)
            return
        if label.verdict == "expected":
            expect(service, label, time)
        else:
            cover(service)
        reason = f": {label.reason}" if label.reason else ""
        self._close(key, service, time, f"{label.author} said {label.verdict}{reason}"[:_LONGEST], applied)

    def _promote(self, partition: int, track: str, applied: Applied) -> Key | None:
        """Let a track speak in a partition; what stands goes where this track tells from now on."""
        if self._speaking.get(partition, MAIN) == track:
            metrics.CONTROLS.labels("promotion", "unchanged").inc()
            return None
        moves = self._track in (track, self._speaking.get(partition, MAIN))
        standing = self._standing(partition) if moves else []
        why = f"track {track} was promoted"
        for key, told in standing:
            self._publish(key, ended(told, told.time, why), applied)
        self._speaking[partition] = track
        for key, told in standing:
            self._publish(key, msgspec.structs.replace(told, state="firing"), applied)
        metrics.CONTROLS.labels("promotion", "applied").inc()
        return Key(partition, _SPEAKING)

    def _standing(self, partition: int) -> list[tuple[Key, Alert]]:
        """Give what was told last of every alert that stands, at its service's newest time, by service."""
        return sorted(
            (
                (key, msgspec.structs.replace(s.standing.told, time=max(s.newest, s.standing.told.time)))
                for key, s in self._services.items()
                if key.partition == partition and s.standing is not None
            ),
            key=itemgetter(0),
        )

    def dump(self, key: Key) -> bytes | None:
        """Exact state of a service's alerts, or of who speaks in a partition."""
        if key.name == _SPEAKING:
            return self._speaking[key.partition].encode() if key.partition in self._speaking else None
        return self._encode(self._services[key]) if key in self._services else None

    def load(self, key: Key, state: bytes) -> None:
        """Put a service's alerts back, or who speaks in a partition."""
        if key.name == _SPEAKING:
            self._speaking[key.partition] = state.decode()
            return
        self._services[key] = self._decode(state)

    def drop(self, partition: int) -> None:
        """Forget the services of a partition, and who speaks there."""
        self._speaking.pop(partition, None)
        self._services = {k: v for k, v in self._services.items() if k.partition != partition}


# Of an alert that is about to be told.
_NO_ALERT = Alert(
    key="-", state="firing", service="-", instance="-", time=0.0, since=0.0, severity="early", kind="stable",
    confidence=0.0, summary="", recommendation="",
)  # fmt: skip
