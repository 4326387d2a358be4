"""The alerting role: scores in, transitions of alerts out; one alert per leaking service."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from operator import itemgetter

import msgspec

from fleetleak.kafka.runtime import Applied, Key, Output, Record, Rejected
from fleetleak.kafka.topics import MAIN
from fleetleak.observe import metrics
from fleetleak.records import Alert, Decoder, Label, Promotion, Score, Unreadable, control, encode
from fleetleak.records.alert import AlertState, Severity
from fleetleak.records.control import ModelDelete
from fleetleak.settings.tree import Alerting as Settings
from sinks.alerting.policy import AlertMemory, Policy, Transition
from sinks.alerting.words import recommendation, summary

VERSION = 1
_MOST_NAMED = 20
# A rise that people called normal is normal up to this factor.
_TAUGHT_MARGIN = 1.5
_EXPECTED_SECONDS = 7 * 86400.0
# State under this name is who speaks in the partition. No service has it: control.PROMOTION_KEY.
_SPEAKING = control.PROMOTION_KEY


class Member(msgspec.Struct, omit_defaults=True):
    """One instance: its state machine, and when it was last heard of."""

    memory: AlertMemory
    time: float


class Standing(msgspec.Struct):
    """The alert that is firing for a service."""

    key: str
    since: float
    severity: Severity
    told: Alert


class ServiceAlerts(msgspec.Struct, omit_defaults=True):
    """Everything kept of one service.

    Parameters
    ----------
    taught_rise
        Bytes of rise that labels called normal.
    muted_until
        No alert before this event time: the growth is expected.
    """

    members: dict[str, Member] = {}
    standing: Standing | None = None
    newest: float = 0.0
    checked: float = 0.0
    taught_rise: float = 0.0
    muted_until: float = 0.0

    def firing(self) -> list[str]:
        """Give the instances that leak now."""
        return [name for name, m in self.members.items() if m.memory.phase == "firing"]


class Alerting:
    """The role of the alerting sink (`fleetleak.kafka.runtime.Role`).

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
        member = service.members.get(score.instance)
        if member is None:
            member = service.members[score.instance] = Member(AlertMemory(), 0.0)
        if score.time <= member.time:
            return
        member.time = score.time
        if score.trend is not None and service.taught_rise > score.trend.normal_rise:
            score.trend.normal_rise = service.taught_rise
        steps = [] if score.time < service.muted_until else self._policy.step(member.memory, score)
        for step in steps:
            self._tell(key, service, score, step, applied)
        self._let_go(key, service, score, applied)

    def _tell(
        self, key: Key, service: ServiceAlerts, score: Score, step: Transition, applied: Applied
    ) -> None:
        """Turn one instance's transition into the service's."""
        firing = service.firing()
        standing = service.standing
        if standing is None:
            if step.state == "resolved":
                return
            standing = Standing(self._name(score, step), step.since, step.severity, _NO_ALERT)
            service.standing = standing
            state: AlertState = "firing"
        else:
            state = "updated" if firing else "resolved"
        if step.severity == "sure":
            standing.severity = "sure"
        if step.state == "resolved" and firing:
            # One of several has ended: what is told of the others stays.
            standing.told = msgspec.structs.replace(
                standing.told, state="updated", time=score.time, instance=firing[0], affected=len(firing),
                instances=firing[:_MOST_NAMED],
            )  # fmt: skip
        else:
            standing.told = self._alert(service, standing, score, state, step)
        self._publish(key, standing.told, applied)
        if state == "resolved":
            service.standing = None

    def _name(self, score: Score, step: Transition) -> str:
        # Another track's name is in it: two tracks' alerts of one leak meet on `alerts` at a promotion.
        owner = "" if self._track == MAIN else f"@{self._track}"
        return f"{score.service}@{step.since:.0f}{owner}"

    def _alert(
        self, service: ServiceAlerts, standing: Standing, score: Score, state: AlertState, step: Transition
    ) -> Alert:
        firing, forecast = service.firing(), score.forecast
        return Alert(
            key=standing.key,
            state=state,
            service=score.service,
            instance=score.instance,
            time=score.time,
            since=standing.since,
            severity=standing.severity,
            kind=step.kind,
            confidence=score.confidence,
            summary=summary(score, len(firing), len(service.members))[:1024],
            recommendation=recommendation(score)[:1024],
            affected=len(firing),
            instances=firing[:_MOST_NAMED],
            onset=score.onset,
            onset_low=score.onset_low,
            onset_high=score.onset_high,
            host=score.host,
            scope=score.scope,
            environment=score.environment,
            version=score.version,
            eta=forecast.eta if forecast else None,
            eta_low=forecast.eta_low if forecast else None,
            eta_high=forecast.eta_high if forecast else None,
            used=score.used,
            total=score.total,
            forecast=forecast,
            trend=score.trend,
            methods=score.methods,
            reasons=score.reasons,
            turning_point=score.turning_point,
            features=score.features,
            quality=score.quality,
            siblings=score.siblings,
            closed_by=step.closed_by if state == "resolved" else None,
            track=self._track,
            input_partition=score.input_partition,
            input_offset=score.input_offset,
        )

    def _publish(self, key: Key, alert: Alert, applied: Applied) -> None:
        metrics.TRANSITIONS.labels(alert.state).inc()
        topic = self._topic(key.partition)
        applied.outputs.append(Output(topic, alert.key.encode(), encode(alert), None, key))

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
        if (standing := service.standing) is None:
            return
        service.standing = None
        for member in service.members.values():
            member.memory = AlertMemory()
        told = msgspec.structs.replace(standing.told, state="resolved", time=time, closed_by=why, affected=0)
        self._publish(key, told, applied)

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

    def _label(self, partition: int, label: Label, applied: Applied) -> Key:
        key = Key(partition, label.service.encode())
        service = self._services.setdefault(key, ServiceAlerts())
        if label.alert is not None and (service.standing is None or service.standing.key != label.alert):
            metrics.CONTROLS.labels("label", "no-such-alert").inc()
            return key
        self._apply_label(key, service, label, applied)
        metrics.LABELS.labels(label.verdict).inc()
        metrics.CONTROLS.labels("label", "applied").inc()
        return key

    def _apply_label(self, key: Key, service: ServiceAlerts, label: Label, applied: Applied) -> None:
        standing = service.standing
        time = max(service.newest, label.time) if service.newest else label.time
        if label.verdict == "leak":
            if standing is not None:
                standing.severity = "sure"
                standing.told = msgspec.structs.replace(
                    standing.told, state="updated", time=time, severity="sure",
                    reasons=[f"confirmed by {label.author}", *standing.told.reasons][:3],
                )  # fmt: skip
                self._publish(key, standing.told, applied)
            return
        if label.verdict == "expected":
            service.muted_until = label.expires or time + _EXPECTED_SECONDS
        elif standing is not None and standing.told.trend is not None:
            service.taught_rise = max(service.taught_rise, _TAUGHT_MARGIN * standing.told.trend.rise)
        self._close(key, service, time, f"{label.author} said {label.verdict}", applied)

    def _promote(self, partition: int, track: str, applied: Applied) -> Key | None:
        """Let a track speak in a partition; what stands goes where this track tells from now on."""
        if self._speaking.get(partition, MAIN) == track:
            metrics.CONTROLS.labels("promotion", "unchanged").inc()
            return None
        moves = self._track in (track, self._speaking.get(partition, MAIN))
        standing = self._standing(partition) if moves else []
        why = f"track {track} was promoted"
        for key, told in standing:
            ended = msgspec.structs.replace(told, state="resolved", closed_by=why, affected=0)
            self._publish(key, ended, applied)
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


_NO_ALERT = Alert(
    key="-", state="firing", service="-", instance="-", time=0.0, since=0.0, severity="early", kind="stable",
    confidence=0.0, summary="", recommendation="",
)  # fmt: skip
