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


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What is registered of a role or a delivery. The command line, the topics and the checks follow from it.

    Parameters
    ----------
    name
        The consumer group ends with it, or the groups have it in their names, so it must not change.
    command
        The command that runs it: `fleetleak processor NAME`, and so on.
    help
        What it does, for the command line: "score snapshots and learn".
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
    command: Literal["bridge", "processor", "sink"]
    help: str
    input: TopicSpec
    outputs: tuple[TopicSpec, ...] = ()
    side: tuple[TopicSpec, ...] = ()
    state: TopicSpec | None = None
    sections: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    extra: str | None = None

    @property
    def word(self) -> str:
        """Its name on the command line, after its command."""
        return self.name.removeprefix(f"{self.command}-")

    @property
    def topic_specs(self) -> tuple[TopicSpec, ...]:
        """Every topic of fleetleak that it reads or writes."""
        state = () if self.state is None else (self.state,)
        every = (self.input, *self.side, *state, *self.outputs, Names.dead_letter)
        return tuple(topic for topic in every if not topic.foreign)

    def topics(self, kafka: KafkaSettings) -> Topics:
        """Return the full names of its topics."""

        def full(spec: TopicSpec) -> str:
            return spec.under(kafka.topic_prefix, kafka.track)

        return Topics(
            input=full(self.input),
            state=None if self.state is None else full(self.state),
            dead_letter=full(Names.dead_letter),
            side=tuple(map(full, self.side)),
            foreign=self.input.foreign,
        )

    def group(self, kafka: KafkaSettings) -> str:
        """Return its consumer group; for a delivery, what the names of its groups begin with."""
        return f"{owner(kafka.topic_prefix, kafka.track)}-{self.name}"


@dataclass(frozen=True, kw_only=True)
class RoleSpec(Spec):
    """One stateful role.

    Parameters
    ----------
    make
        Returns the role. It imports what is heavy only when it is called.
    """

    make: Callable[[Settings], Role]


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


@dataclass(frozen=True, kw_only=True)
class DeliverySpec(Spec):
    """One delivery.

    Parameters
    ----------
    make
        Returns the delivery, and raises `BadSetting` where it cannot be used. It imports what is optional.
    """

    make: Callable[[Settings], Delivery]
