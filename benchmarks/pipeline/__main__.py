"""`python -m benchmarks.pipeline [--json]`: every figure of docs/benchmarks.md that goes through Kafka."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.common import report
from benchmarks.pipeline import latency, load
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.settings import Settings

SERVICES = 10_000
NAIVE_SERVICES = 400
PARTITIONS = 8


def say(line: str) -> None:
    """Show progress."""
    print(line, file=sys.stderr, flush=True)


class Bench:
    """Runs measured processes on one broker, each with its own topics."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker = broker

    def settings(self) -> Settings:
        """Return settings with a new prefix."""
        settings = Settings()
        settings.kafka.bootstrap_servers = self._broker.bootstrap_servers
        settings.kafka.topic_prefix = f"bench-{uuid.uuid4().hex[:8]}"
        settings.topics.partitions = PARTITIONS
        return settings

    def environment(self, settings: Settings, **more: str) -> dict[str, str]:
        """Return the environment of a child process with these settings."""
        return os.environ | {
            "FLEETLEAK_KAFKA_BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
            "FLEETLEAK_KAFKA_TOPIC_PREFIX": settings.kafka.topic_prefix,
            "FLEETLEAK_TOPICS_PARTITIONS": str(PARTITIONS),
            "FLEETLEAK_LOG_LEVEL": "warning",
            **more,
        }

    def run(self, module: str, *words: str, environment: Mapping[str, str]) -> dict[str, float]:
        """Run a child process that measures; return the figures of its last line."""
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.pipeline.{module}", *words],
            env=dict(environment), stdout=subprocess.PIPE, check=True, timeout=1200,
        )  # fmt: skip
        figures: dict[str, float] = json.loads(done.stdout.decode().splitlines()[-1])
        return figures

    def rates(self, repeats: int, ticks: int) -> dict[str, float]:
        """Measure the processor, the same at least once, the raw limit and the naive loop, in turns."""
        rows: list[dict[str, float]] = []
        for turn in range(repeats):
            settings = self.settings()
            count, size = load.publish(settings, load.snapshots(SERVICES, ticks))
            environment = self.environment(settings)
            say(f"turn {turn + 1} of {repeats}: {count} records, {size / count:.0f} bytes each")
            raw = self.run("raw", str(count), environment=environment)
            once = self.run("worker", "exactly-once", str(count), environment=environment)
            other = self.settings()
            load.publish(other, load.snapshots(SERVICES, ticks))
            least = self.run("worker", "at-least-once", str(count), environment=self.environment(other))
            small = self.settings()
            load.publish(small, load.snapshots(NAIVE_SERVICES, 40))
            naive = self.run("naive", str(NAIVE_SERVICES * 40), environment=self.environment(small))
            rows.append(
                {
                    "records_per_s": once["records_per_s"],
                    "records_per_cpu_s": once["records_per_cpu_s"],
                    "naive_records_per_s": naive["records_per_s"],
                    "naive_ratio": once["records_per_s"] / naive["records_per_s"],
                    "exactly_once_cost": 1 - once["records_per_s"] / least["records_per_s"],
                    "raw_records_per_s": raw["records_per_s"],
                    "input_bytes_per_record": size / count,
                }
            )
            say(f"  {rows[-1]}")
        return {name: statistics.median(row[name] for row in rows) for name in rows[0]}

    def quix(self) -> dict[str, float]:
        """Measure the same job in quix-streams, in its own environment."""
        settings = self.settings()
        count, _ = load.publish(settings, load.snapshots(100, 10))
        script = str(Path(__file__).with_name("quix.py"))
        uv = shutil.which("uv") or ".tools/bin/uv"
        needs = ["--with", "quixstreams==3.28.1", "--with", "river==0.26.1"]
        done = subprocess.run(
            [uv, "run", "--quiet", "--no-project", "--python", sys.executable, *needs, "python", script,
             settings.kafka.bootstrap_servers, settings.kafka.topic_prefix, str(count)],
            stdout=subprocess.PIPE, check=True, timeout=600,
        )  # fmt: skip
        rate = json.loads(done.stdout.decode().splitlines()[-1])["records_per_s"]
        return {"quix_records_per_s": rate}

    def restore(self, repeats: int, ticks: int) -> dict[str, float]:
        """Measure a restart with the same identity after kill -9, and a takeover by another one."""
        settings = self.settings()
        environment = self.environment(
            settings,
            FLEETLEAK_RUNTIME_CHECKPOINT_INTERVAL_SECONDS="3",
            FLEETLEAK_KAFKA_INSTANCE_ID="bench-0",
        )
        count, _ = load.publish(settings, load.snapshots(SERVICES, ticks))
        self.run("worker", "exactly-once", str(count), environment=environment)
        same, other = [], []
        for turn in range(repeats):
            # Ten checkpoint intervals before each kill; the first also catches up with earlier input.
            with self._running(environment):
                for _ in range(10):
                    load.publish(settings, load.snapshots(SERVICES, 1, first_tick=ticks))
                    ticks += 1
                    time.sleep(3.3)
            same.append(self.run("worker", "ready", "0", environment=environment)["ready_s"])
            with self._running(environment):
                # Killed inside a transaction: outputs are sent, the commit is not due yet.
                load.publish(settings, load.snapshots(SERVICES, 1, first_tick=ticks))
                ticks += 1
                time.sleep(0.5)
            times = self.run(
                "worker", "ready", "0", environment=environment | {"FLEETLEAK_KAFKA_INSTANCE_ID": "bench-1"}
            )
            other.append(times["assigned_s"] + times["ready_s"])
            say(
                f"turn {turn + 1} of {repeats}: restored in {same[-1]:.1f} s, taken over in {other[-1]:.1f} s"
            )
        return {"restore_10k_s": statistics.median(same), "takeover_s": statistics.median(other)}

    def restore_behind(self) -> dict[str, float]:
        """Measure a restore that replays as much as by default: 20 snapshots per checkpoint interval."""
        settings = self.settings()
        environment = self.environment(
            settings,
            FLEETLEAK_RUNTIME_CHECKPOINT_INTERVAL_SECONDS="60",
            FLEETLEAK_KAFKA_INSTANCE_ID="bench-0",
        )
        load.publish(settings, load.snapshots(SERVICES, 1))
        with self._running(environment):
            for tick in range(1, 41):
                load.publish(settings, load.snapshots(SERVICES, 1, first_tick=tick))
                time.sleep(2.7)
        return {
            "restore_10k_20_ticks_s": self.run("worker", "ready", "0", environment=environment)["ready_s"]
        }

    @contextlib.contextmanager
    def _running(self, environment: Mapping[str, str]) -> Iterator[None]:
        """Run a processor, wait until it has caught up, and kill it at the end of the block."""
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.pipeline.worker", "forever", "0"], env=dict(environment)
        )
        try:
            time.sleep(10)
            yield
        finally:
            process.kill()
            process.wait()

    def checkpoints(self, ticks: int) -> dict[str, float]:
        """Measure checkpoint bytes over input bytes, both as sent, at the default interval."""
        settings = self.settings()
        count, size = load.publish(settings, load.snapshots(SERVICES, ticks))
        figures = self.run("worker", "exactly-once", str(count), environment=self.environment(settings))
        # The last commit checkpoints every service once, like one interval of 600 s.
        per_interval = size / count * SERVICES * Settings().runtime.checkpoint_interval_seconds / 30.0
        return {
            "checkpoint_bytes_per_service": figures["checkpoint_bytes"] / SERVICES,
            "checkpoint_traffic": figures["checkpoint_bytes"] / per_interval,
        }

    def latency(self) -> dict[str, float]:
        """Measure the time from a snapshot to its alert."""
        settings = self.settings()
        load.publish(settings, iter(()))
        p50, p99, alerts = latency.measure(settings, self.environment(settings))
        return {"alert_latency_p50_s": p50, "alert_latency_p99_s": p99, "alert_latency_alerts": float(alerts)}


PARTS: dict[str, Callable[[Bench, argparse.Namespace], dict[str, float]]] = {
    "rates": lambda bench, given: bench.rates(given.repeats, given.ticks),
    "quix": lambda bench, _: bench.quix(),
    "checkpoints": lambda bench, given: bench.checkpoints(given.ticks),
    "restore": lambda bench, given: bench.restore(given.repeats, given.ticks),
    "restore_behind": lambda bench, _: bench.restore_behind(),
    "latency": lambda bench, _: bench.latency(),
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON, last")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ticks", type=int, default=20, help="snapshots per service; default 20")
    parser.add_argument("--only", choices=list(PARTS))
    arguments = parser.parse_args()
    with EmbeddedBroker(heap_mib=1024, say=say) as broker:
        bench = Bench(broker)
        figures: dict[str, float] = {}
        for name, part in PARTS.items():
            if arguments.only in (None, name):
                say(f"measuring {name}")
                figures |= part(bench, arguments)
    report(figures, arguments.json)


if __name__ == "__main__":
    main()
