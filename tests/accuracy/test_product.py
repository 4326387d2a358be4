"""The product's accuracy on permanent synthetic scenarios: a floor that no change may fall through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetleak_app.cli import main
from fleetleak_app.evaluation import ablations, product, synthetic
from fleetleak_app.evaluation.scorer import score

# Fleets are judged by instance, but alerted once per service: they have tests of their own.
SCENARIOS = [
    s for name, s in synthetic.SCENARIOS.items() if name.startswith(("leak-", "clean-")) and "14d" not in name
]


def test_leaks_are_found_and_clean_series_stay_silent() -> None:
    assert len(SCENARIOS) > 20
    telemetry = [t for s in SCENARIOS for t in synthetic.simulate(s)]
    snapshots = sorted((x for s in SCENARIOS for x in synthetic.snapshots(s)), key=lambda x: x.timestamp)
    report = score([t.case() for t in telemetry], product.alerts(snapshots), resamples=0)
    assert report.overall.recall >= 0.9
    assert report.overall.precision >= 0.75
    assert report.overall.lead_all >= 0.5


def _write_cases(directory: Path, name: str) -> None:
    (telemetry,) = synthetic.simulate(synthetic.SCENARIOS[name])
    case = telemetry.case()
    rows = zip(case.times.tolist(), case.used.tolist(), case.total.tolist(), strict=True)
    lines = [f"{case.series},{time},{used:.0f},{total:.0f}" for time, used, total in rows]
    (directory / "cases.csv").write_text("\n".join(["series,timestamp,used,total", *lines]))
    leaks = [
        {"onset": x.onset, "end": x.end, "kind": x.kind, "rate": x.rate, "exhaust": x.exhaust}
        for x in case.leaks
    ]
    label = {
        "group": "synthetic", "tag": case.tag, "leaks": leaks, "ambiguous": case.ambiguous,
        "t0": case.t0, "t1": case.t1,
    }  # fmt: skip
    (directory / "cases.json").write_text(json.dumps({case.series: label}))


def test_cases_in_a_directory_are_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write_cases(tmp_path, "leak-linear-2h")
    assert main(["evaluate", str(tmp_path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])["fleetleak"]["overall"]
    assert (report["recall"], report["false_alarms"]) == (1.0, 0)


def test_the_tables_fit_a_terminal_unless_markdown_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_cases(tmp_path, "leak-linear-2h")
    assert main(["evaluate", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "recall" in shown
    assert "by kind" in shown
    assert main(["evaluate", str(tmp_path), "--markdown"]) == 0
    assert "| detector | recall |" in capsys.readouterr().out


def test_an_ablation_changes_the_verdict_and_leaves_the_product_as_it_was() -> None:
    (telemetry,) = synthetic.simulate(synthetic.SCENARIOS["leak-linear-2h"])
    snapshots = list(telemetry.snapshots())
    before = product.alerts(snapshots)
    held = {name: context for name, context, _ in ablations.ablations()}
    assert len(held) > 10
    with held["caution while young"]:
        assert product.alerts(snapshots) != before
    assert product.alerts(snapshots) == before
