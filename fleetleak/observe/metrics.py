"""All metrics of all roles. docs/metrics.md is generated from this file.

Label values come from fixed sets (collectors, reasons, topics, partitions, methods, the targets of the policy
file), never from the name of a service or an instance. So the cardinality does not grow with the fleet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import REGISTRY as REGISTRY
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client import Counter as Counter
from prometheus_client import Gauge as Gauge
from prometheus_client.metrics_core import Metric

Count = tuple[Counter, *tuple[str, ...]]
"""A counter and its label values."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True)
class Documented:
    """One metric, as docs/metrics.md shows it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    role: str


METRICS: list[Documented] = []


def _document(role: str, kind: str, name: str, text: str, labels: Sequence[str]) -> str:
    full = f"fleetleak_{role}_{name}"
    METRICS.append(
        Documented(full + ("_total" if kind == "counter" else ""), kind, tuple(labels), text, role)
    )
    return full


def _counter(role: str, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    return Counter(_document(role, "counter", name, text, labels), text, labels)


def _gauge(role: str, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    return Gauge(_document(role, "gauge", name, text, labels), text, labels)


def _histogram(role: str, name: str, text: str, labels: Sequence[str] = ()) -> Histogram:
    return Histogram(_document(role, "histogram", name, text, labels), text, labels, buckets=SECONDS)


# Producer.
TICKS = _counter("producer", "ticks", "Samplings of the host.")
LATE_TICKS = _counter("producer", "late_ticks", "Samplings skipped because they could not begin in time.")
COLLECT_SECONDS = _histogram("producer", "collect_seconds", "Time that one collector took.", ["collector"])
COLLECT_ERRORS = _counter("producer", "collect_errors", "Collectors that failed as a whole.", ["collector"])
SKIPPED_SOURCES = _counter(
    "producer",
    "skipped_sources",
    "Files that vanished or cannot be read, and values in them that are malformed or impossible.",
    ["reason"],
)
LEFT_OUT = _counter(
    "producer", "left_out_points", "Points of a Prometheus that are no snapshot or part of one.", ["reason"]
)
PARTIAL_ANSWERS = _counter(
    "producer", "partial_answers", "Answers of which a Prometheus said that they lack something."
)
BUFFERED_RECORDS = _gauge("producer", "buffered_records", "Snapshots that wait for the broker.")
BUFFERED_BYTES = _gauge("producer", "buffered_bytes", "Bytes of the snapshots that wait for the broker.")
DROPPED_RECORDS = _counter(
    "producer", "dropped_records", "Snapshots dropped, oldest first, because the buffer was full."
)
PUBLISHED_RECORDS = _counter("producer", "published_records", "Snapshots acknowledged by the broker.")
PUBLISH_ERRORS = _counter(
    "producer", "publish_errors", "Snapshots lost because the broker refused them or the client failed."
)
INVALID_SNAPSHOTS = _counter(
    "producer", "invalid_snapshots", "Snapshots not sent because they are invalid: no role could read them."
)

# Bridges.
READINGS = _counter("bridge", "readings", "Readings made of records of others.", ["preset"])
UNKNOWN_RECORDS = _counter(
    "bridge", "unknown_records", "Records of others that hold no metric of a preset: nothing is made of them."
)
BRIDGE_LEFT_OUT = _counter(
    "bridge", "left_out_points", "Points of a preset's metrics that are no part of a reading.", ["reason"]
)
ASSEMBLED = _counter("bridge", "snapshots", "Snapshots made of readings.", ["preset"])
NOT_ASSEMBLED = _counter(
    "bridge", "left_out_readings", "Readings that are no part of a snapshot.", ["reason"]
)

# The stateful runtime: bridges, processors and sinks.
RECORDS_IN = _counter("runtime", "records_in", "Input records applied.", ["topic"])
RECORDS_OUT = _counter("runtime", "records_out", "Output records committed.", ["topic"])
RECORDS_REPLAYED = _counter(
    "runtime", "records_replayed", "Records that a replay applied again, without publishing."
)
DEAD_LETTERS = _counter("runtime", "dead_letters", "Records sent to the topic `dead-letter`.", ["reason"])
PARTITIONS_PAUSED = _gauge(
    "runtime", "partitions_paused", "Partitions paused because of a flood of unreadable records."
)
BATCH_SECONDS = _histogram("runtime", "batch_seconds", "Time that the role took to apply one batch.")
COMMIT_SECONDS = _histogram("runtime", "commit_seconds", "Time that the commit of one transaction took.")
COMMITS = _counter("runtime", "commits", "Transactions committed.")
ABORTS = _counter("runtime", "aborts", "Transactions aborted.", ["reason"])
CHECKPOINTS = _counter("runtime", "checkpoints", "Checkpoints written, one per key.")
CHECKPOINT_BYTES = _counter(
    "runtime", "checkpoint_bytes", "Bytes of checkpoints written, before compression."
)
CHECKPOINTS_REFUSED = _counter(
    "runtime",
    "checkpoints_refused",
    "Stored checkpoints that cannot be used; the key starts without state.",
    ["reason"],
)
INPUT_LOST = _counter(
    "runtime", "input_lost_records", "Input records that retention deleted before they were read."
)
INPUT_RESET = _counter(
    "runtime", "input_resets", "Input partitions whose offsets do not fit the stored state.", ["reason"]
)
RESTORES = _counter("runtime", "restores", "Partitions that were restored and became live.")
RESTORE_SECONDS = _histogram(
    "runtime",
    "restore_seconds",
    "Time from the assignment of a partition until it is live, replay included.",
)
REBALANCES = _counter("runtime", "rebalances", "Assignments and revocations.", ["event"])
ASSIGNED = _gauge("runtime", "assigned_partitions", "Input partitions owned.")
LAG = _gauge(
    "runtime",
    "lag_records",
    "Input offsets not yet applied, per owned partition; the marker that ends a transaction counts as one.",
    ["partition"],
)
CONTROLS = _counter("runtime", "controls", "Records of side topics applied.", ["kind", "outcome"])
KEYS = _gauge("runtime", "keys", "Keys with state in memory.")

# Processor.
SCORED = _counter("processor", "scores", "Snapshots scored.")
LATE = _counter("processor", "late", "Snapshots dropped because they are late or duplicates.", ["reason"])
REFUSED = _counter(
    "processor", "refused", "Values that a model refused because they are not finite.", ["model"]
)
RESTARTS = _counter("processor", "instance_restarts", "Restarts of instances that the processor detected.")
KERNELS = _gauge("processor", "kernels", "1 if the compiled kernels run, 0 if numpy does their work, slower.")
DRIFTS = _counter("processor", "drifts", "Changes that a drift detector reported.", ["detector"])
EVICTIONS = _counter(
    "processor", "evictions", "Keys whose state was packed to stay within the memory budget."
)

# Sinks.
TRANSITIONS = _counter("sink", "transitions", "Alert transitions published.", ["state"])
FIRING = _gauge("sink", "firing", "Alerts that are firing now, in the partitions owned.")
DRIFT_EVENTS = _counter("sink", "drift_events", "Drift events published.")
LABELS = _counter("sink", "labels", "Labels applied.", ["verdict"])

# Delivery to targets outside Kafka.
DELIVERIES = _counter(
    "deliver",
    "attempts",
    "Attempts to deliver a record. Outcomes: `delivered`; `known`, `unrouted`, `grouped` (nothing to tell);"
    " `try-again`, `limited`; `never`, `gave-up` (dead letters); `superseded` (a newer one took its place).",
    ["target", "outcome"],
)
WAITING = _gauge(
    "deliver",
    "waiting_seconds",
    "Time since the oldest record that is not delivered came to the topic.",
    ["target"],
)
STORMS = _counter(
    "deliver", "storms", "Storms that began: many alerts with one version, told as one.", ["target"]
)
REPEATS = _counter(
    "deliver", "repeats", "Standing alerts told again, and storms brought up to date.", ["target", "outcome"]
)

# Every role.
LOG_SUPPRESSED = _counter("role", "log_lines_suppressed", "Log lines suppressed to limit their rate.")
READY = _gauge("role", "ready", "1 when `/readyz` answers 200.")
BUILD_INFO = _gauge("role", "build_info", "Always 1; the version is the label.", ["version", "role"])


_ALL = frozenset(metric.role for metric in METRICS)


class _Exposed(CollectorRegistry):
    """The registry of this process, without the metrics of other roles."""

    def __init__(self, families: Collection[str]) -> None:
        super().__init__()
        self._hidden = tuple(f"fleetleak_{name}_" for name in _ALL if name not in families)

    def collect(self) -> Iterator[Metric]:
        """Return the metrics that are served."""
        return (family for family in REGISTRY.collect() if not family.name.startswith(self._hidden))


def exposed(families: Collection[str] | None) -> CollectorRegistry:
    """Return a registry of the metrics of these families (None: all), of `role`, and of the Python process.

    A metric that a role never sets must not be served: its 0 would look like a value.
    """
    return REGISTRY if families is None else _Exposed({*families, "role"})


def add(counts: Mapping[Count, int], levels: Mapping[Gauge, float]) -> None:
    """Increase the counters, each with its label values, and set the gauges."""
    for (counter, *labels), n in counts.items():
        (counter.labels(*labels) if labels else counter).inc(n)
    for gauge, value in levels.items():
        gauge.set(value)


def reference() -> str:
    """Return the table of metrics as Markdown."""
    rows = [
        f"| `{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in m.labels) or '-'} | {m.help} |"
        for m in METRICS
    ]
    head = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"
