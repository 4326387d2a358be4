"""Snapshot: what a producer measured of one instance at one moment."""

from __future__ import annotations

from msgspec import Struct

from fleetleak.records.types import Bytes, Count, Labels, Name, Scope, Seconds, UnixSeconds


class Snapshot(Struct, tag_field="schema", tag="snapshot/1", kw_only=True, omit_defaults=True, gc=False):
    """Memory of one instance of a service at one moment; topic `snapshots`, key `service`.

    Absent is absent: a source that does not know a value leaves the field out, never writes 0.

    Parameters
    ----------
    service
        What the instance is one of; models are kept per service (docs/identity.md).
    instance
        Survives restarts where the platform does (pod and container, host and unit); for a bare
        process it is host, pid and start time.
    timestamp
        When it was measured, by the host's clock.
    started
        When this run of the instance started; a change of it is a restart.
    total, used
        The memory the instance can see and what it uses of it. For a cgroup or process without a limit,
        `total` is the host's.
    available
        What the host can still give without swapping.
    active
        Allocated memory in active use (Active of meminfo, active_anon + active_file of a cgroup).
    limit, limit_name, limit_used
        The smallest finite limit that applies, its name (`memory.max`, `rlimit_data`, ...), and the bytes
        that count against it.
    attributed
        Anonymous and swapped bytes of narrower scopes inside this one which are published on their own:
        growth of theirs is not growth of this scope's own.
    faults_minor, faults_major, pressure_some, pressure_full, oom_kills
        Counters since the source started; pressure in seconds of stall.
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
