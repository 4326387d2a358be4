"""`python -m benchmarks.pipeline [--json]`: every figure of docs/benchmarks.md that goes through Kafka.

Figures are medians over turns. A turn measures one part after the other; ratios are from within one turn.
Processor time is of the whole process, with librdkafka's threads.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Producer

from benchmarks.common import load_average, medians, report, say
from benchmarks.pipeline import child, latency, load
from fleetleak.kafka.broker import EmbeddedBroker
from fleetleak.kafka.topics import names
from fleetleak.settings import Settings

SERVICES = 10_000
NAIVE_SERVICES = 400
PARTITIONS = 8
# Snapshots of every service before the measured ones, so that all models, rows and identities exist.
WARM_TICKS = 4


class WarmInput(NamedTuple):
    """Published input of one measured process.

    Readers see the records after the warm ones once `producer` commits.
    `warm` is the number of warm records, `total` of all; `size` is the bytes of all.
    """

    environment: dict[str, str]
    producer: Producer
    warm: int
    total: int
    size: int


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

    def _input(self, services: int, ticks: int) -> tuple[dict[str, str], int, int]:
        """Publish input to new topics; return the environment of its readers, its records and its bytes."""
        settings = self.settings()
        count, size = load.publish(settings, load.snapshots(services, ticks))
        return self.environment(settings), count, size

    def _warm_input(self, services: int, ticks: int) -> WarmInput:
        """Publish the warm ticks to new topics, and the ticks to measure in a transaction that stays open."""
        settings = self.settings()
        warm, warm_size = load.publish(settings, load.snapshots(services, WARM_TICKS))
        measured = load.snapshots(services, ticks, first_tick=WARM_TICKS)
        producer, count, size = load.publish_uncommitted(settings, measured)
        return WarmInput(self.environment(settings), producer, warm, warm + count, warm_size + size)

    def _worker(self, source: WarmInput, mode: str, *options: str) -> dict[str, float]:
        """Run a processor that measures on this input; commit the input once the processor is warm."""
        return child.run(
            "worker", mode, str(source.total), "--warm", str(source.warm), *options,
            environment=source.environment, warmed=source.producer.commit_transaction,
        )  # fmt: skip

    def rates(self, ticks: int) -> dict[str, float]:
        """Measure the processor - whole, without kernels, at least once - the raw limit and the naive loop.

        The processor and the naive loop are warm: they have scored WARM_TICKS snapshots of every service.
        Each has input of its own, because the transaction with the measured records is committed only once.
        """
        source = self._warm_input(SERVICES, ticks)
        say(f"{source.total} records, {source.size / source.total:.0f} bytes each")
        ours = self._worker(source, "exactly-once")
        raw = child.run("raw", str(source.total), environment=source.environment)
        without = self._worker(self._warm_input(SERVICES, ticks), "exactly-once", "--without-kernels")
        least = self._worker(self._warm_input(SERVICES, ticks), "at-least-once")
        few = self._warm_input(NAIVE_SERVICES, 2 * ticks)
        naive = child.run(
            "naive", str(few.total), str(few.warm),
            environment=few.environment, warmed=few.producer.commit_transaction,
        )  # fmt: skip
        wall, cpu = "records_per_s", "records_per_cpu_s"
        checkpoints = "records_per_cpu_s_with_checkpoints"
        return {
            wall: ours[wall],
            cpu: ours[cpu],
            checkpoints: ours[checkpoints],
            f"{wall}_without_kernels": without[wall],
            f"{cpu}_without_kernels": without[cpu],
            f"raw_{wall}": raw[wall],
            f"raw_{cpu}": raw[cpu],
            "raw_ratio": ours[cpu] / raw[cpu],
            "raw_ratio_with_checkpoints": ours[checkpoints] / raw[cpu],
            "raw_ratio_without_kernels": without[cpu] / raw[cpu],
            f"naive_{wall}": naive[wall],
            f"naive_{cpu}": naive[cpu],
            "naive_ratio": ours[wall] / naive[wall],
            "naive_cpu_ratio": ours[cpu] / naive[cpu],
            "exactly_once_cost": 1 - ours[wall] / least[wall],
            "exactly_once_cpu_cost": 1 - ours[cpu] / least[cpu],
            "input_bytes_per_record": source.size / source.total,
        }

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

    def restore(self, ticks: int) -> dict[str, float]:
        """Measure a restart with the same identity after kill -9, and a takeover by another one."""
        settings = self.settings()
        environment = self.environment(
            settings,
            FLEETLEAK_RUNTIME_CHECKPOINT_INTERVAL_SECONDS="3",
            FLEETLEAK_KAFKA_INSTANCE_ID="bench-0",
        )
        count, _ = load.publish(settings, load.snapshots(SERVICES, ticks))
        child.run("worker", "exactly-once", str(count), environment=environment)
        # Ten checkpoint intervals before the kill.
        with self._running(environment):
            for tick in range(ticks, ticks + 10):
                load.publish(settings, load.snapshots(SERVICES, 1, first_tick=tick))
                time.sleep(3.3)
        same = child.run("worker", "ready", environment=environment)
        with self._running(environment):
            # Killed inside a transaction: outputs are sent, the commit is not due yet.
            load.publish(settings, load.snapshots(SERVICES, 1, first_tick=ticks + 10))
            time.sleep(0.5)
        other = child.run(
            "worker", "ready", environment=environment | {"FLEETLEAK_KAFKA_INSTANCE_ID": "bench-1"}
        )
        return {
            "restore_10k_s": same["ready_s"],
            "restore_10k_cpu_s": same["ready_cpu_s"],
            "takeover_s": other["assigned_s"] + other["ready_s"],
        }

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
        figures = child.run("worker", "ready", environment=environment)
        return {
            "restore_10k_20_ticks_s": figures["ready_s"],
            "restore_10k_20_ticks_cpu_s": figures["ready_cpu_s"],
        }

    @contextlib.contextmanager
    def _running(self, environment: Mapping[str, str]) -> Iterator[None]:
        """Run a processor, wait until it has caught up, and kill it at the end of the block."""
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.pipeline.worker", "forever"], env=dict(environment)
        )
        try:
            time.sleep(10)
            yield
        finally:
            process.kill()
            process.wait()

    def checkpoints(self, ticks: int) -> dict[str, float]:
        """Measure checkpoint bytes as stored over input bytes before compression, at the default interval."""
        environment, count, size = self._input(SERVICES, ticks)
        child.run("worker", "exactly-once", str(count), environment=environment)
        stored_bytes = self._stored_bytes(names(environment["FLEETLEAK_KAFKA_TOPIC_PREFIX"]).models)
        # The last commit checkpoints every service once, like one interval of 600 s.
        per_interval = size / count * SERVICES * Settings().runtime.checkpoint_interval_seconds / 30.0
        return {
            "checkpoint_bytes_per_service": stored_bytes / SERVICES,
            "checkpoint_traffic": stored_bytes / per_interval,
        }

    def _stored_bytes(self, topic: str) -> int:
        return sum(file.stat().st_size for file in self._broker.directory.rglob(f"{topic}-*/*.log"))

    def latency(self) -> dict[str, float]:
        """Measure the time from a snapshot to its alert."""
        settings = self.settings()
        load.publish(settings, iter(()))
        p50, p99, alerts = latency.measure(settings, self.environment(settings))
        return {"alert_latency_p50_s": p50, "alert_latency_p99_s": p99, "alert_latency_alerts": float(alerts)}


class Part(NamedTuple):
    """What one turn measures; `once`: only in the first turn."""

    measure: Callable[[Bench, int], dict[str, float]]
    once: bool = False


PARTS = {
    "rates": Part(Bench.rates),
    "restore": Part(Bench.restore),
    "restore_behind": Part(lambda bench, _: bench.restore_behind()),
    "quix": Part(lambda bench, _: bench.quix(), once=True),
    "checkpoints": Part(Bench.checkpoints, once=True),
    "latency": Part(lambda bench, _: bench.latency(), once=True),
}


def measure(names: Sequence[str], turns: int, ticks: int) -> dict[str, float | dict[str, float]]:
    """Measure these parts on a new broker, in turns."""
    before, rows = load_average(), []
    with EmbeddedBroker(heap_mib=1024, say=say) as broker:
        bench = Bench(broker)
        for turn in range(turns):
            for name in names:
                if turn and PARTS[name].once:
                    continue
                say(f"turn {turn + 1} of {turns}: measuring {name}")
                rows.append(PARTS[name].measure(bench, ticks))
                say(f"  {rows[-1]}")
    return medians(rows) | {"turns": turns, "load_before": before, "load_after": load_average()}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON, last")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--ticks", type=int, default=20, help="measured snapshots per service; default 20")
    parser.add_argument("--only", choices=list(PARTS), nargs="+", metavar="PART", help=", ".join(PARTS))
    arguments = parser.parse_args()
    report(measure(arguments.only or list(PARTS), arguments.turns, arguments.ticks), arguments.json)


if __name__ == "__main__":
    main()
