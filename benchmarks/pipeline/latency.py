"""The time from a published snapshot to its readable alert, at a steady rate, with real processes."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.pipeline.load import container
from fleetleak.kafka import client, topics
from fleetleak.records import Alert, Decoder, encode
from fleetleak.settings import Settings

_ALERT = Decoder(Alert)
_STEP_SECONDS = 600.0


def measure(
    settings: Settings, environment: Mapping[str, str], rate: int = 1000, seconds: float = 40.0
) -> tuple[float, float, int]:
    """Return p50 and p99 in seconds, and the number of alerts behind them.

    Every service leaks steadily, with ten minutes of event time per tick, so each gets an alert.
    """
    names = topics.names(settings.kafka.topic_prefix)
    commands = (["processor"], ["sink", "alerting"])
    with contextlib.ExitStack() as stack:
        for words in commands:
            process = subprocess.Popen([sys.executable, "-m", "fleetleak_app", *words], env=dict(environment))
            stack.callback(_end, process)
        time.sleep(12)
        reader = Consumer(client.consumer(settings.kafka, "latency"))
        stack.callback(reader.close)
        partitions = settings.topics.partitions
        reader.assign([TopicPartition(names.alerts, n, 0) for n in range(partitions)])
        delays = sorted(_feed(settings, names.snapshots, reader, rate, seconds))
    if len(delays) < 20:
        raise RuntimeError(f"only {len(delays)} alerts in {seconds:.0f} s: nothing to measure")
    return statistics.median(delays), delays[int(0.99 * (len(delays) - 1))], len(delays)


def _feed(settings: Settings, topic: str, reader: Consumer, rate: int, seconds: float) -> list[float]:
    producer = Producer(client.producer(settings.kafka, **{"linger.ms": 5}))
    sent: dict[tuple[str, float], float] = {}
    delays: list[float] = []
    start, now = time.time() - 86400 * 30, time.perf_counter()
    services = rate // 4
    tick, end = 0, now + seconds
    while time.perf_counter() < end:
        for number in range(services):
            service = f"leaky-{number}"
            # Leaks begin one after the other, so that alerts come all the time.
            age = max(0, tick - number % 60)
            stamp = start + tick * _STEP_SECONDS
            sent[service, stamp] = time.time()
            anon = 2**28 + age * 2**23 + (number * 7919 + tick * 104729) % 2**18
            producer.produce(topic, encode(container(service, stamp, anon)), service)
        producer.poll(0)
        tick += 1
        until = now + tick * 0.25
        while (left := until - time.perf_counter()) > 0:
            for message in reader.consume(100, min(left, 0.02)):
                if message.error() is None:
                    alert = _ALERT.decode(message.value())
                    if alert.state == "firing" and (alert.service, alert.time) in sent:
                        delays.append(time.time() - sent[alert.service, alert.time])
    return delays


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)
