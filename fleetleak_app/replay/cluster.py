"""A Kafka for one recording: topics and roles of its own, on the user's cluster or an embedded one."""

from __future__ import annotations

import contextlib
import copy
import json
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient

from fleetleak.kafka import topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.kafka.reach import reached
from fleetleak.settings import Settings
from fleetleak.settings.load import all_settings
from fleetleak_app import roles
from fleetleak_app.processes import Processes

ROLES = ("processor", "alerting")
_KEPT_HOURS = 72.0


@dataclass
class Cluster:
    """What one replay has to itself.

    Parameters
    ----------
    settings
        The effective ones, as its roles have them.
    directory
        For files of this replay; removed with it.
    """

    settings: Settings
    admin: AdminClient
    processes: Processes
    directory: Path

    @property
    def names(self) -> topics.Names:
        """Its topics."""
        return topics.names(self.settings.kafka.topic_prefix)


@contextlib.contextmanager
def cluster(settings: Settings, own_broker: bool, say: Callable[[str], None]) -> Iterator[Cluster]:
    """Make the topics and start the roles; leave nothing behind.

    Raises
    ------
    BrokerFailed, Unreachable, WrongTopics
        If there is no Kafka, it does not answer, or the topics cannot be created.
    """
    ours = _own(settings)
    with contextlib.ExitStack() as stack:
        if own_broker:
            broker = stack.enter_context(EmbeddedBroker(say=say))
            ours.kafka.bootstrap_servers = broker.bootstrap_servers
        admin = reached(ours.kafka)
        wanted = topics.layout(ours.kafka.topic_prefix, ours.topics, specs=roles.topic_specs())
        if not own_broker:
            # Before they are made: being interrupted half way must leave none.
            stack.callback(topics.delete, admin, [t.name for t in wanted])
        topics.create(admin, wanted, ours.topics.replication_factor)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleetleak-replay-")))
        processes = stack.enter_context(Processes(directory))
        for name in ROLES:
            processes.start(name, ["fleetleak_app", *roles.words(roles.role(name))], environment(ours))
        yield Cluster(ours, admin, processes, directory)


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables that hand every setting to a role, whatever file the settings came from."""
    values = {s.variable: getattr(getattr(settings, s.section), s.name) for s in all_settings()}
    given = {variable: _text(value) for variable, value in values.items() if value is not None}
    return given | {"FLEETLEAK_CONFIG": ""}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _own(settings: Settings) -> Settings:
    """Return the settings of the roles: the user's, but for what belongs to a live stream."""
    ours = copy.deepcopy(settings)
    ours.kafka.topic_prefix = f"{settings.kafka.topic_prefix}-replay-{uuid.uuid4().hex[:8]}"
    ours.kafka.track = topics.MAIN
    ours.topics.snapshot_hours = ours.topics.score_hours = _KEPT_HOURS
    # The broker's clock says nothing of a recording, and in memory neither of the two is checked.
    ours.runtime.future_seconds = 1e9
    ours.runtime.dead_letter_ratio, ours.runtime.dead_letter_least = 1.0, 100_000
    ours.http.port = -1
    return ours
