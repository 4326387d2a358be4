"""Two roles in one process, without Kafka: the scores of the first are the input of the second."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fleetleak.stream import Record, Role
from fleetleak.stream.role import Output

BATCH_RECORDS = 5000


class Outputs:
    """The results of one batch."""

    def __init__(self, scores: list[Output], alerts: list[Output], rejected: list[str]) -> None:
        self.scores = scores
        self.alerts = alerts
        self.rejected = rejected


def drive(
    records: Iterator[Record], total: int, scoring: Role, alerting: Role, progress: Callable[[float], None]
) -> Iterator[Outputs]:
    """Send records through scoring and alerting, batch by batch.

    The results are the same bytes as through Kafka: roles do not depend on the batches of their input.

    Parameters
    ----------
    progress
        Called with the share of the records that are done.
    """
    offset = done = 0
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == BATCH_RECORDS:
            yield (outputs := _step(batch, scoring, alerting, offset))
            offset, done, batch = offset + len(outputs.scores), done + len(batch), []
            progress(done / total)
    if batch:
        yield _step(batch, scoring, alerting, offset)
    progress(1.0)


def _step(batch: list[Record], scoring: Role, alerting: Role, offset: int) -> Outputs:
    scored = scoring.apply(batch)
    inputs = [Record(o.partition or 0, offset + n, o.key, o.value, 0.0) for n, o in enumerate(scored.outputs)]
    alerted = alerting.apply(inputs)
    rejected = [r.message for r in (*scored.rejected, *alerted.rejected)]
    return Outputs(scored.outputs, alerted.outputs, rejected)
