"""Record what a real Collector puts on its topic: `python -m tests.collector.record [NAME ...]`.

Writes `recorded/`, which tests read with `tests.collector.fixtures`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from fleetleak.kafka.broker import EmbeddedBroker
from tests.collector.fixtures import RECORDED, write
from tests.collector.running import Export, collected
from tests.collector.sources import SOURCES

COLLECTIONS = 3
RECORDINGS = {
    **{
        f"{source}-{encoding}": (source, Export(f"otlp_{encoding}"))
        for source in SOURCES
        for encoding in ("proto", "json")
    },
    # As it comes where partition_metrics_by_resource_attributes is left at false.
    "host_metrics-unkeyed": ("host_metrics", Export(keyed=False)),
}
"""What is recorded of each source, by the name of its file."""


def main(names: list[str]) -> None:
    """Record some, or all."""
    RECORDED.mkdir(exist_ok=True)
    with EmbeddedBroker(say=print) as broker:
        for name in names or RECORDINGS:
            source, export = RECORDINGS[name]
            with tempfile.TemporaryDirectory() as folder:
                found = collected(
                    SOURCES[source], broker.bootstrap_servers, Path(folder), COLLECTIONS, export
                )
            write(RECORDED / f"{name}.otlp", found)
            print(f"{name}: {len(found)} messages, {sum(len(value) for _, value in found)} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
