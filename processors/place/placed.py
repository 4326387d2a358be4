"""Placed snapshots: columns with the rows of each snapshot, and what changed since the one before."""

from __future__ import annotations

from dataclasses import dataclass

from processors.columns import Flags, Floats, Rows
from processors.decode.sizes import Sizes
from processors.decode.snapshots import Ints, Snapshots


@dataclass(frozen=True)
class Placed:
    """Admitted snapshots in input order, as columns of shape `(B,)`.

    Parameters
    ----------
    snapshots
        What was published.
    identities
        Numbers of their identities (identities.py).
    services, instances
        Rows of their services and instances.
    sizes
        Sizes in bytes.
    gap
        Seconds since the snapshot before; 0 for the first one.
    restarted
        Whether the start time says that the run is new.
    units
        Bytes of a share of 1 in the learned models (`instances.Instances.unit`).
    load, faults
        Processor seconds and page faults per second since the snapshot before; NaN where unknown.
    stalled
        Share of that time in which tasks waited for memory; 0 where unknown.
    """

    snapshots: Snapshots
    identities: Ints
    services: Rows
    instances: Rows
    sizes: Sizes
    gap: Floats
    restarted: Flags
    units: Ints
    load: Floats
    faults: Floats
    stalled: Floats

    def __len__(self) -> int:
        return len(self.identities)

    @property
    def time(self) -> Floats:
        """Event times, unix seconds."""
        return self.snapshots.real("timestamp")

    @property
    def started(self) -> Floats:
        """Start times of the runs, unix seconds; NaN where unknown."""
        return self.snapshots.real("started")

    def take(self, places: Rows) -> Placed:
        """Return the snapshots at these places."""
        return Placed(*(getattr(self, name).take(places) for name in self.__dataclass_fields__))
