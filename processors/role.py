"""The processor's registration. It imports nothing heavy: see `fleetleak_app.roles`."""

from __future__ import annotations

import logging

from fleetleak.kafka.topics import Names, names
from fleetleak.settings import Settings
from fleetleak.stream import Role
from fleetleak.stream.spec import RoleSpec

log = logging.getLogger(__name__)


def _make(settings: Settings) -> Role:
    from processors import kernels
    from processors.scoring import Scoring

    if not kernels.available():
        log.warning("the kernels were not compiled: scoring takes longer (docs/operating.md)")
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
