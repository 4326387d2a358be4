"""Which alerts go to which target, and what a policy file must not say of targets and routes."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from sinks.notify.routes import fits, routes, words
from sinks.notify.targets import TargetSpec, targets
from sinks.policy.conditions import BadPolicy
from sinks.policy.file import read
from tests.notify.support import alert

TARGETS = """
[targets.ops]
kind = "stdout"
[targets.shop]
kind = "webhook"
url = "https://hooks.example/x"
"""
ROUTES = """
[[routes]]
targets = ["ops"]
where = { severity = { at_least = "high" } }
[[routes]]
targets = ["shop", "ops"]
where = { service = "shop/*", "labels.team" = "shop" }
"""


def configured(tmp_path: Path, text: str) -> list[TargetSpec]:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    return targets(read(str(file)))


def reached(tmp_path: Path, text: str, **fields: object) -> set[str]:
    one = replace(alert(), **fields)
    return {spec.name for spec in configured(tmp_path, text) if fits(spec.routes, one)}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"severity": "high"}, {"ops"}),
        ({"severity": "low"}, set()),
        ({"severity": "low", "labels": {"team": "shop"}}, {"ops", "shop"}),
        ({"severity": "critical", "service": "bank/pay", "labels": {"team": "shop"}}, {"ops"}),
    ],
)
def test_an_alert_goes_to_the_targets_of_every_route_that_it_fits(
    tmp_path: Path, fields: dict[str, object], expected: set[str]
) -> None:
    assert reached(tmp_path, TARGETS + ROUTES, **fields) == expected


@pytest.mark.parametrize(
    ("severity", "expected"), [("low", set()), ("medium", {"ops", "shop"}), ("critical", {"ops", "shop"})]
)
def test_without_routes_every_target_gets_what_is_at_least_medium(
    tmp_path: Path, severity: str, expected: set[str]
) -> None:
    assert reached(tmp_path, TARGETS, severity=severity) == expected


def test_routes_are_told_in_words(tmp_path: Path) -> None:
    said = {spec.name: words(spec.routes) for spec in configured(tmp_path, TARGETS + ROUTES)}
    both = "service is shop/* and labels.team is shop"
    assert said == {"ops": f"severity is at least high; or {both}", "shop": both}


def test_a_target_that_no_route_leads_to_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one_way = '[[routes]]\ntargets = ["ops"]\n'
    ways = {spec.name: spec.routes for spec in configured(tmp_path, TARGETS + one_way)}
    assert ways == {"ops": [()], "shop": []}
    assert "no route leads to the target shop" in caplog.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TARGETS + '[[routes]]\ntargets = ["opps"]\n', "there is no target opps; did you mean ops?"),
        (TARGETS + '[[routes]]\ntargets = ["ops"]\nwhere = { servise = "x" }\n', "did you mean service?"),
        ('[targets.ops]\nkind = "stdoot"\n', "there is no kind stdoot; did you mean stdout?"),
        ('[targets.ops]\nformat = "json"\n', "kind is missing"),
        ('[targets.ops]\nkind = "stdout"\nformt = "json"\n', "no field formt; did you mean format?"),
        ('[targets.ops]\nkind = "stdout"\nper_minut = 3\n', "did you mean per_minute?"),
        ('[targets.ops]\nkind = "stdout"\nper_minute = 0\n', "targets.ops: Expected `int` >= 1"),
        ('[targets.ops]\nkind = "stdout"\nformat = "xml"\n', "targets.ops: Invalid enum value 'xml'"),
        ('[targets."a b"]\nkind = "stdout"\n', "a target's name has letters"),
        (
            "".join(f'[targets.t{n}]\nkind = "stdout"\n' for n in range(33)),
            "there are 33 targets: 32 at most",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_write_instead(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(BadPolicy) as refused:
        configured(tmp_path, text)
    assert told in str(refused.value)


def test_a_policy_without_targets_leads_nowhere() -> None:
    assert routes(read(None)) == {}
