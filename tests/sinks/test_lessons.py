"""What labels teach: thresholds, the method, the whitelist; and that nothing is silenced for ever."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from fleetleak.records import Label, Method, Score, Trend, encode
from fleetleak.records.control import WhitelistRevoke
from fleetleak.records.label import Verdict
from fleetleak.stream import Applied, Record
from sinks.alerting.decision import Voter
from sinks.alerting.finding import Signature
from sinks.alerting.leak.role import LeakAlerting
from sinks.alerting.lessons import Labelled, Lessons, similarity
from tests.sinks.support import DAY, GIB, HOUR, MINUTE, calm, published, role, run, score, states


def labelled(
    number: int, leak: bool, confidence: float, weak: bool = False, right: tuple[Voter, ...] = ()
) -> Labelled:
    looks = Signature("linear", 1e8, 1e4)
    return Labelled(number * DAY, f"alert-{number}", "ann", leak, weak, confidence, looks, right)


def lessons(*labels: Labelled) -> Lessons:
    made = Lessons()
    for label in labels:
        made.add(label, lambda bound: False)
    return made


def label(alerting: LeakAlerting, verdict: Verdict, service: str = "a", **more: object) -> Applied:
    given = Label(service=service, verdict=verdict, author="ann", time=0.0)
    record = Record(0, 0, service.encode(), encode(replace(given, **more)), 0.0)
    return alerting.control(record)[1]


def test_a_threshold_is_learned_where_f1_is_best() -> None:
    taught = lessons(*(labelled(n, n % 2 == 0, 0.9 if n % 2 == 0 else 0.6) for n in range(6)))
    threshold = taught.threshold()
    assert threshold is not None
    assert threshold.value == pytest.approx(0.75)
    assert threshold.words == "0.75, learned from 3 labels leak and 3 not-a-leak"


@pytest.mark.parametrize(("leaks", "others"), [(4, 0), (0, 4), (3, 1), (1, 3)])
def test_few_labels_teach_no_threshold(leaks: int, others: int) -> None:
    some = [labelled(n, True, 0.9) for n in range(leaks)]
    some += [labelled(n + 9, False, 0.6) for n in range(others)]
    assert lessons(*some).threshold() is None


def test_overlapping_labels_teach_the_best_compromise() -> None:
    """Of all thresholds none has a higher F1 than the learned one."""
    chance = random.Random(7)
    some = [labelled(n, n % 3 > 0, chance.uniform(0.4, 1.0)) for n in range(30)]
    threshold = lessons(*some).threshold()
    assert threshold is not None

    def f1(value: float) -> float:
        told = [one for one in some if one.confidence >= value]
        right = sum(one.leak for one in told)
        return 2 * right / (len(told) + sum(one.leak for one in some))

    assert f1(threshold.value) == max(f1(n / 1000) for n in range(300, 951))


def test_the_order_of_labels_does_not_matter_for_the_threshold() -> None:
    chance = random.Random(3)
    some = [labelled(n, n % 2 == 0, chance.random()) for n in range(20)]
    one = lessons(*some).threshold()
    chance.shuffle(some)
    assert lessons(*some).threshold() == one


def test_labels_are_bounded_and_a_repetition_counts_once() -> None:
    many = lessons(*(labelled(n, n % 2 == 0, 0.5) for n in range(500)))
    assert len(many.labels) == 50
    assert len(lessons(*(labelled(1, True, 0.5) for _ in range(9))).labels) == 1


def test_the_most_accurate_method_is_chosen_once_there_are_enough_labels() -> None:
    def taught(count: int) -> Lessons:
        return lessons(*(labelled(n, n % 2 == 0, 0.6, right=("learned",)) for n in range(count)))

    assert Lessons().method() == "statistical"
    assert taught(4).method() == "statistical"
    assert taught(5).method() == "learned"
    assert taught(5).accuracy["learned"] == pytest.approx(1 - 0.5 * 0.9**5)


def test_weak_labels_count_half() -> None:
    strong = lessons(labelled(1, True, 0.6, right=("learned",)))
    weak = lessons(labelled(1, True, 0.6, weak=True, right=("learned",)))
    assert strong.accuracy["learned"] - 0.5 == pytest.approx(2 * (weak.accuracy["learned"] - 0.5))


def test_similar_findings_have_one_kind_and_like_numbers() -> None:
    one = Signature("linear", 100.0, 2.0)
    assert similarity(one, one) == 1.0
    assert similarity(one, Signature("staircase", 100.0, 2.0)) == 0.0
    assert similarity(one, Signature("linear", 5.0, 1.0)) == 0.5
    assert similarity(one, None) == 0.0


def small(minute: float, rise: float = 0.05, growth: float = 1e4, **other: object) -> Score:
    """Return a score on a small growth far below the limit; `rise` is a share of a GiB."""
    trend = Trend(
        growth=growth, growth_low=growth, growth_high=growth, window=HOUR, rise=rise * GIB, level=0.2 * GIB,
        strength=0.95,
    )  # fmt: skip
    return score(minute, 0.9, 0.2, trend=trend, left=int(0.8 * GIB), **other)


def lessons_of(alerting: LeakAlerting) -> Lessons:
    ((_, subject),) = alerting.items(0)
    return subject.lessons


def whitelisted() -> LeakAlerting:
    """Return a role for which three alike growths were no leak."""
    alerting = role()
    run([small(m, instance="a-0") for m in range(1, 4)], alerting)
    for hour in range(3):
        run([small(60 * hour + 10, instance="a-0")], alerting)
        label(alerting, "not-a-leak", author=f"person-{hour}")
    return alerting


def test_the_condition_says_what_it_matches_and_where_it_comes_from() -> None:
    (condition,) = lessons_of(whitelisted()).allowed
    assert condition.number == 1
    assert condition.alike >= 0.8
    assert len(condition.labels) == 3
    assert all("said not a leak on" in words for words in condition.labels)
    assert condition.until - condition.since == 30 * DAY


def test_a_whitelisted_growth_is_silent_and_one_that_outgrows_it_alerts() -> None:
    alerting = whitelisted()
    alike = [small(200 + m, instance="new") for m in range(10)]
    assert run(alike, alerting) == []
    faster = [small(300 + m, 0.09, growth=3e4, instance="fast") for m in range(10)]
    assert states(run(faster, alerting)) == ["firing"]


def test_a_growth_that_rises_above_the_condition_alerts() -> None:
    alerting = whitelisted()
    rising = [small(200 + m, 0.05 + 0.002 * m, instance="new") for m in range(60)]
    told = run(rising, alerting)
    assert told[0].state == "firing"
    assert told[0].trend is not None
    assert told[0].trend.rise > 0.05 * GIB / 0.8


def test_a_condition_expires() -> None:
    alerting = whitelisted()
    later = 31 * DAY / MINUTE
    assert states(run([small(later + m, instance="late") for m in range(5)], alerting)) == ["firing"]


def test_a_condition_can_be_revoked() -> None:
    alerting = whitelisted()
    revoke = WhitelistRevoke(service="a", number=1, author="ann", time=0.0)
    alerting.control(Record(0, 0, b"a", encode(revoke), 0.0))
    assert lessons_of(alerting).allowed == []


def test_what_would_match_everything_is_not_whitelisted() -> None:
    """Three alike growths that each take more than half of the limit."""
    alerting = role()
    for hour in range(3):
        run([small(60 * hour + m, 0.45) for m in (1, 2)], alerting)
        label(alerting, "not-a-leak", author=f"person-{hour}")
    assert len(lessons_of(alerting).labels) == 3
    assert lessons_of(alerting).allowed == []


def test_two_alike_labels_or_other_verdicts_make_nolessons_of() -> None:
    alerting = role()
    for hour, verdict in enumerate(["not-a-leak", "leak", "not-a-leak"]):
        run([small(60 * hour + m) for m in (1, 2)], alerting)
        label(alerting, verdict, author=f"person-{hour}")  # type: ignore[arg-type]
    assert lessons_of(alerting).allowed == []


def test_labels_more_than_a_day_apart_make_nolessons_of() -> None:
    alerting = role()
    for day in range(3):
        run([small(1500 * day + m) for m in (1, 2)], alerting)
        label(alerting, "not-a-leak", author=f"person-{day}")
    assert lessons_of(alerting).allowed == []


def test_a_rise_is_usual_for_a_month_and_not_for_ever() -> None:
    alerting = role()
    run([small(m) for m in range(1, 5)], alerting)
    label(alerting, "not-a-leak")
    day = DAY / MINUTE
    assert run([small(29 * day + m, instance="b") for m in range(5)], alerting) == []
    assert states(run([small(31 * day + m, instance="c") for m in range(5)], alerting)) == ["firing"]


def test_a_learned_threshold_is_the_gate_of_its_service_alone() -> None:
    """Labels say: what reached .6 was no leak, what reached .9 was one. Then .7 is no alert any more."""

    def growing(first: int, confidence: float, rise: float, instance: str) -> list[Score]:
        made = [small(first + m, rise, instance=instance) for m in range(1, 4)]
        return [replace(one, confidence=confidence) for one in made]

    alerting = role()
    for number in range(5):
        # Each rise is larger than what the labels before made usual.
        confidence, rise = (0.9, 0.6)[number % 2], 0.01 * 2.0**number
        assert run(growing(2000 * number, confidence, rise, f"a-{number}"), alerting)[-1].state == "firing"
        label(alerting, "not-a-leak" if number % 2 else "leak")
        run([calm(2000 * number + m, instance=f"a-{number}") for m in range(4, 200)], alerting)
    threshold = lessons_of(alerting).threshold()
    assert threshold is not None
    assert 0.6 < threshold.value < 0.9
    weak = growing(50000, 0.7, 0.7, "later")
    assert run(weak, alerting) == []
    assert states(run([replace(one, service="b") for one in weak], alerting)) == ["firing"]
    assert states(run(growing(50010, 0.9, 0.7, "later"), alerting)) == ["firing"]


def test_a_weak_label_changes_nothing_at_once() -> None:
    alerting = role()
    run([score(1), score(2)], alerting)
    assert label(alerting, "not-a-leak", weak=True).outputs == []
    assert label(alerting, "expected", weak=True).outputs == []
    assert [one.weak for one in lessons_of(alerting).labels] == [True]


def test_an_alert_that_has_ended_can_still_be_labelled() -> None:
    alerting = role()
    (fired, ended) = run([score(1), score(2), *(calm(m) for m in range(3, 60))], alerting)
    assert ended.state == "resolved"
    assert label(alerting, "not-a-leak", alert=fired.key).outputs == []
    (learned,) = lessons_of(alerting).labels
    assert (learned.leak, learned.confidence, learned.about) == (False, 0.9, fired.key)


def test_a_label_from_the_future_counts_as_given_now() -> None:
    alerting = role()
    run([score(1), score(2)], alerting)
    (ended,) = published(label(alerting, "not-a-leak", time=9e9))
    assert ended.time == pytest.approx(2 * MINUTE, abs=0.01)
    assert lessons_of(alerting).labels[0].time == 2 * MINUTE


def learned(confidence: float) -> dict[str, Method]:
    """Return a forecaster that detects something, or for a negative confidence one that does not."""
    return {"snarimax_ahead": Method(raw=1.0, detected=confidence > 0, confidence=abs(confidence))}


@pytest.mark.parametrize(
    ("method", "statistical", "other", "fires"),
    [
        ("statistical", 0.7, 0.0, True), ("statistical", 0.3, 0.9, False), ("learned", 0.7, 0.0, False),
        ("learned", 0.3, 0.9, True), ("vote", 0.7, 0.9, True), ("vote", 0.7, 0.4, True),
        ("vote", 0.3, 0.95, True), ("vote", 0.3, 0.6, False), ("vote", 0.9, -0.4, True),
        ("vote", 0.7, -0.4, False),
    ],
)  # fmt: skip
def test_the_method_of_the_service_votes(
    method: Voter, statistical: float, other: float, fires: bool
) -> None:
    alerting = role()
    run([calm(1)], alerting)
    taught = lessons_of(alerting)
    taught.labels = [labelled(n, n % 2 == 0, 0.9 if n % 2 == 0 else 0.1) for n in range(6)]
    taught.accuracy = {method: 0.9}
    told = run([score(m, statistical, methods=learned(other)) for m in range(2, 6)], alerting)
    assert bool(told) == fires
