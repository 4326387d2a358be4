"""The active track of each partition: its alerts go to the topic `alerts` (docs/tracks.md)."""

from __future__ import annotations

from fleetleak.kafka.topics import MAIN


class ActiveTracks:
    """The active track of each partition; `main` until another one is promoted."""

    def __init__(self) -> None:
        self._tracks: dict[int, str] = {}

    def of(self, partition: int) -> str:
        """Return the active track of a partition."""
        return self._tracks.get(partition, MAIN)

    def promote(self, partition: int, track: str) -> None:
        """Make a track the active one."""
        self._tracks[partition] = track

    def dump(self, partition: int) -> bytes | None:
        """Return the exact state of a partition; None if nothing was promoted there."""
        return self._tracks[partition].encode() if partition in self._tracks else None

    def load(self, partition: int, state: bytes) -> None:
        """Restore the state of a partition."""
        self._tracks[partition] = state.decode()

    def drop(self, partition: int) -> None:
        """Forget a partition."""
        self._tracks.pop(partition, None)
