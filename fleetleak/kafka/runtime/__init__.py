"""The stateful runtime of processors and sinks: exactly once, restartable anywhere (docs/guarantees.md)."""

from fleetleak.kafka.runtime.role import Applied, Key, Output, Record, Rejected, Role
from fleetleak.kafka.runtime.runtime import Runtime, Topics

__all__ = ["Applied", "Key", "Output", "Record", "Rejected", "Role", "Runtime", "Topics"]
