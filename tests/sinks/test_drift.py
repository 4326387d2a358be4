"""The drift sink: one event per flagged detector."""

from __future__ import annotations

from fleetleak.records import Decoder, Drift, Score, encode
from fleetleak.stream import Record
from sinks.drift import DriftSink


def test_flags_become_events_and_nothing_else_does() -> None:
    quiet = Score(service="s", instance="i", time=1.0, input_partition=0, input_offset=0)
    moved = Score(
        service="s", instance="i", time=2.0, input_partition=0, input_offset=1,
        drift=["adwin", "page_hinkley"], drift_before=0.2, drift_after=0.5,
    )  # fmt: skip
    records = [Record(0, n, b"s", encode(s), s.time) for n, s in enumerate((quiet, moved))]
    applied = DriftSink("drift").apply([*records, Record(0, 2, b"s", b"?", 3.0)])
    events = [Decoder(Drift).decode(o.value) for o in applied.outputs]
    assert [(e.detector, e.time, e.before, e.after) for e in events] == [
        ("adwin", 2.0, 0.2, 0.5),
        ("page_hinkley", 2.0, 0.2, 0.5),
    ]
    assert [r.reason for r in applied.rejected] == ["malformed"]
