"""The alerting role: one alert per leaking service, and what labels do to it."""

from __future__ import annotations

from fleetleak.records import Alert, Decoder, Forecast, Label, Score, Trend, encode
from fleetleak.records.control import ModelDelete
from fleetleak.records.types import Kind
from fleetleak.settings.tree import AlertingSettings
from fleetleak.stream import Applied, Key, Record
from sinks.alerting.leak.role import LeakAlerting
from sinks.policy.file import read as read_policy

MIB = 2**20
START = 1_700_000_000.0
read = Decoder(Alert).decode


def made(*topic_and_track: str) -> LeakAlerting:
    """Return the role with default settings and rules."""
    return LeakAlerting(AlertingSettings(), read_policy(None), "alerts", *topic_and_track)


def score(
    tick: int, confidence: float, instance: str = "s-0", kind: Kind = "linear", **more: object
) -> Score:
    time = START + 60.0 * tick
    one = Score(
        service="s", instance=instance, time=time, input_partition=0, input_offset=tick,
        used=(100 + tick) * MIB, memory=(100 + tick) * MIB, room_used=0.4, kind=kind,
        confidence=confidence, onset=START,
    )  # fmt: skip
    if confidence > 0:
        one.trend = Trend(
            growth=MIB / 60, growth_low=MIB / 61, growth_high=MIB / 59, window=600.0, rise=50.0 * MIB,
            level=(100.0 + tick) * MIB, strength=0.9,
        )  # fmt: skip
        one.forecast = Forecast(
            eta=time + 9000, eta_low=time + 7000, eta_high=time + 12000, limit=1024 * MIB,
            limit_name="memory.max", limit_used=(100 + tick) * MIB,
        )  # fmt: skip
    for name, value in more.items():
        setattr(one, name, value)
    return one


def as_record(one: Score) -> Record:
    return Record(0, one.input_offset, b"s", encode(one), one.time)


def alerts(applied: Applied) -> list[Alert]:
    return [read(o.value) for o in applied.outputs]


def silent(controlled: tuple[Key | None, Applied]) -> Key | None:
    """Return the key that a control record changed, having seen that it published and rejected nothing."""
    key, applied = controlled
    assert (applied.outputs, applied.rejected) == ([], [])
    return key


def label(verdict: str, **more: object) -> Record:
    fields = {"service": "s", "author": "ann", "time": START + 6000} | more
    one = Label(verdict=verdict, **fields)  # type: ignore[arg-type]
    return Record(0, 0, b"s", encode(one), START)


def firing_role(ticks: int = 5) -> tuple[LeakAlerting, Alert]:
    role = made()
    published = alerts(role.apply([as_record(score(t, 0.9)) for t in range(ticks)]))
    return role, published[0]


def test_a_leak_fires_once_with_its_evidence() -> None:
    role = made()
    published = alerts(role.apply([as_record(score(t, 0.9)) for t in range(30)]))
    first = published[0]
    assert (first.state, first.service, first.kind, first.certainty) == ("firing", "s", "linear", "sure")
    assert [a.state for a in published].count("firing") == 1
    assert {a.key for a in published} == {first.key}
    assert first.eta_low is not None
    assert first.eta is not None
    assert first.eta_high is not None
    assert first.eta_low < first.eta < first.eta_high
    assert "memory.max" in first.summary
    assert first.recommendation


def test_one_suspicious_snapshot_is_not_enough() -> None:
    role = made()
    assert not role.apply([as_record(score(0, 0.9)), as_record(score(1, 0.0))]).outputs


def test_it_resolves_when_the_growth_stops() -> None:
    role, first = firing_role()
    published = alerts(role.apply([as_record(score(t, 0.0, kind="stable")) for t in range(5, 60)]))
    assert [(a.state, a.key) for a in published] == [("resolved", first.key)]
    assert published[0].closed_by


