"""Rules as data: what a policy file may say, what is refused at start, and which severity follows."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from fleetleak.records import Alert, Score
from fleetleak.records.alert import SEVERITIES
from fleetleak.records.evidence import Features
from sinks.alerting.leak.adapter import Leaks
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import Secret, read
from sinks.policy.rules import Rules, rules
from tests.sinks.support import MINUTE, ahead, calm, held, policy, role, run, score

LONG = range(100)  # minutes: longer than the 1,800 s that the rule for linear growth needs


def fired(scores: list[Score], directory: Path | None = None, text: str = "") -> Alert:
    """Return the last transition of an alert that fired."""
    told = run(scores, role(policy(directory, text) if directory else None))
    assert told
    assert told[0].state == "firing"
    return told[-1]


def features(**other: object) -> Features:
    empty = Features(growth=[], allocation=[], deallocation=[], volatility=[], autocorrelation=[])
    return replace(empty, **other)


@pytest.mark.parametrize(
    ("kind", "confidence", "more", "rule", "severity"),
    [
        ("linear", 0.85, {}, "linear", "high"),
        ("linear", 0.75, {}, "linear", "medium"),
        ("exponential", 0.95, {"rise": 0.2}, "exponential", "critical"),
        ("exponential", 0.85, {"rise": 0.2}, "exponential", "high"),
        ("exponential", 0.95, {"rise": 0.1}, "exponential", "high"),
        ("periodic", 0.75, {"period": 600.0}, "periodic", "medium"),
        ("periodic", 0.75, {"period": 7200.0}, "periodic", "low"),
        ("fragmentation", 0.65, {"index": 0.9}, "fragmentation", "low"),
    ],
)
def test_the_default_rules(
    kind: str, confidence: float, more: dict[str, float], rule: str, severity: str
) -> None:
    """Severity, confidence and evidence of each; what lacks something is one step lower."""

    def one(minute: int) -> Score:
        made = held(minute, 48.0, confidence=confidence, kind=kind, onset=0.0)
        made.features = features(period=more.get("period"), fragmentation_index=more.get("index"))
        if "rise" in more and made.trend is not None:
            made.trend.rise = more["rise"] * 2**30
            made.trend.level = 0.5 * 2**30
        return made

    last = fired([one(m) for m in LONG])
    assert (last.rule, last.severity) == (rule, severity)


def test_a_staircase_counts_its_steps() -> None:
    def one(minute: int, steps: int) -> Score:
        used = 0.2 + 0.05 * (minute * steps // 100)
        return held(minute, 48.0, confidence=0.75, kind="staircase", used=used)

    assert fired([one(m, 3) for m in LONG]).severity == "low"
    assert fired([one(m, 6) for m in LONG]).severity == "medium"


@pytest.mark.parametrize(
    ("environment", "threshold", "severity"),
    [(None, 0.8, "high"), ("production", 0.95, "medium"), ("canary", 0.88, "medium"), ("dev", 0.64, "high")],
)
def test_an_environment_has_its_factor(environment: str | None, threshold: float, severity: str) -> None:
    last = fired([held(m, 48.0, confidence=0.86, environment=environment, onset=0.0) for m in LONG])
    assert (last.threshold, last.severity) == (threshold, severity)


def test_growth_must_be_sustained() -> None:
    told = run([held(m, 48.0, onset=0.0) for m in LONG])
    assert [(a.severity, a.time >= 1800.0) for a in told][:2] == [("medium", False), ("high", True)]


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        ({"forecast": ahead(50, 1.0)}, "critical"),
        ({"forecast": ahead(50, 60 * 24.0)}, "medium"),
        ({"forecast": None}, "medium"),
        ({"stalled": 0.05}, "high"),
        ({"stalled": 0.2}, "critical"),
    ],
)
def test_time_left_and_harm_move_the_severity(change: dict[str, object], severity: str) -> None:
    before = [
        replace(held(m, 48.0, onset=0.0), **(change if "forecast" in change else {})) for m in range(50)
    ]
    last = fired([*before, *(replace(held(m, 48.0, onset=0.0), **change) for m in range(50, 60))])
    assert last.severity == severity


def test_repeated_kills_raise_the_severity() -> None:
    def run_of(number: int) -> list[Score]:
        first = 300 * number
        begin = calm(first, restarted=number > 0, oom_kills=number)
        return [
            begin,
            *(held(first + m, 48.0, onset=first * MINUTE, oom_kills=number) for m in range(1, 300)),
        ]

    told = run([one for number in range(4) for one in run_of(number)])
    assert [a.severity for a in told if a.restarts == 0][-1] == "high"
    assert told[-1].severity == "critical"


def test_severity_does_not_fall_while_it_fires() -> None:
    told = run([held(m, 0.9 if m < 40 else 48.0, onset=0.0) for m in range(400)])
    ranks = [SEVERITIES.index(a.severity) for a in told]
    assert ranks == sorted(ranks)
    assert (told[-1].severity, told[-1].time > 40 * MINUTE) == ("critical", True)


def test_the_first_rule_that_fits_decides(tmp_path: Path) -> None:
    text = """
    [[rules]]
    name = "pay"
    severity = "critical"
    where = { service = "a", "labels.team" = ["pay", "shop"], "trend.rise" = { at_least = 1e6 } }
    runbook = "https://wiki/{service}/{kind}"
    """
    mine = [held(m, 48.0, labels={"team": "pay"}) for m in LONG]
    assert (fired(mine, tmp_path, text).rule, fired(mine, tmp_path, text).runbook) == (
        "pay",
        "https://wiki/a/linear",
    )
    others = [held(m, 48.0, labels={"team": "web"}) for m in LONG]
    assert fired(others, tmp_path, text).rule == "linear"


def test_a_silent_rule_makes_no_alert_of_what_does_not_meet_it(tmp_path: Path) -> None:
    text = '[[rules]]\nname = "batch"\nseverity = "low"\nsilent = true\nwhere = { service = "a" }\n'
    text += "needs = { sustained_seconds = { at_least = 7200 } }"
    rules_ = policy(tmp_path, text)
    assert run([held(m, 48.0, onset=0.0) for m in range(110)], role(rules_)) == []
    assert run([held(m, 48.0, onset=0.0) for m in range(130)], role(rules_))[0].time == 121 * MINUTE


def test_a_cool_down_holds_updates_back_and_loses_none() -> None:
    """The limit moves every two minutes: an update at most every 900 s, and the last one is told."""
    moving = [held(m, 48.0, limit=2**30 + (m // 2) * 2**28) for m in range(120)]
    told = run([*moving, *(held(m, 48.0, limit=moving[-1].limit or 0) for m in range(120, 160))])
    gaps = [later.time - one.time for one, later in pairwise(told[1:])]
    assert min(gaps) >= 900.0
    assert len(told) > 5
    assert told[-1].limit == moving[-1].limit


def test_the_whitelist_of_the_file_ends_on_its_day(tmp_path: Path) -> None:
    text = '[[whitelist]]\nwhere = { service = "a*" }\nuntil = 1970-01-01\nreason = "known"'
    assert run([score(m) for m in range(5)], role(policy(tmp_path, text)))
    assert not run([score(m) for m in range(5)], role(policy(tmp_path, text.replace("01-01", "01-02"))))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules = 3", "Expected `array`"),
        ('[[rules]]\nname = "x"\nseverity = "hi"', "Invalid enum value 'hi'"),
        ('[[rules]]\nname = "x"\nseverity = "low"\ncolour = 1', "unknown field `colour`"),
        ('[[rules]]\nname = "x"\nseverity = "low"\nkinds = ["liner"]', "there is no kind liner"),
        (
            '[[rules]]\nname = "x"\nseverity = "low"\nwhere = { sevrice = "a" }',
            "rules[0] (x): where.sevrice: there is no field sevrice; did you mean service?",
        ),
        ('[[rules]]\nname = "x"\nseverity = "low"\nwhere = { confidence = "high" }', "must be a number"),
        (
            '[[rules]]\nname = "x"\nseverity = "low"\nneeds = { confidence = { over = 1 } }',
            "there is no test over",
        ),
        ('[[rules]]\nname = "x"\nseverity = "low"\nneeds = { service = { at_least = 1 } }', "only numbers"),
        ('[[rules]]\nname = "linear"\nseverity = "low"', "two rules have the name linear"),
        ('[[rules]]\nname = "x"\nseverity = "low"\nrunbook = "{host}"', "there is no {host}"),
        ('[[rules]]\nname = "x"\nseverity = "low"\nrunbook = "{"', "write {{ for a brace"),
        ('[[whitelist]]\nwhere = {}\nuntil = 2030-01-01\nreason = "r"', "match everything"),
        (
            '[[whitelist]]\nwhere = { service = "*" }\nuntil = 2030-01-01\nreason = "r"',
            "would match everything",
        ),
        ('[[whitelist]]\nwhere = { service = "a" }\nreason = "r"', "missing required field `until`"),
        ("a = [", "is not TOML"),
        ('[[rules]]\nname = "x"\nseverity = "low"\nfinding = "leek"', "Invalid enum value 'leek'"),
        ('[[rules]]\nname = "x"\nseverity = "low"\nwhere = { service = [] }', "it tests nothing"),
        (
            '[[rules]]\nname = "x"\nseverity = "low"\nwhere = { kind = "liner" }',
            "'liner' must be one of exponential",
        ),
        (
            '[[rules]]\nname = "x"\nseverity = "low"\nwhere = { labels.team = "pay" }',
            'write "labels.team" in quotes',
        ),
        (
            '[[rules]]\nname = "x"\nseverity = "low"\nwhere = { trend.growth = { below = 1 } }',
            'write "trend.growth" in quotes',
        ),
        ("[thresholds.environments]\nprod = 0", "`thresholds.environments"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        role(policy(tmp_path, text))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_policy_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadPolicy, match="No such file"):
        read("/nowhere/policy.toml")


def test_a_secret_comes_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FL_TEST_SECRET", " s3 \n")
    (tmp_path / "secret").write_text("s4\n")
    assert Secret(env="FL_TEST_SECRET").value() == "s3"
    assert Secret(file=str(tmp_path / "secret")).value() == "s4"
    for wrong in (Secret(env="FL_NO_SUCH"), Secret(file="/nowhere")):
        with pytest.raises(BadPolicy):
            wrong.value()
    with pytest.raises(ValueError, match="env"):
        Secret()


def test_a_threshold_says_where_it_comes_from() -> None:
    known: Rules = rules(read(None), Leaks.VOCABULARY)
    linear = known.rule("linear", score(1), {})
    assert known.threshold(linear, "prod").words == "0.8 of rule linear, times 1.2 for prod, at most 0.95"
    assert known.threshold(linear, None).words == "0.8 of rule linear"
