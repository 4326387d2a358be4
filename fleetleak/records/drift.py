"""Drift: a change in the level or the behaviour of a service. A change is not a leak."""

from __future__ import annotations

from msgspec import Struct

from fleetleak.records.types import Name, Offset, PartitionNumber, Scope, UnixSeconds


class Drift(Struct, tag_field="schema", tag="drift/1", kw_only=True, omit_defaults=True, gc=False):
    """A change that a drift detector found; topic `drift`, key `service`.

    `before` is the faded mean of memory as a share of the limit before the change; `after` is the share at
    the change. Growth that may be a leak is not drift. Detectors watch the level (`adwin`, `page_hinkley`)
    and the size of the forecast's error (`page_hinkley_residual`).
    """

    service: Name
    instance: Name
    time: UnixSeconds
    detector: Name
    host: Name | None = None
    scope: Scope = "process"
    version: Name | None = None
    before: float | None = None
    after: float | None = None
    input_partition: PartitionNumber | None = None
    input_offset: Offset | None = None
