"""One processor as its own process, until it has scored a number of records; prints its costs as JSON.

Run by the benchmark: `python -m benchmarks.pipeline.worker MODE RECORDS [--warm N] [--without-kernels]`, with
settings in the environment. Once the first N records are scored, it prints a line. Then the benchmark makes
the other records visible, and only these are measured.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from fleetleak.kafka import client, topics
from fleetleak.observe import logs, metrics
from fleetleak.observe.garbage import collect_seldom
from fleetleak.settings import Settings, load
from fleetleak.stream import Runtime, Topics
from fleetleak.stream.clients import Makers
from fleetleak.stream.transaction import Transaction
from processors import kernels
from processors.scoring import Scoring

MODES = ("exactly-once", "at-least-once", "ready", "forever")


class AtLeastOnce(Transaction):
    """The same interface without transactions: flush, then commit the offsets."""

    consumer: Consumer

    def __init__(self, _connect: object, *others: Any) -> None:
        super().__init__(lambda _: Producer(client.producer(load().settings.kafka, **_QUEUE)), *others)

    def _init(self) -> None:
        """Prepare no transactions."""

    def begin(self, metadata: Any) -> None:
        self.open = True

    def commit(self, offsets: list[TopicPartition]) -> None:
        self._producer.flush(self._timeout)
        if offsets:
            self.consumer.commit(offsets=offsets, asynchronous=False)
        self.open = False
        self._published, self._notes = {}, []

    def abort(self, reason: str) -> None:
        self.open = False


_QUEUE = {"queue.buffering.max.messages": 1_000_000, "queue.buffering.max.kbytes": 512 * 1024, "linger.ms": 5}


def build(settings: Settings, exactly_once: bool) -> Runtime:
    """Return a processor as its command makes it, or the same with at-least-once delivery."""
    names = topics.names(settings.kafka.topic_prefix)
    makers = Makers() if exactly_once else Makers(_remembered, transaction=AtLeastOnce)
    return Runtime(
        settings,
        Scoring(settings, names.scores),
        Topics(names.snapshots, names.models, names.dead_letter, (names.feedback,)),
        f"{settings.kafka.topic_prefix}-processor",
        makers=makers,
    )


def _remembered(properties: dict[str, Any]) -> Consumer:
    AtLeastOnce.consumer = Consumer(properties)
    return AtLeastOnce.consumer


def _scored() -> float:
    return float(metrics.SCORED._value.get())  # noqa: SLF001 - the counter has no getter


def main() -> None:
    """Run a processor in one of the modes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("records", type=int, nargs="?", default=0)
    parser.add_argument("--warm", type=int, default=0, help="records that come first and are not measured")
    parser.add_argument("--without-kernels", action="store_true")
    arguments = parser.parse_args()
    with kernels.without() if arguments.without_kernels else contextlib.nullcontext():
        _run(arguments.mode, arguments.records, arguments.warm)


def _run(mode: str, wanted: int, warm: int) -> None:
    """Run until the records are scored; with `ready`, until restored; with `forever`, until killed."""
    settings = load().settings
    logs.setup(settings.log.level)
    built = build(settings, mode != "at-least-once")
    stop = threading.Event()
    thread = threading.Thread(target=built.run, args=(stop,), daemon=True)
    collect_seldom()
    thread.start()
    times = _wait_ready(built, settings.topics.partitions)
    if mode == "ready":
        print(json.dumps(times), flush=True)
        stop.set()
        thread.join()
    elif mode == "forever":
        thread.join()
    else:
        print(json.dumps(times | _measure(wanted, warm, stop, thread)), flush=True)


def _wait_ready(built: Runtime, wanted: int) -> dict[str, float]:
    begun = time.perf_counter()
    # Wait for all: a second member gets some before the group notices that the first is gone.
    while len(built.owned()) < wanted:
        time.sleep(0.002)
    assigned, cpu = time.perf_counter(), time.process_time()
    while built.ready() is not None:
        time.sleep(0.002)
    now, used = time.perf_counter(), time.process_time() - cpu
    return {"assigned_s": assigned - begun, "ready_s": now - assigned, "ready_cpu_s": used}


def _wait_scored(wanted: int, thread: threading.Thread) -> None:
    while _scored() < wanted:
        time.sleep(0.005)
        if not thread.is_alive():
            raise SystemExit("the processor ended")


def _measure(wanted: int, warm: int, stop: threading.Event, thread: threading.Thread) -> dict[str, float]:
    """Return the figures of the records after the warm ones.

    The warm records are snapshots of every service, so that the models, rows and identities exist before the
    measured time: a running fleet creates them once. A share of the whole input would not do, because a
    consumer reads one partition after the other, and meets some services only near the end.

    Scores are counted at commits, one per commit interval. So the time begins after the commit of the warm
    records, includes the short wait until the others are visible, and ends at the commit of the last one.

    The last commit checkpoints every service once. It comes after the measured time; only
    `records_per_cpu_s_with_checkpoints` counts it.
    """
    _wait_scored(warm, thread)
    before, cpu, begun = _scored(), time.process_time(), time.perf_counter()
    print(json.dumps({"warm": warm}), flush=True)
    _wait_scored(wanted, thread)
    done = _scored() - before
    wall, used = time.perf_counter() - begun, time.process_time() - cpu
    stop.set()
    thread.join()
    whole = time.process_time() - cpu
    return {
        "records": done,
        "records_per_s": done / wall,
        "records_per_cpu_s": done / used,
        "records_per_cpu_s_with_checkpoints": done / whole,
    }


if __name__ == "__main__":
    main()
