"""The stateful runtime of processors and sinks: exactly once, restartable anywhere (docs/guarantees.md)."""

from fleetleak.stream.role import Applied, Key, Output, Record, Rejected, Role
from fleetleak.stream.runtime import Runtime, Topics

__all__ = ["Applied", "Key", "Output", "Record", "Rejected", "Role", "Runtime", "Topics"]
