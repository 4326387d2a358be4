"""The drift sink: every flagged change of a score becomes one drift event."""

from __future__ import annotations

from collections.abc import Sequence

from fleetleak.observe import metrics
from fleetleak.records import Decoder, Drift, Score, Unreadable, encode
from fleetleak.stream import Applied, Key, Output, Record, Rejected


class DriftSink:
    """Keeps nothing: a drift event follows from one score alone."""

    NAME = "drift"
    fingerprint = "drift/1"

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._decode = Decoder(Score).decode

    def apply(self, records: Sequence[Record]) -> Applied:
        """Give the drift events of some scores."""
        applied = Applied()
        for record in records:
            try:
                score = self._decode(record.value)
            except Unreadable as error:
                applied.rejected.append(Rejected(record, error.reason, str(error)))
                continue
            applied.outputs += [self._event(score, detector) for detector in score.drift]
        metrics.DRIFT_EVENTS.inc(len(applied.outputs))
        return applied

    def _event(self, score: Score, detector: str) -> Output:
        drift = Drift(
            service=score.service,
            instance=score.instance,
            time=score.time,
            detector=detector,
            host=score.host,
            scope=score.scope,
            version=score.version,
            before=score.drift_before,
            after=score.drift_after,
            input_partition=score.input_partition,
            input_offset=score.input_offset,
        )
        return Output(self._topic, score.service.encode(), encode(drift))

    def control(self, record: Record) -> tuple[Key | None, Applied]:
        """There is nothing to change."""
        return None, Applied()

    def dump(self, key: Key) -> bytes | None:
        """There is nothing to keep."""
        return None

    def load(self, key: Key, state: bytes) -> None:
        """There is nothing to take back."""

    def drop(self, partition: int) -> None:
        """There is nothing to forget."""
