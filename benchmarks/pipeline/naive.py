"""The loop that one writes first: poll, json, River objects per service, produce; at least once.

Run by the benchmark: `python -m benchmarks.pipeline.naive RECORDS WARM`. After the first WARM records it
prints a line; only the others are measured, as in the processor. This favours the naive side: it learns
HalfSpaceTrees and SNARIMAX and updates ADWIN, without calibration, trend, forecast and state.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from confluent_kafka import Consumer, Producer
from river import anomaly, drift, time_series

from fleetleak.kafka import client, topics
from fleetleak.observe.garbage import collect_seldom
from fleetleak.settings import load


class Service:
    """The models of one service."""

    def __init__(self) -> None:
        self.trees = anomaly.HalfSpaceTrees(n_trees=10, height=8, window_size=250, seed=1)
        self.forecast = time_series.SNARIMAX(p=3, d=1, q=2)
        self.drift = drift.ADWIN()
        self.last = 0.0

    def score(self, snapshot: dict[str, Any]) -> dict[str, Any]:
        """Score and learn one snapshot."""
        share = snapshot["anon"] / snapshot["limit"]
        x = {
            "limit_used": snapshot["limit_used"] / snapshot["limit"],
            "share": share,
            "step": 0.5 + share - self.last,
        }
        odd = self.trees.score_one(x)
        self.trees.learn_one(x)
        ahead = self.forecast.forecast(horizon=1)[0]
        self.forecast.learn_one(share)
        self.drift.update(share)
        self.last = share
        return {
            "service": snapshot["service"], "instance": snapshot["instance"], "time": snapshot["timestamp"],
            "trees": odd, "error": share - ahead, "drift": self.drift.drift_detected,
        }  # fmt: skip


def main() -> None:
    """Score the given number of records, and print the rate as JSON."""
    wanted, warm = int(sys.argv[1]), int(sys.argv[2])
    settings = load().settings
    names = topics.names(settings.kafka.topic_prefix)
    config = client.consumer(
        settings.kafka, f"{settings.kafka.topic_prefix}-naive", **{"enable.auto.commit": True}
    )
    consumer = Consumer(config | {"enable.auto.offset.store": True})
    consumer.subscribe([names.snapshots])
    producer = Producer(client.producer(settings.kafka))
    services: dict[str, Service] = {}
    collect_seldom()
    done, begun, cpu = 0, 0.0, 0.0
    while done < wanted:
        message = consumer.poll(1.0)
        if message is None or message.error() is not None:
            continue
        snapshot = json.loads(message.value() or b"{}")
        name = snapshot["service"]
        if name not in services:
            services[name] = Service()
        producer.produce(names.scores, json.dumps(services[name].score(snapshot)), name)
        producer.poll(0)
        done += 1
        if done == warm:
            print(json.dumps({"warm": warm}), flush=True)
            begun, cpu = time.perf_counter(), time.process_time()
    producer.flush()
    measured = wanted - warm
    wall, used = time.perf_counter() - begun, time.process_time() - cpu
    print(
        json.dumps(
            {
                "records_per_s": measured / wall,
                "records_per_cpu_s": measured / used,
                "services": len(services),
            }
        )
    )
    consumer.close()


if __name__ == "__main__":
    main()
