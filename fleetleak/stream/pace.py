"""When to commit, how many checkpoints are due, and when a process that only aborts must end."""

from __future__ import annotations

from collections.abc import Callable

from fleetleak.settings.tree import RuntimeSettings
from fleetleak.stream.errors import Aborted, Stalled


class Pace:
    """Follows the commits and aborts of one process.

    Parameters
    ----------
    away
        Returns whether Kafka is away: then aborts are no sign of a fault.
    clock
        Monotonic seconds.
    """

    def __init__(
        self, settings: RuntimeSettings, away: Callable[[], bool], clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._away = away
        self._clock = clock
        self._committed_at = clock()
        # Time of the first abort since the last commit; 0 if there was none.
        self._fruitless_since = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to commit."""
        return self._clock() - self._committed_at >= self._settings.commit_interval_seconds

    @property
    def share(self) -> float:
        """Share of the checkpoint interval that has passed since the last commit: so many keys are due."""
        return (self._clock() - self._committed_at) / self._settings.checkpoint_interval_seconds

    def commits(self) -> None:
        """Note that a commit begins."""
        self._committed_at = self._clock()

    def committed(self) -> None:
        """Note that it succeeded."""
        self._fruitless_since = 0.0

    def aborted(self, error: Aborted) -> None:
        """Note an aborted transaction.

        Raises
        ------
        Stalled
            If this process has done nothing but abort for too long: another one may succeed.
        """
        now = self._clock()
        if self._away():
            self._fruitless_since = now
        self._fruitless_since = self._fruitless_since or now
        if now - self._fruitless_since > self._settings.stall_seconds:
            raise Stalled(f"nothing but aborted transactions: {error}")
