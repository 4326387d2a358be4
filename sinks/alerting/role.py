"""The alerting role: scores in, transitions of alerts out; one alert per leaking service."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fleetleak.kafka.runtime import Applied, Key, Output, Record, Rejected
from fleetleak.observe import metrics
from fleetleak.records import Alert, Decoder, Label, Score, Unreadable, control, encode
from fleetleak.records.alert import AlertState, Severity
from fleetleak.settings.tree import Alerting as Settings
from sinks.alerting.policy import AlertMemory, Policy, Transition
from sinks.alerting.words import recommendation, summary

VERSION = 1
_MOST_NAMED = 20
# A rise that people called normal is normal up to this factor.
_TAUGHT_MARGIN = 1.5
_EXPECTED_SECONDS = 7 * 86400.0


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
    confirmed_by: str | None = None


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
    """The role of the alerting sink (`fleetleak.kafka.runtime.Role`)."""

    NAME = "alerting"

    def __init__(self, settings: Settings, alerts_topic: str) -> None:
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
        self._topic = alerts_topic
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
            standing = Standing(f"{score.service}@{step.since:.0f}", step.since, step.severity, _NO_ALERT)
            service.standing = standing
            state: AlertState = "firing"
        else:
            state = "updated" if firing else "resolved"
        if step.severity == "sure":
            standing.severity = "sure"
        standing.told = self._alert(service, standing, score, state, step)
        self._publish(key, standing.told, applied)
        if state == "resolved":
            service.standing = None

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
            closed_by=step.closed_by if state == "resolved" else None,
            input_partition=score.input_partition,
            input_offset=score.input_offset,
        )

    def _publish(self, key: Key, alert: Alert, applied: Applied) -> None:
        metrics.TRANSITIONS.labels(alert.state).inc()
        applied.outputs.append(Output(self._topic, alert.key.encode(), encode(alert), None, key))

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
        """Apply a label: `leak` confirms, `not-a-leak` and `expected` resolve."""
        applied = Applied()
        try:
            label = control.read(record.value)
        except Unreadable as error:
            applied.rejected.append(Rejected(record, error.reason, str(error)))
            return None, applied
        if not isinstance(label, Label):
            return None, applied
        key = Key(record.partition, label.service.encode())
        service = self._services.setdefault(key, ServiceAlerts())
        if label.alert is not None and (service.standing is None or service.standing.key != label.alert):
            metrics.CONTROLS.labels("label", "no-such-alert").inc()
            return key, applied
        self._apply_label(key, service, label, applied)
        metrics.LABELS.labels(label.verdict).inc()
        metrics.CONTROLS.labels("label", "applied").inc()
        return key, applied

    def _apply_label(self, key: Key, service: ServiceAlerts, label: Label, applied: Applied) -> None:
        standing = service.standing
        time = max(service.newest, label.time) if service.newest else label.time
        if label.verdict == "leak":
            if standing is not None:
                standing.severity, standing.confirmed_by = "sure", label.author
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

    def dump(self, key: Key) -> bytes | None:
        """Exact state of a service's alerts."""
        return self._encode(self._services[key]) if key in self._services else None

    def load(self, key: Key, state: bytes) -> None:
        """Put a service's alerts back."""
        self._services[key] = self._decode(state)

    def drop(self, partition: int) -> None:
        """Forget the services of a partition."""
        self._services = {k: v for k, v in self._services.items() if k.partition != partition}


_NO_ALERT = Alert(
    key="-", state="firing", service="-", instance="-", time=0.0, since=0.0, severity="early", kind="stable",
    confidence=0.0, summary="", recommendation="",
)  # fmt: skip
