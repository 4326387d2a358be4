"""The limit: consume, decode with orjson, and produce the same bytes, in the same batches.

Run by the benchmark: `python -m benchmarks.pipeline.raw RECORDS`.
"""

from __future__ import annotations

import json
import sys
import time

import orjson
from confluent_kafka import Consumer, Producer

from fleetleak.kafka import client, topics
from fleetleak.observe.garbage import collect_seldom
from fleetleak.settings import load


def main() -> None:
    """Pass on the given number of records, and print the rate as JSON."""
    wanted = int(sys.argv[1])
    settings = load().settings
    names = topics.names(settings.kafka.topic_prefix)
    consumer = Consumer(client.consumer(settings.kafka, f"{settings.kafka.topic_prefix}-raw"))
    consumer.subscribe([names.snapshots])
    producer = Producer(client.producer(settings.kafka, **{"queue.buffering.max.messages": 1_000_000}))
    collect_seldom()
    done, begun, cpu = 0, 0.0, 0.0
    while done < wanted:
        messages = [m for m in consumer.consume(5000, 0.05) if m.error() is None]
        if not begun and messages:
            begun, cpu = time.perf_counter(), time.process_time()
        for message in messages:
            orjson.loads(message.value() or b"")
        producer.produce_batch(names.scores, [{"key": m.key(), "value": m.value()} for m in messages])
        producer.poll(0)
        done += len(messages)
    producer.flush()
    wall, used = time.perf_counter() - begun, time.process_time() - cpu
    print(json.dumps({"records_per_s": done / wall, "records_per_cpu_s": done / used}))
    consumer.close()


if __name__ == "__main__":
    main()
