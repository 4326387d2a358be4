"""`fleetleak explain` in memory: what it says of a decision is what the alerting role does."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from fleetleak.records import Alert, Label, Method, Score, Trend, control, encode
from fleetleak.records.control import ModelDelete, WhitelistRevoke
from fleetleak.records.label import Verdict
from fleetleak.settings.tree import AlertingSettings
from fleetleak.stream import Applied, Key, Record
from fleetleak.stream.role import Output
from fleetleak_app.cli import EXIT_USAGE, main
from fleetleak_app.cli.explain import lines
from fleetleak_app.replay.changes import missing
from fleetleak_app.replay.decisions import (
    Again,
    Control,
    NoSuchInstance,
    Scored,
    Start,
    controlled,
    decision,
    scored,
)
from fleetleak_app.replay.explanation import Explanation, explanation
from sinks.alerting.explained import Explained
from sinks.alerting.leak.adapter import LeakMemory, Leaks
from sinks.alerting.leak.role import LeakAlerting
from sinks.alerting.words import NO_ALERT
from sinks.policy.file import WhitelistTable, read
from sinks.policy.rules import Rules, rules
from tests.sinks.support import GIB, MINUTE, as_record, calm, held, published, role, score, states

KEY = Key(0, b"a")
ADAPTER = Leaks(AlertingSettings())
DEFAULT = rules(read(None), Leaks.VOCABULARY)
COLD = Start(0.0, {})


def random_scores(seed: int, count: int = 120) -> list[Score]:
    """Return scores of two instances in stretches: calm, growing, near the limit, restarted, learned."""
    dice = random.Random(seed)
    scores: list[Score] = []
    minute = 0.0
    while len(scores) < count:
        kind = dice.choice(["calm", "growth", "forecast", "weak", "benign", "usual"])
        started = dice.random() < 0.2
        for at in range(dice.randint(1, 15)):
            minute += dice.choice([1, 1, 1, 2, 45])
            name = dice.choice(["a-1", "a-1", "a-2"])
            learned = Method(raw=1.0, detected=dice.random() < 0.5, confidence=round(dice.random(), 2))
            one = {
                "calm": lambda m: calm(m),
                "growth": lambda m: score(m, round(dice.uniform(0.4, 1.0), 3)),
                "forecast": lambda m: held(m, dice.uniform(0.5, 30.0)),
                "weak": lambda m: score(m, round(dice.uniform(0.0, 0.6), 3)),
                "benign": lambda m: score(m, kind="saturating"),
                "usual": lambda m: score(m, trend=replace(_trend(m), normal_rise=0.5 * GIB)),
            }[kind](minute)
            scores.append(
                replace(one, instance=name, restarted=started and at == 0, methods={"deviation": learned})
            )
    return scores


def _trend(minute: float) -> Trend:
    trend = score(minute).trend
    assert trend is not None
    return trend


def labels_for(seed: int, scores: Sequence[Score]) -> list[Control]:
    dice = random.Random(seed + 1000)
    said: list[Control] = []
    for one in dice.sample(list(scores), 6):
        verdicts: list[Verdict] = ["leak", "leak", "not-a-leak", "not-a-leak", "expected"]
        verdict = dice.choice(verdicts)
        expires = one.time + 20 * MINUTE if verdict == "expected" else None
        said.append(
            given(Label(service="a", verdict=verdict, author="ann", time=one.time - 1.0, expires=expires))
        )
    return sorted(said, key=lambda one: one.read.time)


def given(read: control.Control) -> Control:
    made = controlled(Record(0, 0, b"a", encode(read), read.time))
    assert made is not None
    return made


def as_scored(scores: Sequence[Score]) -> list[Scored]:
    return [scored(as_record(one, number)) for number, one in enumerate(scores)]


class Step(NamedTuple):
    """One score: what is explained of it beforehand, and what the role then does."""

    scored: Scored
    explained: Explained[LeakMemory]
    states: list[str]
    phase: str
    stands: bool


def walked(seed: int) -> Iterator[Step]:
    """Go through random scores and labels with one role; explain each score before it is applied."""
    scores = as_scored(random_scores(seed))
    controls = labels_for(seed, [one.score for one in scores])
    alerting = role()
    again = Again([alerting], controls, COLD)
    for one in scores:
        again.prepare(one)
        before = alerting.dump([KEY])[0]
        explained = alerting.explain(KEY, one.score)
        assert alerting.dump([KEY])[0] == before
        told = states(published(alerting.apply([one.record])))
        if explained is None:
            continue
        subject = alerting.state(KEY)
        assert subject is not None
        phase = subject.members[one.score.instance].memory.phase
        yield Step(one, explained, told, phase, subject.standing is not None)


SEEDS = range(12)


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return [step for seed in SEEDS for step in walked(seed)]


def test_the_walks_are_worth_it(steps: Sequence[Step]) -> None:
    told = [state for step in steps for state in step.states]
    assert told.count("firing") > 10
    assert told.count("resolved") > 5
    assert {step.phase for step in steps} == {"quiet", "suspected", "firing"}
    said = {one.what for step in steps for one in missing(step.explained, ADAPTER)}
    assert said >= {"growth", "confidence", "usual", "mute", "silenced", "confirmations"}
    assert len({step.explained.decision.method for step in steps}) > 1


def test_it_names_an_alert_exactly_if_one_stands_then(steps: Sequence[Step]) -> None:
    for step in steps:
        assert (step.explained.after.standing is not None) == step.stands
        assert step.explained.phase == step.phase
        if "firing" in step.states:
            assert step.explained.after.standing is not None
        if "resolved" in step.states:
            assert step.explained.after.standing is None


def test_an_alert_begins_only_where_nothing_is_missing(steps: Sequence[Step]) -> None:
    for step in steps:
        lacking = list(missing(step.explained, ADAPTER))
        if step.explained.member.memory.phase != "firing":
            assert (lacking == []) == (step.phase == "firing")
        if "firing" in step.states:
            assert step.explained.decision.enough


def decided(step: Step, alerting: LeakAlerting, **changed: object) -> bool:
    """Return whether the score would be enough if it said something else."""
    other = alerting.explain(KEY, replace(step.scored.score, **changed))
    assert other is not None
    return other.decision.enough


def test_the_confidence_that_it_names_decides() -> None:
    """Just below it the same score is not enough; from it on it is, where nothing else is missing."""
    tried = 0
    for seed in SEEDS:
        scores = as_scored(random_scores(seed))
        alerting = role()
        for one in scores:
            explained = alerting.explain(KEY, one.score)
            if explained is not None and explained.decision.method == "statistical":
                lacking = [m for m in missing(explained, ADAPTER) if m.what != "confirmations"]
                step = Step(one, explained, [], "", False)
                gate = explained.decision.gate.value
                if not lacking or [m.what for m in lacking] == ["confidence"]:
                    tried += 1
                    assert all(m.needs == gate for m in lacking)
                    assert decided(step, alerting, confidence=gate)
                    assert not decided(step, alerting, confidence=gate - 1e-6)
            alerting.apply([one.record])
    assert tried > 100


def explained_at(
    scores: Sequence[Score],
    controls: Sequence[Control] = (),
    end: float = 1e9,
    start: Start = COLD,
    instance: str | None = None,
    every: Rules = DEFAULT,
) -> Explanation:
    replayed = decision(role, as_scored(scores), controls, start, end, instance)
    assert replayed is not None
    return explanation(replayed, ADAPTER, every)


@pytest.mark.parametrize("seed", range(4))
def test_the_replay_up_to_a_time_is_what_the_role_did_at_that_time(seed: int) -> None:
    scores = random_scores(seed, 60)
    controls = labels_for(seed, scores)
    alerting, told_of = role(), ["resolved"]

    def take(_number: int, outputs: list[Output]) -> None:
        told_of.extend(states(published(Applied(outputs))))

    again = Again([alerting], controls, COLD, take)
    for number, one in enumerate(as_scored(scores)):
        again.add(one)
        again.flush()
        if number % 3:
            continue
        told = explained_at(scores[: number + 1], controls, instance=one.score.instance)
        subject = alerting.state(KEY)
        assert subject is not None
        assert told.alert == (subject.standing is not None) == (told_of[-1] != "resolved")
        assert told.key == (subject.standing.key if subject.standing else None)
        assert told.phase == subject.members[one.score.instance].memory.phase


def test_a_standing_alert_is_explained_with_its_reasons() -> None:
    told = explained_at([held(m, environment="production", onset=0.0) for m in range(40)])
    assert (told.alert, told.phase, told.key, told.since) == (True, "firing", "a@60", MINUTE)
    assert told.gate.reached
    assert told.gate.words == "0.5 by the settings"
    assert told.threshold.words == "0.8 of rule linear, times 1.2 for production, at most 0.95"
    assert not told.threshold.reached
    (need,) = told.needs
    assert (need.words, need.value, need.met) == ("sustained_seconds is at least 1800", 39 * MINUTE, True)
    assert told.missing == []
    assert told.silencers[0] == "a confidence below 0.50 (0.5 by the settings)"
    assert "it stands already: it ends when its evidence is gone for 30 min" in told.silencers


def test_no_alert_is_explained_with_the_number_that_is_missing() -> None:
    told = explained_at([score(m, 0.42) for m in range(5)])
    assert not told.alert
    assert [(m.words, m.value, m.needs) for m in told.missing] == [
        ("confidence 0.42, needs 0.50 (0.5 by the settings)", 0.42, 0.5)
    ]
    assert told.silencers == []


def test_the_first_score_that_is_enough_is_not_confirmed() -> None:
    told = explained_at([score(0)])
    assert (told.alert, told.phase) == (False, "suspected")
    assert [m.words for m in told.missing] == ["1 of 2 scores in a row that are enough"]


def test_scores_and_labels_after_the_time_are_left_out() -> None:
    scores = [score(m) for m in range(30)]
    said = [given(Label(service="a", verdict="not-a-leak", author="ann", time=20.5 * MINUTE))]
    before, after = explained_at(scores, said, 10 * MINUTE), explained_at(scores, said, 29 * MINUTE)
    assert (before.alert, before.time) == (True, 10 * MINUTE)
    assert (after.alert, after.time) == (False, 29 * MINUTE)
    assert [m.what for m in after.missing] == ["usual", "silenced"]
    assert after.in_force[0].startswith("a label not-a-leak covers the growth of a-1 up to ")
    assert len(after.labels) == 1


def test_a_label_after_the_last_score_is_told_apart() -> None:
    said = given(Label(service="a", verdict="not-a-leak", author="ann", time=1e6, reason="cache"))
    told = explained_at([score(m) for m in range(5)], [said])
    assert (told.alert, told.ended) == (True, True)
    assert told.later == ["ann said not-a-leak on 12 Jan 13:46 UTC (cache)"]


def test_a_muted_service_says_until_when() -> None:
    said = Label(service="a", verdict="expected", author="ann", time=90.0, expires=DAYS)
    told = explained_at([score(m) for m in range(5)], [given(said)])
    assert told.missing[0].words == "a label expected mutes the service until 3 Jan 00:00 UTC"
    # Given before the beginning, it counts all the same.
    early = explained_at([score(m) for m in range(5, 9)], [given(said)], start=Start(5 * MINUTE, {}))
    assert early.missing[0] == told.missing[0]


DAYS = 2 * 86400.0


def test_a_label_for_an_alert_that_began_before_the_replay_ends_it_all_the_same() -> None:
    said = Label(service="a", verdict="not-a-leak", author="ann", time=20.5 * MINUTE, alert="a@60")
    scores = [score(m) for m in range(10, 30)]
    told = explained_at(scores, [given(said)], start=Start(10 * MINUTE, {}))
    assert (told.alert, len(told.labels)) == (False, 1)


def test_the_instance_is_that_of_the_alert_or_the_surest_or_as_asked() -> None:
    two = [replace(one, instance=name) for one in (score(m) for m in range(4)) for name in ("x", "y")]
    calmer = [replace(calm(m), instance="x") for m in range(4)] + [score(m, 0.3) for m in range(4)]
    assert explained_at(two).instance == "y"
    assert explained_at(calmer).instance == "a-1"
    assert explained_at(calmer, instance="x").missing[0].words == "nothing grows"
    with pytest.raises(NoSuchInstance) as refused:
        explained_at(two, instance="z")
    assert refused.value.args == ("x", "y")


def test_without_scores_there_is_nothing_to_explain() -> None:
    assert decision(role, as_scored([score(5)]), [], COLD, 1 * MINUTE) is None


def test_what_labels_taught_before_the_beginning_counts_and_later_ones_are_learned_again() -> None:
    leaks = [score(m) for m in range(0, 4000, 1000) for m in (m, m + 1)]
    verdicts: list[Verdict] = ["leak", "not-a-leak", "leak", "not-a-leak"]
    said = [
        given(Label(service="a", verdict=verdict, author=f"p{n}", time=(1000.0 * n + 50) * MINUTE))
        for n, verdict in enumerate(verdicts)
    ]
    alerting = role()
    again = Again([alerting], said, COLD)
    for one in as_scored(leaks):
        again.add(one)
    again.end(1e9)
    stored = alerting.state(KEY)
    assert stored is not None
    assert len(stored.lessons.labels) == 3
    begin = Start(2000 * MINUTE, {"a": stored})
    told = explained_at([one for one in leaks if one.time >= begin.time], said, 3055 * MINUTE, begin)
    assert (len(told.labels), len(told.later)) == (2, 1)
    assert stored.lessons.before(1e9) == stored.lessons


def alike(count: int, days: float = 0.0) -> tuple[list[Score], list[Control]]:
    """Return growths an hour apart that end with a restart, and the label not-a-leak on each."""
    starts = [days * 1440.0 + 60.0 * n for n in range(count)]
    scores = [held(s + at, restarted=at == 0) for s in starts for at in range(4)]
    said = [
        given(Label(service="a", verdict="not-a-leak", author=f"p{n}", time=(s + 3.5) * MINUTE))
        for n, s in enumerate(starts)
    ]
    return scores, said


def test_a_whitelist_condition_is_in_force_until_it_is_revoked() -> None:
    scores, said = alike(3)
    again = [*scores, held(300, restarted=True), held(301), held(302)]
    told = explained_at(again, said)
    assert told.in_force[-1].startswith("whitelist 1: linear growth of at most ")
    assert "silenced" in [m.what for m in told.missing]
    revoke = given(WhitelistRevoke(service="a", number=1, author="ann", time=299 * MINUTE))
    assert not [said for said in explained_at(again, [*said, revoke]).in_force if "whitelist" in said]


def test_a_deleted_service_has_no_alert_any_more() -> None:
    delete = given(ModelDelete(service="a", author="ann", time=29.5 * MINUTE))
    told = explained_at([score(m) for m in range(30)], [delete])
    assert (told.alert, told.ended) == (True, True)
    assert told.later == ["ann deleted the service on 1 Jan 00:29 UTC"]


def test_the_policy_files_entries_say_what_they_would_need() -> None:
    policy = read(None)
    policy.whitelist = [WhitelistTable({"service": "shop/*"}, date(2030, 1, 1), "cache")]
    told = explained_at([score(m) for m in range(3)], every=rules(policy, Leaks.VOCABULARY))
    assert "the policy file's whitelist (cache): only if service is shop/* (it is a)" in told.silencers


def alert_of(told: Explanation, **changed: object) -> Alert:
    made = replace(NO_ALERT, key=told.key or "a@1", service="a", memory=GIB)
    return replace(made, **changed)


def test_for_people_each_line_fits_and_each_section_is_there() -> None:
    told = explained_at([held(m, environment="production", onset=0.0) for m in range(40)])
    shown = list(lines(told, alert_of(told)))
    assert all(len(line) <= 80 for line in shown)
    assert shown[0] == "alert a@60, since 1 Jan 00:01 UTC"
    assert "            needs: sustained_seconds is at least 1800 (it is 2340): met" in shown
    assert "no alert if a confidence below 0.50 (0.5 by the settings)" in shown
    assert "teach       fleetleak label a@60 leak" in shown
    assert not [line for line in shown if "differs" in line]


@pytest.mark.parametrize("changed", [{"state": "resolved"}, {"key": "a@1"}])
def test_a_replay_that_differs_from_what_was_published_is_said(changed: dict[str, object]) -> None:
    told = explained_at([held(m) for m in range(40)])
    assert "the replay differs from what was published" in "\n".join(lines(told, alert_of(told, **changed)))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["explain", "s", "--at", "soon"], "'soon' is no time; write a date or time such as 2026-09-21"),
        (
            ["explain", "s", "--since", "0d"],
            "'0d' is no duration above 0; write a number with s, m, h",
        ),
        (["policy", "test", "--since", "-3d"], "expected one argument"),
        (["whitelist", "revoke", "s", "one"], "invalid int value: 'one'"),
        (["whitelist", "end"], "invalid choice: 'end'"),
    ],
)
def test_wrong_words_are_wrong_usage(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == EXIT_USAGE
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("words", [["revoke", "s"], ["explain"], ["list", "s", "1"]])
def test_a_condition_has_a_service_and_a_number(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["whitelist", *words]) == 1
    assert "explain and revoke need a SERVICE and a NUMBER" in capsys.readouterr().err
