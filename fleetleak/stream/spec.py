"""What is registered of a role: how it is named, what it reads and writes, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

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

        def full(spec: TopicSpec) -> str:
            return spec.under(kafka.topic_prefix, kafka.track)

        return Topics(
            input=full(self.input),
            state=None if self.state is None else full(self.state),
            dead_letter=full(Names.dead_letter),
            side=tuple(map(full, self.side)),
        )

    def group(self, kafka: KafkaSettings) -> str:
        """Return its consumer group."""
        return f"{owner(kafka.topic_prefix, kafka.track)}-{self.name}"