def test_one_of_two_that_ends_leaves_what_is_told_of_the_other() -> None:
    role = made()
    for name in ("s-0", "s-1"):
        role.apply([as_record(score(t, 0.9, instance=name)) for t in range(5)])
    role.apply([as_record(score(6, 0.0, instance="s-0", kind="stable", restarted=True))])
    (told,) = alerts(role.apply([as_record(score(t, 0.9, instance="s-1")) for t in range(7, 25)]))
    assert told.news == "restarted: whether it grows again is watched"
    assert (told.state, told.affected, told.instances, told.instance) == ("updated", 1, ["s-1"], "s-1")
    assert told.trend is not None
    assert told.eta is not None


def test_a_deleted_service_has_no_alert_and_no_state_any_more() -> None:
    role, first = firing_role()
    deletion = ModelDelete(service="s", author="ann", time=START + 6000)
    key, applied = role.control(Record(0, 0, b"s", encode(deletion), START))
    assert key == Key(0, b"s")
    (ended,) = alerts(applied)
    assert (ended.state, ended.key, ended.closed_by) == ("resolved", first.key, "the service was deleted")
    assert role.dump([Key(0, b"s")])[0] is None
    assert silent(role.control(Record(0, 1, b"s", encode(deletion), START))) is None


def test_two_instances_are_one_alert() -> None:
    role = made()
    both = [as_record(score(t, 0.9, instance=name)) for t in range(5) for name in ("s-0", "s-1")]
    published = alerts(role.apply(both))
    assert [a.state for a in published][:1] == ["firing"]
    assert {a.key for a in published} == {published[0].key}
    assert published[-1].affected == 2
    assert published[-1].instances == ["s-0", "s-1"]
    assert "2 of 2 instances" in published[-1].summary


def test_an_alert_ends_with_its_last_instance() -> None:
    role, first = firing_role()
    others = [as_record(score(t, 0.0, instance="new", kind="stable")) for t in range(5, 200)]
    published = alerts(role.apply(others))
    assert [(a.state, a.key) for a in published] == [("resolved", first.key)]


def test_not_a_leak_resolves_and_teaches() -> None:
    role, first = firing_role()
    key, applied = role.control(label("not-a-leak"))
    assert key == Key(0, b"s")
    published = alerts(applied)
    assert [(a.state, a.key) for a in published] == [("resolved", first.key)]
    assert "ann" in (published[0].closed_by or "")
    assert not role.apply([as_record(score(t, 0.9)) for t in range(10, 40)]).outputs
    larger = [score(t, 0.9) for t in range(40, 50)]
    for one in larger:
        assert one.trend is not None
        one.trend.rise *= 4
        one.trend.level *= 2
    assert [a.state for a in alerts(role.apply(list(map(as_record, larger))))][:1] == ["firing"]


def test_not_a_leak_covers_the_growth_that_goes_on() -> None:
    """The growth continues at its rate: no alert until it has taken half of the bytes that were left."""
    role, _ = firing_role()
    role.control(label("not-a-leak"))
    grown = [score(t, 0.95, left=(1024 - t) * MIB) for t in range(5, 45)]
    for one in grown:
        assert one.trend is not None
        one.trend.rise = (50.0 + one.input_offset) * MIB
    assert not role.apply(list(map(as_record, grown))).outputs


def test_a_growth_much_faster_than_the_labelled_one_fires() -> None:
    role, _ = firing_role()
    role.control(label("not-a-leak"))
    faster = [score(t, 0.95) for t in range(5, 10)]
    for one in faster:
        assert one.trend is not None
        one.trend.growth_low *= 3
        one.trend.rise *= 4
    assert [a.state for a in alerts(role.apply(list(map(as_record, faster))))][:1] == ["firing"]


def test_a_restart_ends_what_a_label_covers_and_not_what_it_taught() -> None:
    role, _ = firing_role()
    role.control(label("not-a-leak"))
    again = [score(5, 0.0, restarted=True), *(score(t, 0.95) for t in range(6, 10))]
    assert not role.apply(list(map(as_record, again))).outputs
    for one in again[1:]:
        assert one.trend is not None
        one.time += 600.0
        one.trend.rise *= 2
    assert [a.state for a in alerts(role.apply(list(map(as_record, again[1:]))))][:1] == ["firing"]


