"""The product's accuracy on permanent synthetic scenarios: a floor that no change may fall through."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fleetleak_app.cli import main
from fleetleak_app.evaluation import ablations, product, synthetic
from fleetleak_app.evaluation.scorer import score
from fleetleak_app.evaluation.synthetic import Scenario, Telemetry
from tests.accuracy.support import alert

# Fleets are judged by instance, but alerted once per service: they have tests of their own.
SCENARIOS = [
    s for name, s in synthetic.SCENARIOS.items() if name.startswith(("leak-", "clean-")) and "14d" not in name
]


def _sampled_seldom(scenario: Scenario) -> Scenario:
    """Return a long scenario with fewer samples: the floor is one of verdicts, not of single samples."""
    least = 600.0 if scenario.hours >= 96 else 120.0 if scenario.hours >= 48 else 30.0
    return replace(scenario, step=max(scenario.step, least))


def test_leaks_are_found_and_clean_series_stay_silent() -> None:
    assert len(SCENARIOS) > 20
    telemetry = [t for s in SCENARIOS for t in synthetic.simulate(_sampled_seldom(s))]
    snapshots = sorted((x for t in telemetry for x in t.snapshots()), key=lambda x: x.timestamp)
    report = score([t.case() for t in telemetry], product.alerts(snapshots), resamples=0)
    assert report.overall.recall >= 0.9
    assert report.overall.precision >= 0.75
    assert report.overall.lead_all >= 0.5


@pytest.fixture(scope="module")
def leak() -> Telemetry:
    (telemetry,) = synthetic.simulate(replace(synthetic.SCENARIOS["leak-linear-2h"], step=60.0))
    return telemetry


@pytest.fixture
def directory(leak: Telemetry, tmp_path: Path) -> Path:
    """A directory with one case."""
    case = leak.case()
    rows = zip(case.times.tolist(), case.used.tolist(), case.total.tolist(), strict=True)
    lines = [f"{case.series},{time},{used:.0f},{total:.0f}" for time, used, total in rows]
    (tmp_path / "cases.csv").write_text("\n".join(["series,timestamp,used,total", *lines]))
    leaks = [
        {"onset": x.onset, "end": x.end, "kind": x.kind, "rate": x.rate, "exhaust": x.exhaust}
        for x in case.leaks
    ]
    label = {
        "group": "synthetic", "tag": case.tag, "leaks": leaks, "ambiguous": case.ambiguous,
        "t0": case.t0, "t1": case.t1,
    }  # fmt: skip
    (tmp_path / "cases.json").write_text(json.dumps({case.series: label}))
    return tmp_path


def test_cases_in_a_directory_are_evaluated(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(directory), "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])["fleetleak"]["overall"]
    assert (report["recall"], report["false_alarms"]) == (1.0, 0)


def test_the_tables_fit_a_terminal_unless_markdown_is_asked_for(
    leak: Telemetry, directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = leak.case()
    fired = alert(case.leaks[0].onset + 600.0, series=case.series, kind="linear")
    monkeypatch.setattr(product, "alerts", lambda *_: [fired])
    assert main(["evaluate", str(directory)]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "recall" in shown
    assert "by kind" in shown
    assert main(["evaluate", str(directory), "--markdown"]) == 0
    assert "| detector | recall |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "cases.json: No such file or directory"),
        ({"cases.json": "{}", "cases.csv": "series,timestamp,used,total\na,0,1,2\n"}, "holds no cases"),
        ({"cases.json": "[]", "cases.csv": ""}, "cannot be read: cases.json is no JSON object"),
    ],
)
def test_a_directory_without_cases_is_told_in_one_line(
    files: dict[str, str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert main(["evaluate", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert told in err


def test_an_ablation_changes_the_verdict_and_leaves_the_product_as_it_was(leak: Telemetry) -> None:
    snapshots = list(leak.snapshots())
    before = product.alerts(snapshots)
    held = {name: context for name, context, _ in ablations.ablations()}
    assert len(held) > 10
    with held["caution while young"]:
        assert product.alerts(snapshots) != before
    assert product.alerts(snapshots) == before
