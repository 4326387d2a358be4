"""Reading: what a record of others says of one thing at one time; readings become snapshots."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fleetleak.records.types import Labels, Name, UnixSeconds

MOST_FIELDS = 64

Says = Literal["measured", "joined", "named", "inside"]
"""What a reading is for: memory of an instance; what another source tells of an instance, such as its limit;
names; or the memory of an instance inside a host."""


class Reading(Struct, tag_field="schema", tag="reading/1", kw_only=True, omit_defaults=True, gc=False):
    """Some values of one thing at one time; topic `readings`, key `thing`.

    Sources tell of one instance in several records: its memory in one, its limit in another. All of them have
    the same `thing`, so that one process puts them together.

    Parameters
    ----------
    thing
        What is measured, by a name that every source knows: a pod, a host, a container, a process.
    part
        The container of a pod; of a host, the instance inside it.
    says
        What the reading is for.
    preset
        The preset that knows what the values mean (docs/sources.md).
    time
        When it was measured, by the source's clock.
    fields
        Values in bytes, seconds or counts, by field of a snapshot or of the preset.
    names
        The labels that name the instance.
    """

    thing: Name
    part: Annotated[str, Meta(max_length=256)] = ""
    says: Says = "measured"
    preset: Name
    time: UnixSeconds
    fields: Annotated[dict[Name, float], Meta(max_length=MOST_FIELDS)] = {}
    names: Labels = {}