def test_a_label_of_what_was_never_heard_of_changes_nothing() -> None:
    role = made()
    assert silent(role.control(label("not-a-leak"))) is None
    assert role.dump([Key(0, b"s")])[0] is None


def test_a_person_confirms_once() -> None:
    role, _ = firing_role()
    assert role.control(label("leak"))[1].outputs
    assert not role.control(label("leak"))[1].outputs


def test_what_has_ended_says_what_was() -> None:
    role, first = firing_role()
    (last,) = alerts(role.control(label("not-a-leak", reason="it warms up"))[1])
    assert "grew" in last.summary
    assert "ann said not-a-leak: it warms up" in last.summary
    assert (last.eta, last.forecast, last.affected, last.instances) == (None, None, 0, [])
    assert (last.severity, last.kind) == (first.severity, first.kind)


def test_labels_of_the_snapshot_are_in_the_alert() -> None:
    role = made()
    published = alerts(role.apply([as_record(score(t, 0.9, labels={"team": "shop"})) for t in range(5)]))
    assert published[0].labels == {"team": "shop"}


def test_another_instance_speaks_for_one_that_fell_silent() -> None:
    def limited(tick: int, instance: str, limit: int) -> Record:
        return as_record(
            score(tick, 0.9, instance=instance, limit=limit, limit_name="memory.max", left=100 * MIB)
        )

    role = made()
    for name in ("s-0", "s-1"):
        role.apply([limited(t, name, 1024 * MIB) for t in range(5)])
    role.apply([limited(t, "s-0", 1024 * MIB) for t in range(5, 20)])
    told = alerts(role.apply([limited(t, "s-0", 2048 * MIB) for t in range(20, 60)]))[-1]
    assert (told.instance, told.affected) == ("s-0", 1)
    assert "limit raised to 2 GiB" in (told.news or "")


def test_short_lived_instances_are_counted_while_they_are_there() -> None:
    """A new instance every ten minutes. Each one leaks, and then falls silent."""
    role = made()
    lives = [score(t, 0.9, instance=f"s-{t // 10}") for t in range(100)]
    published = alerts(role.apply(list(map(as_record, lives))))
    assert max(a.alive for a in published) <= 2
    assert [a.state for a in published].count("firing") == 1
    assert len(published) < 12


def test_leak_confirms() -> None:
    role, first = firing_role()
    _, applied = role.control(label("leak"))
    (published,) = alerts(applied)
    assert (published.state, published.certainty, published.key) == ("updated", "sure", first.key)
    assert "ann" in published.reasons[0]


def test_expected_mutes_until_it_expires() -> None:
    role, _ = firing_role()
    _, applied = role.control(label("expected", expires=START + 60.0 * 100))
    assert [a.state for a in alerts(applied)] == ["resolved"]
    assert not role.apply([as_record(score(t, 0.9)) for t in range(10, 100)]).outputs
    assert alerts(role.apply([as_record(score(t, 0.9)) for t in range(100, 110)]))[0].state == "firing"


def test_a_label_for_another_alert_changes_nothing() -> None:
    role, _ = firing_role()
    assert not role.control(label("not-a-leak", alert="other@1"))[1].outputs


def test_other_control_records_are_passed_over_and_broken_ones_are_dead_letters() -> None:
    role, _ = firing_role()
    other = Record(0, 1, b"s", b'{"schema":"clock-probe/1","service":"s"}', START)
    assert silent(role.control(other)) is None
    broken = Record(0, 2, b"s", b"{", START)
    assert [r.reason for r in role.control(broken)[1].rejected] == ["malformed"]


def test_an_alert_of_the_longest_service_and_track_can_be_read() -> None:
    service, track = "\U0001f600" * 256, "t" * 200
    role = made("silent", track)
    scores = [score(t, 0.9, service=service, instance=service, version=service) for t in range(5)]
    published = alerts(
        role.apply([Record(0, s.input_offset, service.encode(), encode(s), s.time) for s in scores])
    )
    assert published[0].key == f"{service}@{START + 60:.0f}@{track}"
    _, applied = role.control(label("not-a-leak", service=service, alert=published[0].key))
    assert alerts(applied)[-1].state == "resolved"
