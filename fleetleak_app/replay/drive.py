"""Two roles in one process, without Kafka: the scores of the first are the input of the second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec

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
    records: Iterable[Record],
    scoring: Role,
    alerting: Role,
    progress: Callable[[int], None] = lambda _: None,
    timed: bool = False,
) -> Iterator[Outputs]:
    """Send records through scoring and alerting, batch by batch.

    The results are the same bytes as through Kafka: roles do not depend on the batches of their input.

    Parameters
    ----------
    progress
        Called with the number of records that are done.
    timed
        Whether time passes as in production, by the time of the scores: an alert without data becomes stale,
        and ends. The records must be in order of time. Otherwise time stands still, as in a replay through
        Kafka, which takes seconds.
    """
    offset = done = 0
    rest = iter(records)
    while batch := list(islice(rest, BATCH_RECORDS)):
        yield (outputs := _step(batch, scoring, alerting, offset, timed))
        offset, done = offset + len(outputs.scores), done + len(batch)
        progress(done)


class _Timed(msgspec.Struct, gc=False):
    time: float


_timed = msgspec.json.Decoder(_Timed).decode


def _step(batch: list[Record], scoring: Role, alerting: Role, offset: int, timed: bool) -> Outputs:
    scored = scoring.apply(batch)
    times = [_timed(o.value or b"").time if timed else 0.0 for o in scored.outputs]
    inputs = [
        Record(o.partition or 0, offset + n, o.key, o.value, time, clock=time)
        for n, (o, time) in enumerate(zip(scored.outputs, times, strict=True))
    ]
    alerted = alerting.apply(inputs)
    rejected = [r.message for r in (*scored.rejected, *alerted.rejected)]
    return Outputs(scored.outputs, alerted.outputs, rejected)
