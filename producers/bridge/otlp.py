"""The registration of `fleetleak bridge otlp`. It imports nothing heavy: see `fleetleak_app.roles`."""

from __future__ import annotations

from fleetleak.kafka.topics import Names, foreign, names
from fleetleak.settings import Settings
from fleetleak.stream import Role
from fleetleak.stream.spec import RoleSpec


def _make(settings: Settings) -> Role:
    from producers.bridge.decode import Decode

    return Decode("otlp", names(settings.kafka.topic_prefix).readings)


ROLE = RoleSpec(
    name="bridge-otlp",
    command="bridge",
    help="read what OpenTelemetry's Collector writes to Kafka",
    make=_make,
    # What the Collector writes to unless it is told otherwise.
    input=foreign("otlp_metrics"),
    outputs=(Names.readings,),
    sections=("bridge",),
    metrics=("bridge",),
    extra="bridge",
)
