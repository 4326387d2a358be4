"""The first two steps of the scoring role, decode and place, as the role goes through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fleetleak.stream import Applied, Record, Rejected
from fleetleak.stream.records import Records
from processors.decode.decoder import SnapshotDecoder
from processors.place.placed import Placed
from processors.place.placing import Placing
from processors.place.services import Services
from tests.processors.odd_streams import FUTURE


class Front:
    """A decoder and a placing with their services; the rows have no models.

    Attributes
    ----------
    services
        What was met.
    rejected, applied
        What came of all batches so far.
    """

    def __init__(self, forget_seconds: float) -> None:
        self.services = Services({}, {}, 1e12, forget_seconds)
        self.rejected: list[Rejected] = []
        self.applied = Applied()
        self._decoder = SnapshotDecoder(self.services.identities, FUTURE)
        self._placing = Placing(self.services)

    def place(self, batch: Sequence[Record]) -> Iterator[Placed]:
        """Yield the placed snapshots of a batch, piece by piece; each is to be used before the next one."""
        self.services.identities.trim()
        left = Records.of(batch)
        while len(left):
            placed, left = self._placing.place(self._decoder.decode(left, self.rejected), self.applied)
            yield placed
