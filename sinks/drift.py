"""The drift sink: every flagged change of a score becomes one drift event."""

from __future__ import annotations

from fleetleak.kafka.topics import Names, names
from fleetleak.observe import metrics
from fleetleak.records import Drift, Score, encode
from fleetleak.settings import Settings
from fleetleak.stream.emit import Emit
from fleetleak.stream.keyed import Keyed, Nothing
from fleetleak.stream.spec import RoleSpec
from sinks.origin import origin


class DriftSink(Keyed[Score, Nothing]):
    """The role of the drift sink. It keeps no state: a drift event follows from one score alone."""

    NAME = "drift"
    RECORD = Score

    def __init__(self, topic: str) -> None:
        super().__init__()
        self._topic = topic

    def step(self, state: Nothing | None, record: Score, emit: Emit) -> None:
        """Publish an event for each detector that flagged the score."""
        for detector in record.drift:
            emit.rekeyed(self._topic, record.service.encode(), encode(_event(record, detector)))
            emit.count(metrics.DRIFT_EVENTS)


def _event(score: Score, detector: str) -> Drift:
    return Drift(**origin(score), detector=detector, before=score.drift_before, after=score.drift_after)


def _make(settings: Settings) -> DriftSink:
    return DriftSink(names(settings.kafka.topic_prefix, settings.kafka.track).drift)


ROLE = RoleSpec(
    name=DriftSink.NAME,
    command="sink",
    help="turn scores into drift events",
    make=_make,
    input=Names.scores,
    outputs=(Names.drift,),
    metrics=("sink",),
)
