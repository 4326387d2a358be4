"""The processor's registration. It imports nothing heavy: see `fleetleak_app.roles`."""

from __future__ import annotations

from fleetleak.kafka.topics import Names, names
from fleetleak.settings import Settings
from fleetleak.stream import Role
from fleetleak.stream.spec import RoleSpec


def _make(settings: Settings) -> Role:
    from processors.scoring import Scoring

    return Scoring(settings, names(settings.kafka.topic_prefix, settings.kafka.track).scores)


ROLE = RoleSpec(
    name="processor",
    command="processor",
    help="score snapshots and learn",
    make=_make,
    input=Names.snapshots,
    outputs=(Names.scores,),
    side=(Names.feedback,),
    state=Names.models,
    sections=("processor",),
    metrics=("processor",),
    extra="processor",
)
