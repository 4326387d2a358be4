"""Every way in which a stateful role gives up, and what happens then."""

from __future__ import annotations


class Aborted(RuntimeError):
    """The transaction was aborted. The runtime restores what was applied since the last commit."""


class Fenced(RuntimeError):
    """Another process took over this producer's identity, or the producer is broken. The process must end."""


class Stalled(RuntimeError):
    """There was no progress for too long. The process must end; a new one may succeed."""


class Refused(RuntimeError):
    """Input and stored state do not fit. A person must decide; the message says what to do."""


class TooMuchPoison(RuntimeError):
    """So many records make the role fail that the role itself must be broken."""


class BadCheckpoint(ValueError):
    """A stored checkpoint that is not used.

    Parameters
    ----------
    reason
        A short word for the metric.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
