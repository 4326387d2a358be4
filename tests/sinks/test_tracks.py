"""Tracks: which one is active, how a promotion moves alerts, and how tracks are compared and chosen."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fleetleak.records import Alert, Label, Promotion, Score, control, encode
from fleetleak.records.alert import AlertState
from fleetleak.records.label import Verdict
from fleetleak.stream import Applied, Key, Record
from fleetleak_app.tracks import history
from fleetleak_app.tracks.compare import Comparison, Observed, Row, compare, episodes
from fleetleak_app.tracks.rule import decide
from sinks.alerting.leak.role import LeakAlerting
from tests.sinks.test_alerting import START, alerts, label, made, score, silent

DAY = 86400.0
SPEAKING = Key(0, control.PROMOTION_KEY)


def role_of(track: str) -> LeakAlerting:
    return made("silent", track)


def records(ticks: range, confidence: float = 0.9, service: str = "s", partition: int = 0) -> list[Record]:
    return [as_record(score(t, confidence, service=service), partition) for t in ticks]


def as_record(one: Score, partition: int) -> Record:
    return Record(partition, one.input_offset, one.service.encode(), encode(one), one.time)


def promotion(track: str, partition: int = 0) -> Record:
    one = Promotion(track=track, author="ann", time=START)
    return Record(partition, 0, control.PROMOTION_KEY, encode(one), START)


def promote(role: LeakAlerting, track: str, partition: int = 0) -> Applied:
    return role.control(promotion(track, partition))[1]


def said(applied: Applied) -> list[tuple[str, str, str]]:
    """Return topic, state and service of each published transition."""
    told = zip(applied.outputs, alerts(applied), strict=True)
    return [(output.topic, alert.state, alert.service) for output, alert in told]


def firing(track: str) -> LeakAlerting:
    """Return a role for which `a` and `s` leak in partition 0, and `s` in partition 1."""
    role = role_of(track)
    leaks = [("s", 0), ("a", 0), ("s", 1)]
    published = [said(role.apply(records(range(3), service=s, partition=p))) for s, p in leaks]
    topic = "alerts" if track == "main" else "silent"
    assert published == [[(topic, "firing", s)] for s, _ in leaks]
    return role


def test_only_the_track_that_speaks_tells_people() -> None:
    for track, topic in (("main", "alerts"), ("bold", "silent")):
        applied = role_of(track).apply(records(range(5)))
        assert {output.topic for output in applied.outputs} == {topic}
        assert {alert.track for alert in alerts(applied)} == {track}
    assert b'"track"' not in role_of("main").apply(records(range(5))).outputs[0].value  # type: ignore[operator]


def test_alerts_of_two_tracks_have_keys_of_their_own() -> None:
    keys = {alerts(role_of(track).apply(records(range(5))))[0].key for track in ("main", "bold", "shy")}
    assert len(keys) == 3


def test_a_track_that_falls_silent_ends_what_stands_and_goes_on_with_it() -> None:
    role = firing("main")
    key, applied = role.control(promotion("bold"))
    assert key == SPEAKING
    assert said(applied) == [
        ("alerts", "resolved", "a"), ("alerts", "resolved", "s"),
        ("silent", "firing", "a"), ("silent", "firing", "s"),
    ]  # fmt: skip
    told = alerts(applied)
    assert [a.closed_by for a in told] == ["track bold was promoted"] * 2 + [None] * 2
    assert {round(a.time, 1) for a in told} == {START + 120.0}, "event time, not the time of the promotion"
    assert [one.time < again.time for one, again in zip(told[:2], told[2:], strict=True)] == [True, True]
    assert [a.key for a in told[:2]] == [a.key for a in told[2:]]
    later = role.apply(records(range(3, 100), 0.0))
    assert said(later) == [("silent", "resolved", "s")]
    assert alerts(later)[0].key == told[1].key


def test_a_track_that_speaks_tells_what_stands() -> None:
    role = firing("bold")
    assert said(promote(role, "bold")) == [
        ("silent", "resolved", "a"), ("silent", "resolved", "s"),
        ("alerts", "firing", "a"), ("alerts", "firing", "s"),
    ]  # fmt: skip
    assert said(role.apply(records(range(3), service="later")))[0] == ("alerts", "firing", "later")


def test_a_promotion_is_for_its_partition() -> None:
    role = firing("bold")
    promote(role, "bold", partition=1)
    assert said(role.apply(records(range(3), service="x", partition=0)))[0][0] == "silent"
    assert said(role.apply(records(range(3), service="x", partition=1)))[0][0] == "alerts"


def test_promoting_again_changes_nothing() -> None:
    for role in (firing("main"), firing("bold")):
        assert silent(role.control(promotion("main"))) is None
        promote(role, "bold")
        assert silent(role.control(promotion("bold"))) is None


def test_one_silent_track_after_another_is_no_matter_to_a_third() -> None:
    role = firing("shy")
    assert silent(role.control(promotion("bold"))) == SPEAKING
    assert said(promote(role, "shy"))[-1] == ("alerts", "firing", "s")


def test_rolling_back_tells_what_stands_again() -> None:
    role = firing("main")
    away, back = promote(role, "bold"), promote(role, "main")
    assert said(back)[-2:] == [("alerts", "firing", "a"), ("alerts", "firing", "s")]
    assert [a.key for a in alerts(away)] == [a.key for a in alerts(back)]


def test_labels_act_on_a_silent_track_too() -> None:
    role = firing("bold")
    _, applied = role.control(label("not-a-leak"))
    assert said(applied) == [("silent", "resolved", "s")]


def test_who_speaks_is_state_that_moves() -> None:
    before, after = role_of("bold"), role_of("bold")
    assert before.dump([SPEAKING])[0] is None
    promote(before, "bold")
    state = before.dump([SPEAKING])[0]
    assert state is not None
    after.load(SPEAKING, state)
    assert after.dump([SPEAKING])[0] == state
    assert said(after.apply(records(range(3)))) == [("alerts", "firing", "s")]
    assert silent(after.control(promotion("bold"))) is None


def test_state_that_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError):
        role_of("bold").load(SPEAKING, b"\xff")


def test_a_partition_that_goes_takes_who_speaks_with_it() -> None:
    role = role_of("bold")
    promote(role, "bold", partition=0)
    promote(role, "bold", partition=1)
    role.drop(0)
    assert role.dump([SPEAKING])[0] is None
    assert role.dump([Key(1, control.PROMOTION_KEY)])[0] == b"bold"


def test_no_service_has_the_reserved_key() -> None:
    with pytest.raises(UnicodeDecodeError):
        control.PROMOTION_KEY.decode()


def alert(track: str, service: str, state: AlertState, day: float, since: float | None = None) -> Alert:
    """Return one transition. The key of an alert has its service and track."""
    began = day if since is None else since
    return Alert(
        key=f"{service}@{track}", state=state, service=service, instance="i", time=day * DAY,
        since=began * DAY, severity="high", kind="linear", confidence=0.9, summary="", recommendation="",
        track=track,
    )  # fmt: skip


def verdict(service: str, what: Verdict, day: float, key: str | None = None, author: str = "ann") -> Label:
    return Label(service=service, verdict=what, author=author, time=day * DAY, alert=key)


def promoted(*tracks: str) -> list[Promotion]:
    return [Promotion(track=t, author="ann", time=n * DAY) for n, t in enumerate(tracks)]


def told(
    alerts: Sequence[Alert] = (), silent: Sequence[Alert] = (), labels: Sequence[Label] = (), *services: str
) -> Observed:
    return Observed(alerts, silent, labels, [], frozenset(services))


def rows(observed: Observed, days: float = 7.0) -> dict[str, Row]:
    return {row.track: row for row in compare(observed, days).rows}


def test_a_promotion_neither_ends_an_episode_nor_makes_a_second() -> None:
    moved = [alert("main", "s", "firing", 1), alert("main", "s", "resolved", 2, since=1)]
    again = [alert("main", "s", "firing", 2, since=1)]
    (episode,) = episodes(moved, again)
    assert (episode.begin, episode.end) == (DAY, float("inf"))
    (episode,) = episodes(moved, [*again, alert("main", "s", "resolved", 3, since=1)])
    assert (episode.begin, episode.end) == (DAY, 3 * DAY)


def test_labels_judge_what_a_track_told_in_the_day_before_them() -> None:
    alerts = [alert("main", "early", "firing", 10), alert("main", "early", "resolved", 11, since=10)]
    alerts += [alert("main", "on", "firing", 10), alert("main", "late", "firing", 13)]
    labels = [
        verdict("early", "leak", 12), verdict("on", "leak", 12), verdict("late", "leak", 12.9),
        verdict("early", "leak", 12.1, author="bob"), verdict("never", "leak", 12),
        verdict("on", "not-a-leak", 12), verdict("on", "expected", 12),
        verdict("never", "not-a-leak", 12), verdict("never", "expected", 12),
    ]  # fmt: skip
    row = rows(told(alerts, [], labels, "never"))["main"]
    assert (row.right, row.wrong, row.missed) == (4, 2, 3)
    assert (row.judged, row.accuracy) == (9, 4 / 9)


def test_each_track_is_judged_by_every_label_and_counted_in_the_window() -> None:
    observed = told(
        [alert("main", "a", "firing", 10)],
        [alert("bold", "a", "firing", 10), alert("bold", "b", "firing", 12), alert("bold", "c", "firing", 1)],
        [verdict("b", "leak", 14), verdict("a", "not-a-leak", 14), verdict("b", "not-a-leak", 7)],
    )
    assert rows(observed) == {"main": Row("main", 1 / 7, 0, 1, 1), "bold": Row("bold", 2 / 7, 1, 1, 0)}


def test_a_label_for_an_alert_is_for_its_service() -> None:
    observed = told([alert("main", "a", "firing", 1)], [], [verdict("other", "leak", 1.5, "a@main")])
    assert rows(observed)["main"].right == 1


def test_a_label_that_is_said_again_counts_once() -> None:
    alerts = [alert("main", "a", "firing", 1), alert("main", "a", "resolved", 2, since=1)]
    labels = [verdict("a", "leak", day) for day in (6, 1.5, 5)]
    assert rows(told(alerts, [], labels))["main"] == Row("main", 1 / 7, 1, 0, 0), "as it was said first"
    others = [verdict("a", "leak", 1.5, "a@main"), verdict("a", "leak", 1.6, author="bob")]
    assert rows(told(alerts, [], [*labels, *others]))["main"].right == 3
    assert rows(told(alerts, [], [*labels, verdict("a", "leak", 10)]), days=3.0)["main"].missed == 1


def test_a_label_of_what_never_was_is_listed_and_counts_for_nobody() -> None:
    alerts = [alert("main", "a", "firing", 1)]
    labels = [
        verdict("typo", "not-a-leak", 2), verdict("typo", "leak", 2), verdict("a", "leak", 2, "a@1"),
        verdict("quiet", "not-a-leak", 2), verdict("typo", "not-a-leak", 3),
    ]  # fmt: skip
    comparison = compare(told(alerts, [], labels, "quiet"), 7.0)
    assert comparison.unknown == labels[:3]
    assert comparison.rows == [Row("main", 1 / 7, 1, 0, 0)]


def test_who_speaks_has_a_row_even_if_it_told_nothing() -> None:
    comparison = compare(told()._replace(promotions=promoted("bold")), 7.0)
    assert (comparison.active, comparison.promoted_at, comparison.rows) == (
        "bold",
        0.0,
        [Row("bold", 0.0, 0, 0, 0)],
    )
    assert comparison.rows[0].accuracy is None


@pytest.mark.parametrize(
    ("tracks", "speaks", "before"),
    [
        ((), "main", None),
        (("main",), "main", None),
        (("bold",), "bold", "main"),
        (("bold", "bold"), "bold", "main"),
        (("bold", "main"), "main", "bold"),
        (("bold", "shy", "bold"), "bold", "shy"),
    ],
)
def test_who_speaks_and_who_did(tracks: tuple[str, ...], speaks: str, before: str | None) -> None:
    changed = history.changes(promoted(*tracks))
    assert (history.active(changed), history.before(changed)) == (speaks, before)


def held(track: str, right: int, wrong: int = 0, volume: float = 1.0) -> Row:
    return Row(track, volume, right, wrong, 0)


@pytest.mark.parametrize(
    ("rivals", "champion", "promoted_at", "chosen", "why"),
    [
        ([], held("main", 3, 7), None, None, "no other track was held against 5"),
        ([held("bold", 4)], held("main", 4), None, None, "4 labels in the window, 5 are needed"),
        ([held("bold", 4)], held("main", 9, 1), None, None, "no other track was held against 5"),
        ([held("bold", 9, 1)], held("main", 9, 1), None, None, "bold was right in 0.90 of 10 labels"),
        ([held("bold", 5, 5, 9.0)], held("main", 4, 6), 99 * DAY, "bold", "below 0.80"),
        ([held("bold", 10)], held("main", 8, 2), 94 * DAY, None, "less than 7 days old"),
        ([held("bold", 10)], held("main", 8, 2), 93 * DAY, "bold", "1.00 alerts a day against 1.00"),
        ([held("bold", 10)], held("main", 8, 2), None, "bold", "main in 0.80 of 10"),
        ([held("bold", 10, 0, 1.1)], held("main", 8, 2), None, None, "1.10 alerts a day against 1.00"),
        ([held("bold", 9, 1), held("shy", 10)], held("main", 8, 2), None, "shy", "shy was right"),
        ([held("bold", 10), held("shy", 10, 0, 0.5)], held("main", 8, 2), None, "shy", "shy was right"),
    ],
)
def test_the_rule(
    rivals: list[Row], champion: Row, promoted_at: float | None, chosen: str | None, why: str
) -> None:
    decision = decide(Comparison(100 * DAY, "main", promoted_at, [champion, *rivals], []), 5)
    assert decision.track == chosen
    assert why in decision.why
