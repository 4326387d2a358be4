"""The stateful runtime: exactly once, restartable anywhere (docs/guarantees.md).

A part is a `Role`; most are written on `Keyed`. `Runtime` runs one on Kafka.
"""

from fleetleak.stream.role import Applied, Key, Output, Record, Rejected, Role, Topics
from fleetleak.stream.runtime import Runtime

__all__ = ["Applied", "Key", "Output", "Record", "Rejected", "Role", "Runtime", "Topics"]
