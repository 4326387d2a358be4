"""Two roles in one process, without Kafka: the scores of the first are the input of the second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

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
    records: Iterable[Record], scoring: Role, alerting: Role, progress: Callable[[int], None] = lambda _: None
) -> Iterator[Outputs]:
    """Send records through scoring and alerting, batch by batch.

    The results are the same bytes as through Kafka: roles do not depend on the batches of their input.

    Parameters
    ----------
    progress
        Called with the number of records that are done.
    """
    offset = done = 0
    rest = iter(records)
    while batch := list(islice(rest, BATCH_RECORDS)):
        yield (outputs := _step(batch, scoring, alerting, offset))
        offset, done = offset + len(outputs.scores), done + len(batch)
        progress(done)


def _step(batch: list[Record], scoring: Role, alerting: Role, offset: int) -> Outputs:
    scored = scoring.apply(batch)
    inputs = [Record(o.partition or 0, offset + n, o.key, o.value, 0.0) for n, o in enumerate(scored.outputs)]
    alerted = alerting.apply(inputs)
    rejected = [r.message for r in (*scored.rejected, *alerted.rejected)]
    return Outputs(scored.outputs, alerted.outputs, rejected)
