"""A Kafka for one recording, with its own topics and roles: the user's cluster or an embedded one."""

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
    """The topics, roles and files of one replay.

    Parameters
    ----------
    settings
        The effective settings of its roles.
    directory
        For the files of this replay; removed at its end.
    """

    settings: Settings
    admin: AdminClient
    processes: Processes
    directory: Path

    @property
    def names(self) -> topics.Names:
        """The names of its topics."""
        return topics.names(self.settings.kafka.topic_prefix)


@contextlib.contextmanager
def cluster(settings: Settings, own_broker: bool, say: Callable[[str], None]) -> Iterator[Cluster]:
    """Create the topics and start the roles; remove both at the end.

    Raises
    ------
    BrokerFailed, Unreachable, WrongTopics
        If there is no Kafka, it does not answer, or the topics cannot be created.
    """
    own = _own(settings)
    with contextlib.ExitStack() as stack:
        if own_broker:
            broker = stack.enter_context(EmbeddedBroker(say=say))
            own.kafka.bootstrap_servers = broker.bootstrap_servers
        admin = reached(own.kafka)
        wanted = topics.layout(own.kafka.topic_prefix, own.topics, specs=roles.topic_specs())
        if not own_broker:
            # Before they are created: an interruption in between must leave no topic.
            stack.callback(topics.delete, admin, [t.name for t in wanted])
        topics.create(admin, wanted, own.topics.replication_factor)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleetleak-replay-")))
        processes = stack.enter_context(Processes(directory))
        for name in ROLES:
            processes.start(name, ["fleetleak_app", *roles.words(roles.role(name))], environment(own))
        yield Cluster(own, admin, processes, directory)


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables that pass every setting to a role, wherever the settings came from."""
    values = {s.variable: getattr(getattr(settings, s.section), s.name) for s in all_settings()}
    variables = {variable: _text(value) for variable, value in values.items() if value is not None}
    return variables | {"FLEETLEAK_CONFIG": ""}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _own(settings: Settings) -> Settings:
    """Return the settings of the roles: the user's, except those that belong to a live stream."""
    own = copy.deepcopy(settings)
    own.kafka.topic_prefix = f"{settings.kafka.topic_prefix}-replay-{uuid.uuid4().hex[:8]}"
    own.kafka.track = topics.MAIN
    own.topics.snapshot_hours = own.topics.score_hours = _KEPT_HOURS
    # The broker's clock has nothing to do with a recording. A replay in memory checks neither of these.
    own.runtime.future_seconds = 1e9
    own.runtime.dead_letter_ratio, own.runtime.dead_letter_least = 1.0, 100_000
    own.http.port = -1
    return own
