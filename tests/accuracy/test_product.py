"""The product's accuracy on permanent synthetic scenarios: a floor that no change may fall through."""

from __future__ import annotations

from benchmarks.accuracy import product, synthetic
from benchmarks.accuracy.scorer import score

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
