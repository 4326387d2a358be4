"""The registration of `fleetleak bridge snapshots`. It imports nothing heavy: see `fleetleak_app.roles`."""

from __future__ import annotations

from fleetleak.kafka.topics import Names, names
from fleetleak.settings import Settings
from fleetleak.stream import Role
from fleetleak.stream.spec import RoleSpec


def _make(settings: Settings) -> Role:
    from producers.bridge.assemble import Assemble

    topics = names(settings.kafka.topic_prefix)
    return Assemble(
        topics.snapshots, topics.readings, settings.bridge.wait_seconds, settings.runtime.future_seconds
    )


ROLE = RoleSpec(
    name="bridge-snapshots",
    command="bridge",
    help="make snapshots of what the other bridges read",
    make=_make,
    input=Names.readings,
    outputs=(Names.snapshots, Names.readings),
    state=Names.assembly,
    sections=("bridge",),
    metrics=("bridge",),
)
