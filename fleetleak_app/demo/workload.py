"""Two equally busy processes: one leaks, its twin frees everything. Run as a child of the demo.

Both run under a real limit, RLIMIT_DATA, which needs no root. At the limit the leaking one gets a real
MemoryError. The twin has the same limit, so the leak is the only difference.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import resource
import time
from collections import deque

_PR_SET_NAME = 15
CHUNK_BYTES = 256 * 1024
_TWIN_CHUNKS = 64
# Seconds without a leak at the start: real leaks, too, begin in a process that was steady.
WELL_SECONDS = 45.0


def _rename(name: str) -> None:
    """Set the name in /proc, which becomes the name of the service."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())


def work(leak: bool, bytes_per_second: float, limit_bytes: int) -> None:
    """Allocate and fill chunks at a steady rate, and keep the newest few; a leak later keeps all."""
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
    kept: deque[bytearray] = deque(maxlen=_TWIN_CHUNKS)
    started = time.monotonic()
    done = 0
    while True:
        if leak and kept.maxlen is not None and time.monotonic() - started > WELL_SECONDS:
            kept = deque(kept)
        # Write to the memory: memory that was never touched is not in use.
        kept.append(bytearray(b"x") * CHUNK_BYTES)
        done += CHUNK_BYTES
        time.sleep(max(0.0, started + done / bytes_per_second - time.monotonic()))


def main() -> None:
    """Run until killed, or until memory runs out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--leak", action="store_true")
    parser.add_argument("--bytes-per-second", type=float, required=True)
    parser.add_argument("--limit-bytes", type=int, required=True)
    arguments = parser.parse_args()
    _rename(arguments.name)
    with contextlib.suppress(MemoryError):
        work(arguments.leak, arguments.bytes_per_second, arguments.limit_bytes)


if __name__ == "__main__":
    main()
