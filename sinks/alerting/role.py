"""The alerting role: it reads findings and publishes transitions of alerts, one alert per subject and cause.

It knows no kind of finding: an adapter does (`sinks.alerting.finding.Adapter`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from msgspec import Struct

from fleetleak.kafka.topics import MAIN
from fleetleak.observe import metrics
from fleetleak.records import Label, Promotion, Unreadable, control
from fleetleak.records.control import PROMOTION_KEY, ModelDelete, WhitelistRevoke
from fleetleak.records.types import MOST_TEXT
from fleetleak.settings.tree import AlertingSettings
from fleetleak.stream import Applied, Key, Record, Rejected
from fleetleak.stream.emit import Emit
from fleetleak.stream.keyed import Keyed
from fleetleak.text import DAY, duration
from sinks.alerting import labels
from sinks.alerting.active import ActiveTracks
from sinks.alerting.alerts import Alerts
from sinks.alerting.decide import Decider
from sinks.alerting.explained import Explained
from sinks.alerting.finding import Adapter, Finding, Source
from sinks.alerting.life import AlertMemory, Life
from sinks.alerting.subject import Member, Standing, Subject
from sinks.policy.file import PolicyFile
from sinks.policy.rules import rules

# A subject without any data for so long is gone.
_GONE_SECONDS = 7 * DAY
R = TypeVar("R", bound=Source)
M = TypeVar("M", bound=Struct)


class Alerting(Keyed[R, Subject[M]], Generic[R, M]):
    """The role of the alerting sink for one kind of finding.

    A subclass sets `ADAPTER` and what `Keyed` needs.

    Parameters
    ----------
    policy
        Rules and thresholds.
    alerts_topic, silent_topic
        The topic of its alerts while its track is active, and while another track is.
    track
        The track that these settings belong to (docs/tracks.md).

    Raises
    ------
    BadPolicy
        If the policy cannot be used.
    """

    ADAPTER: ClassVar[type[Adapter[Any, Any]]]

    def __init__(
        self,
        settings: AlertingSettings,
        policy: PolicyFile,
        alerts_topic: str,
        silent_topic: str = "silent-alerts",
        track: str = MAIN,
    ) -> None:
        super().__init__()
        self._adapter: Adapter[R, M] = self.ADAPTER(settings)
        self._life = Life(
            sure=settings.sure_confidence,
            confirmations=settings.confirmations,
            hold=settings.hold_seconds,
            clear_least=settings.clear_seconds,
            reopen=settings.reopen_seconds,
        )
        self._silent = settings.silent_seconds
        self._decider = Decider(settings, self._adapter, rules(policy, self._adapter.VOCABULARY))
        self._track = track
        # Stored under PROMOTION_KEY. No subject has this key.
        self._active = ActiveTracks()
        self._alerts: Alerts[R, M] = Alerts(
            self._adapter, self._life, alerts_topic, silent_topic, track, self._active
        )

    # Records.

    def step(self, state: Subject[M] | None, record: R, emit: Emit) -> Subject[M]:
        """Apply a record, and publish the transitions that it causes."""
        subject = Subject() if state is None else state
        heard = self._hear(subject, record)
        if heard is None:
            return subject
        subject.appended = max(subject.appended, emit.appended)
        member, finding = heard
        if record.time >= subject.muted_until:
            self._judge(subject, member, record, finding, emit)
        self._forget_silent(subject, record.time, emit)
        self._wake(subject, emit)
        return subject

    def _hear(self, subject: Subject[M], record: R) -> tuple[Member[M], Finding] | None:
        """Note a record; return its instance and what it shows, None where it is late."""
        subject.newest = max(subject.newest, record.time)
        member = self._member(subject, record.instance)
        if record.time <= member.time:
            return None
        firing = member.memory.phase == "firing"
        finding = self._adapter.finding(member.own, record, firing, subject.usual(record.time))
        missing = member.heard(record.time, self._adapter.level(record), finding.restarted)
        self._life.skip(member.memory, missing)
        subject.note_version(record, finding.rate)
        return member, finding

    def _member(self, subject: Subject[M], name: str) -> Member[M]:
        member = subject.members.get(name)
        if member is None:
            member = subject.members[name] = Member(AlertMemory(), self._adapter.memory())
        return member

    def explain(self, key: Key, record: R) -> Explained[M] | None:
        """Return the decision on the next record of a key, and its effect; None if the record is late.

        It changes nothing.
        """
        before = self.state(key) or Subject()
        subject = copy.deepcopy(before)
        heard = self._hear(subject, record)
        if heard is None:
            return None
        member, finding = heard
        after = self.step(copy.deepcopy(before), record, Emit(key, before.appended))
        return Explained(
            record=record,
            finding=finding,
            decision=self._decider.decide(subject, member, record, finding),
            subject=subject,
            after=after,
            life=self._life,
        )

    def _judge(self, subject: Subject[M], member: Member[M], record: R, finding: Finding, emit: Emit) -> None:
        memory = member.memory
        if memory.phase == "quiet" and not finding.shown:
            member.confidence = member.highest = 0.0
            member.opinions = None
            memory.confirmed = 0
            return
        decision = self._decider.decide(subject, member, record, finding)
        member.confidence, member.opinions = decision.confidence, self._adapter.opinions(record)
        was_firing = memory.phase == "firing"
        member.highest = max(member.highest if memory.phase != "quiet" else 0.0, decision.confidence)
        age = record.time - (member.born if record.started is None else record.started)
        step = self._life.step(memory, finding, decision.enough, age)
        if memory.phase == "firing" and not was_firing:
            self._adapter.fired(member.own)
        if memory.phase == "firing" and (finding.supports or not was_firing):
            self._adapter.settle(member.own, record)
        if step is not None:
            self._adapter.reported(member.own, record, step.urgency)
            self._alerts.tell(subject, member, record, step, decision, emit)
        elif memory.phase == "firing":
            self._alerts.adopt(subject, member, record, finding, decision, emit)

    def _forget_silent(self, subject: Subject[M], time: float, emit: Emit) -> None:
        """Forget instances that are silent for too long.

        An alert outlives its last affected instance for a while: a new one may show the same finding.
        """
        standing = subject.standing
        if standing is not None and standing.orphaned is not None:
            since, patience = standing.orphaned
            if subject.firing():
                standing.orphaned = None
            elif time - since > patience:
                self._alerts.close(subject, time, "no affected instance is there any more", emit)
        if subject.newest - subject.checked < self._silent / 8:
            return
        subject.checked = subject.newest
        gone = {n: m for n, m in subject.members.items() if subject.newest - m.time > self._silent}
        for name in gone:
            del subject.members[name]
        if gone and standing is not None and not subject.firing():
            patience = max(self._life.patience(m.memory) for m in gone.values())
            standing.orphaned = standing.orphaned or (subject.newest, patience)

    # Time without data.

    def _wake(self, subject: Subject[M], emit: Emit) -> None:
        standing = subject.standing
        emit.wake(None if standing is None or not subject.appended else subject.appended + self._silent)

    def on_time(self, state: Subject[M], due: float, emit: Emit) -> Subject[M]:
        """Publish that an alert is stale; much later, end the alert of a subject that is gone."""
        standing = state.standing
        if standing is None:
            return state
        silent = due - state.appended
        # The time of the newest data: whatever is measured later must have a later time.
        time = state.newest
        if silent >= _GONE_SECONDS - 1.0:
            self._alerts.close(state, time, f"gone: no data for {duration(_GONE_SECONDS)}", emit)
            return state
        news = f"no data for {duration(silent)}: nobody knows whether it still grows"
        self._alerts.stale(standing, time, news, emit)
        emit.wake(state.appended + _GONE_SECONDS)
        return state

    # Control records.

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        """Apply a control record: a label, a deletion, the end of a whitelist condition, or a promotion."""
        try:
            read = control.read(record.value)
        except Unreadable as error:
            return None, Applied(rejected=[Rejected(record, error.reason, str(error))])
        match read:
            case Label(service=service):
                return self.change(Key(record.partition, service.encode()), self._label, read, record)
            case ModelDelete(service=service):
                return self.change(Key(record.partition, service.encode()), self._delete, read, record)
            case WhitelistRevoke(service=service):
                return self.change(Key(record.partition, service.encode()), self._revoke, read, record)
            case Promotion(track=track):
                return self._promote(record.partition, track)
        return None, Applied()

    def _delete(self, subject: Subject[M] | None, _record: ModelDelete, emit: Emit) -> None:
        """End the alert of a deleted subject, and forget the subject."""
        if subject is not None:
            self._alerts.close(subject, subject.newest, "the service was deleted", emit)

    def _revoke(self, subject: Subject[M] | None, record: WhitelistRevoke, emit: Emit) -> Subject[M] | None:
        done = subject is not None and subject.lessons.revoke(record.number)
        emit.count(metrics.CONTROLS, "whitelist-revoke", "applied" if done else "no-such-condition")
        return subject

    def _label(self, subject: Subject[M] | None, label: Label, emit: Emit) -> Subject[M] | None:
        if subject is None:
            emit.count(metrics.CONTROLS, "label", "no-such-service")
            return None
        if label.alert not in (None, *subject.keys()):
            emit.count(metrics.CONTROLS, "label", "no-such-alert")
            return subject
        self._apply_label(subject, label, emit)
        emit.count(metrics.LABELS, label.verdict)
        emit.count(metrics.CONTROLS, "label", "applied")
        return subject

    def _apply_label(self, subject: Subject[M], label: Label, emit: Emit) -> None:
        # A label from the future counts as given now: records alone say what time it is.
        time, gate = subject.newest, self._decider.gate(subject.lessons).value
        made = labels.learn(subject, self._adapter, label, time, gate)
        if label.weak or (label.alert is not None and subject.standing is None):
            return
        standing = subject.standing
        if label.verdict == "leak":
            if standing is not None:
                self._alerts.confirm(standing, time, label.author, emit)
            return
        if label.verdict == "expected":
            labels.expect(subject, label, time)
        else:
            labels.cover(subject, self._adapter, time)
        reason = f": {label.reason}" if label.reason else ""
        listed = f"; whitelisted: {self._adapter.looks(made.bound)}" if made else ""
        why = f"{label.author} said {label.verdict}{reason}{listed}"[:MOST_TEXT]
        self._alerts.close(subject, time, why, emit)

    def _promote(self, partition: int, track: str) -> tuple[Key | None, Applied]:
        """Make a track active in a partition, and move firing alerts to the topic where they belong now."""
        applied = Applied()
        before = self._active.of(partition)
        if before == track:
            applied.count(metrics.CONTROLS, "promotion", "unchanged")
            return None, applied
        firing = self._firing(partition) if self._track in (track, before) else []
        for key, time, standing in firing:
            emit = Emit(key)
            self._alerts.leave(standing, time, track, emit)
            emit.into(applied)
        self._active.promote(partition, track)
        for key, _, standing in firing:
            emit = Emit(key)
            self._alerts.arrive(standing, emit)
            emit.into(applied)
        applied.count(metrics.CONTROLS, "promotion", "applied")
        return Key(partition, PROMOTION_KEY), applied

    def _firing(self, partition: int) -> list[tuple[Key, float, Standing]]:
        """Return every firing alert, with the newest time of its subject."""
        subjects = self.items(partition)
        return [(key, s.newest, s.standing) for key, s in subjects if s.standing is not None]

    # State.

    def levels(self) -> dict[metrics.Gauge, float]:
        """Return the number of subjects with state, and of firing alerts."""
        standing = sum(subject.standing is not None for subject in self.states())
        return super().levels() | {metrics.FIRING: float(standing)}

    def dump(self, keys: Sequence[Key]) -> list[bytes | None]:
        """Return the exact states of subjects' alerts, or of the active track of a partition."""
        return [
            self._active.dump(key.partition) if key.name == PROMOTION_KEY else state
            for key, state in zip(keys, super().dump(keys), strict=True)
        ]

    def load(self, key: Key, state: bytes) -> None:
        """Restore the state of a subject's alerts, or the active track of a partition."""
        if key.name == PROMOTION_KEY:
            self._active.load(key.partition, state)
        else:
            super().load(key, state)

    def drop(self, partition: int) -> None:
        """Forget the subjects of a partition, and its active track."""
        super().drop(partition)
        self._active.drop(partition)
