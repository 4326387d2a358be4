"""Record the programs beside this file: `python -m tests.recordings.record [--minutes M] [--interval S]`.

Needs gcc and Node. All programs run side by side and are measured by `fleetleak producer` through an embedded
Kafka. Writes snapshots.parquet and cases.json here.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from confluent_kafka.admin import AdminClient
from pyarrow import parquet

from fleetleak.kafka import client, topics
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.kafka.scan import scan
from fleetleak.records import Decoder, Snapshot
from fleetleak.records.codec import to_dict
from fleetleak.settings import Settings
from fleetleak_app.processes import Processes
from tests.recordings.catalogue import PREFIX, PROGRAMS, WELL_SECONDS, build, running

_HERE = Path(__file__).parent
Rows = list[dict[str, Any]]


def record(seconds: float, interval_seconds: float, directory: Path) -> tuple[Rows, dict[str, float]]:
    """Return the snapshots of the programs, and when the leak of each began."""
    settings = Settings()
    settings.topics.partitions = 1
    heap = build(directory)
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker(say=print))
        settings.kafka.bootstrap_servers = broker.bootstrap_servers
        admin = AdminClient(client.common(settings.kafka))
        topics.create(admin, topics.layout(settings.kafka.topic_prefix, settings.topics), 1)
        processes = stack.enter_context(Processes(directory))
        started = stack.enter_context(running(heap))
        processes.start("producer", ["fleetleak_app", "producer"], _producer(settings, interval_seconds))
        _wait(seconds, started, processes)
        processes.end()
        return _rows(settings), {p.name: _onset(started[p.name]) for p in PROGRAMS if p.kind}


def _producer(settings: Settings, interval_seconds: float) -> dict[str, str]:
    return {
        "FLEETLEAK_KAFKA_BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FLEETLEAK_PRODUCER_COLLECTORS": "process",
        "FLEETLEAK_PRODUCER_HOST": "recorder",
        "FLEETLEAK_PRODUCER_INTERVAL_SECONDS": str(interval_seconds),
        "FLEETLEAK_PRODUCER_TOP_PROCESSES": "0",
        "FLEETLEAK_PRODUCER_MATCH": f"^{PREFIX}",
    }


def _wait(seconds: float, started: Mapping[str, subprocess.Popen[str]], processes: Processes) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if processes.ended():
            raise SystemExit(f"the producer ended: {processes.last_words('producer')}")
        running = sum(process.poll() is None for process in started.values())
        print(f"\r{left:4.0f} s left, {running} of {len(started)} programs run", end="", flush=True)
        time.sleep(min(5.0, left))
    print()


def _onset(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    return float(process.stdout.readline())


def _rows(settings: Settings) -> Rows:
    """Read what was published, without what tells of this machine."""
    topic = topics.names(settings.kafka.topic_prefix).snapshots
    decode = Decoder(Snapshot).decode
    rows = [to_dict(decode(message.value())) for message in scan(settings.kafka, topic, 1)]
    for row in rows:
        del row["schema"], row["labels"]
        row["instance"] = f"{row['service']}@recorder"
    services = {program.service for program in PROGRAMS}
    return [row for row in rows if row["service"] in services]


def write(rows: Rows, onsets: Mapping[str, float]) -> None:
    """Write the recording and what is known of it."""
    names = sorted({name for row in rows for name in row})
    table = pa.table({name: [row.get(name) for row in rows] for name in names})
    parquet.write_table(table, _HERE / "snapshots.parquet", compression="zstd", compression_level=19)
    cases = {}
    for program in PROGRAMS:
        times = [row["timestamp"] for row in rows if row["service"] == program.service]
        cases[program.service] = {
            "leaks": program.kind is not None, "kind": program.kind, "onset": onsets.get(program.name),
            "begin": min(times), "end": max(times),
        }  # fmt: skip
    (_HERE / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


def main() -> None:
    """Record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--interval", type=float, default=1.0, metavar="SECONDS")
    arguments = parser.parse_args()
    seconds = 60.0 * arguments.minutes
    if seconds < WELL_SECONDS + 30:
        parser.error(f"--minutes is too small: leaks begin after {WELL_SECONDS / 60:.0f} minutes")
    with tempfile.TemporaryDirectory() as directory:
        rows, onsets = record(seconds, arguments.interval, Path(directory))
    write(rows, onsets)
    print(f"{len(rows)} snapshots, {(_HERE / 'snapshots.parquet').stat().st_size} bytes")


if __name__ == "__main__":
    main()
