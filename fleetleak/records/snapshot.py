"""Snapshot: what a producer measured in one instance at one moment."""

from __future__ import annotations

from msgspec import Struct

from fleetleak.records.types import Bytes, Count, Labels, Name, Scope, Seconds, UnixSeconds


class Snapshot(Struct, tag_field="schema", tag="snapshot/1", kw_only=True, omit_defaults=True, gc=False):
    """Memory of one instance of a service at one moment; topic `snapshots`, key `service`.

    A source that does not know a value leaves the field out; it does not write 0.

    Parameters
    ----------
    service
        The service that the instance belongs to; models are kept per service (docs/identity.md).
    instance
        Stays the same over restarts where the platform's name does (pod and container, host and unit); for a
        bare process it is host, pid and start time.
    timestamp
        When it was measured, by the host's clock.
    started
        When this run of the instance began; a new value means a restart.
    total, used
        The memory that the instance can see, and how much of it is used. For a cgroup or process without a
        limit, `total` is the host's.
    available
        What the host can still give without swapping.
    active
        Allocated memory in active use (Active of meminfo, active_anon + active_file of a cgroup).
    limit, limit_name, limit_used
        The limit that applies: of all finite limits the one with the fewest bytes left. Its name
        (`memory.max`, `rlimit_data`, ...), and the bytes that count against it.
    attributed
        The part of this scope's memory that a leak can grow and that belongs to narrower scopes inside it
        with snapshots of their own: their growth is not this scope's growth.
    faults_minor, faults_major, pressure_some, pressure_full, oom_kills
        Counters since the source started; pressure is the stall time in seconds.
    """

    service: Name
    instance: Name
    timestamp: UnixSeconds
    host: Name | None = None
    scope: Scope = "process"
    environment: Name | None = None
    version: Name | None = None
    started: UnixSeconds | None = None
    labels: Labels | None = None

    total: Bytes | None = None
    available: Bytes | None = None
    used: Bytes | None = None
    free: Bytes | None = None
    swap_total: Bytes | None = None
    swap_used: Bytes | None = None
    active: Bytes | None = None
    anon: Bytes | None = None
    file: Bytes | None = None
    shmem: Bytes | None = None
    slab_reclaimable: Bytes | None = None
    slab_unreclaimable: Bytes | None = None
    kernel_stack: Bytes | None = None
    page_tables: Bytes | None = None
    sockets: Bytes | None = None
    working_set: Bytes | None = None
    limit: Bytes | None = None
    limit_name: Name | None = None
    limit_used: Bytes | None = None
    attributed: Bytes | None = None

    faults_minor: Count | None = None
    faults_major: Count | None = None
    pressure_some: Seconds | None = None
    pressure_full: Seconds | None = None
    oom_kills: Count | None = None
    cpu_seconds: Seconds | None = None
