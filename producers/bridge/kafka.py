"""The registration of `fleetleak bridge kafka`. It imports nothing heavy: see `fleetleak_app.roles`."""

from __future__ import annotations

from fleetleak.kafka.topics import Names, foreign, names
from fleetleak.settings import BadSetting, Settings
from fleetleak.stream import Role
from fleetleak.stream.spec import RoleSpec


def _make(settings: Settings) -> Role:
    from producers.bridge.decode import Decode

    if settings.bridge.format is None:
        raise BadSetting("setting bridge.format: say what the topic holds, such as --format vector")
    if settings.bridge.topic is None:
        raise BadSetting("setting bridge.topic: name the topic to read, such as --topic metrics")
    return Decode(settings.bridge.format, names(settings.kafka.topic_prefix).readings)


ROLE = RoleSpec(
    name="bridge-kafka",
    command="bridge",
    help="read what other programs write to Kafka, as --format says",
    make=_make,
    # The real one is a setting.
    input=foreign("metrics"),
    outputs=(Names.readings,),
    sections=("bridge",),
    metrics=("bridge",),
)
