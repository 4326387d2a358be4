"""What is registered of a role or a delivery: its names, what it reads and writes, and how it is made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from fleetleak.kafka.topics import Names, TopicSpec, owner
from fleetleak.settings import Settings
from fleetleak.settings.tree import KafkaSettings
from fleetleak.stream.role import Role, Topics


@dataclass(frozen=True)
class RoleSpec:
    """One stateful role. The command line, the topic layout and the checks follow from it.

    Parameters
    ----------
    name
        The consumer group ends with it, so it must not change.
    command
        The command that runs it: `fleetleak processor NAME` or `fleetleak sink NAME`.
    help
        What it does, for the command line: "score snapshots and learn".
    make
        Returns the role. It imports what is heavy only when it is called.
    input, side, state, outputs
        Its topics: see `fleetleak.stream.Topics`.
    sections
        Sections of the settings that it uses, beside those that every role uses.
    metrics
        Families of `fleetleak.observe.metrics` that it counts in, beside those that every role counts in.
    extra
        The extra of the package that it needs, if any.
    """

    name: str
    command: Literal["processor", "sink"]
    help: str
    make: Callable[[Settings], Role]
    input: TopicSpec
    outputs: tuple[TopicSpec, ...]
    side: tuple[TopicSpec, ...] = ()
    state: TopicSpec | None = None
    sections: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    extra: str | None = None

    @property
    def topic_specs(self) -> tuple[TopicSpec, ...]:
        """Every topic that it reads or writes."""
        state = () if self.state is None else (self.state,)
        return (self.input, *self.side, *state, *self.outputs, Names.dead_letter)

    def topics(self, kafka: KafkaSettings) -> Topics:
        """Return the full names of its topics."""
        return _topics(kafka, self.input, self.state, self.side)

    def group(self, kafka: KafkaSettings) -> str:
        """Return its consumer group."""
        return f"{owner(kafka.topic_prefix, kafka.track)}-{self.name}"


class Delivery(Protocol):
    """What takes a topic to targets outside Kafka: one or more `fleetleak.stream.deliver.Deliver`."""

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set."""

    def ready(self) -> str | None:
        """Return None if it does its work, else what it waits for."""

    def healthy(self) -> str | None:
        """Return None while it makes progress, else the problem."""

    def note(self) -> str:
        """Return what it does while it is ready."""


@dataclass(frozen=True)
class DeliverySpec:
    """One delivery. The command line, the topic layout and the checks follow from it, as from a role.

    Parameters
    ----------
    name
        The consumer groups begin with it, so it must not change.
    make
        Returns the delivery, and raises `BadSetting` where it cannot be used. It imports what is optional.
    input, state, outputs
        What it delivers; the compacted topic of what its targets store; topics that it writes besides.
    command, help, sections, metrics, extra
        See `RoleSpec`.
    """

    name: str
    command: Literal["processor", "sink"]
    help: str
    make: Callable[[Settings], Delivery]
    input: TopicSpec
    outputs: tuple[TopicSpec, ...] = ()
    state: TopicSpec | None = None
    sections: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    extra: str | None = None

    @property
    def topic_specs(self) -> tuple[TopicSpec, ...]:
        """Every topic that it reads or writes."""
        state = () if self.state is None else (self.state,)
        return (self.input, *state, *self.outputs, Names.dead_letter)

    def topics(self, kafka: KafkaSettings) -> Topics:
        """Return the full names of its topics."""
        return _topics(kafka, self.input, self.state)

    def group(self, kafka: KafkaSettings) -> str:
        """Return what the names of its consumer groups begin with."""
        return f"{owner(kafka.topic_prefix, kafka.track)}-{self.name}"


def _topics(
    kafka: KafkaSettings, input_: TopicSpec, state: TopicSpec | None, side: tuple[TopicSpec, ...] = ()
) -> Topics:
    def full(spec: TopicSpec) -> str:
        return spec.under(kafka.topic_prefix, kafka.track)

    return Topics(
        input=full(input_),
        state=None if state is None else full(state),
        dead_letter=full(Names.dead_letter),
        side=tuple(map(full, side)),
    )
