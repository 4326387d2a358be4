"""The cost of a bridge: OpenTelemetry's messages to snapshots, beside decoding them alone. See `ingest.py`.

A message has what `kubelet_stats` collects of one node, with the attributes of `k8s_attributes`; every fourth
is followed by limits and restarts. Both roles run in memory, and what they publish to each other is encoded
and decoded as through Kafka. Decoding alone is measured in two ways: by `MessageToDict` of the library, and
by a loop that reads every attribute, name, time and value, and does nothing with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.protobuf.json_format import MessageToDict, MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

from benchmarks.common import Figures, seconds
from fleetleak.stream import Record
from producers.bridge.assemble import Assemble
from producers.bridge.decode import Decode

COLLECTIONS, NODES, CONTAINERS = 40, 4, 50
SECONDS = 30
BEGIN = 1_700_000_000
LATER = 1_800_000_000.0
GAUGES = ("working_set", "rss", "usage", "available", "page_faults", "major_page_faults")


def resource(node: int, pod: int) -> ResourceMetrics:
    """Return one container, without points."""
    made = ResourceMetrics()
    attributes = {
        "k8s.pod.uid": f"7f0c5a52-5a0e-4c6e-9a4d-{node:04d}{pod:08d}",
        "k8s.pod.name": f"service{pod:03d}-7d9f8c6b5-x{node}x4z", "k8s.namespace.name": "shop",
        "k8s.container.name": "app", "k8s.node.name": f"node-{node}",
        "k8s.deployment.name": f"service{pod:03d}", "container.image.name": "registry/app",
        "container.image.tag": "1.0", "k8s.cluster.name": "eu",
    }  # fmt: skip
    for name, value in attributes.items():
        made.resource.attributes.add(key=name).value.string_value = value
    made.scope_metrics.add()
    return made


def measured(node: int, pod: int, time: int) -> ResourceMetrics:
    """Return what the kubelet tells of a container at one time."""
    made = resource(node, pod)
    metrics = made.scope_metrics[0].metrics
    memory = (200 << 20) + pod * 4096 + (time - BEGIN) * 17
    for number, name in enumerate(GAUGES):
        metrics.add(name=f"container.memory.{name}").gauge.data_points.add(
            time_unix_nano=time * 10**9, start_time_unix_nano=BEGIN * 10**9, as_int=memory + number
        )
    metrics.add(name="container.cpu.time").sum.data_points.add(
        time_unix_nano=time * 10**9, start_time_unix_nano=BEGIN * 10**9, as_double=time - BEGIN
    )
    return made


def told(node: int, pod: int, time: int) -> ResourceMetrics:
    """Return what the cluster tells of a container."""
    made = resource(node, pod)
    for name, value in (("memory_limit", 1 << 30), ("restarts", 0)):
        made.scope_metrics[0].metrics.add(name=f"k8s.container.{name}").gauge.data_points.add(
            time_unix_nano=time * 10**9, as_int=value
        )
    return made


def messages() -> Iterator[ExportMetricsServiceRequest]:
    """Yield what a Collector writes."""
    for number in range(COLLECTIONS):
        time = BEGIN + 3600 + SECONDS * number
        for node in range(NODES):
            for make in (measured, told) if number % 4 == 0 else (measured,):
                every = (make(node, pod, time) for pod in range(CONTAINERS))
                yield ExportMetricsServiceRequest(resource_metrics=every)


def to_dicts(values: Sequence[bytes]) -> None:
    """Decode by what the library has for it."""
    for value in values:
        MessageToDict(ExportMetricsServiceRequest.FromString(value))


def decode_alone(values: Sequence[bytes]) -> None:
    """Read every value."""
    for value in values:
        for one in ExportMetricsServiceRequest.FromString(value).resource_metrics:
            _ = {attribute.key: attribute.value.string_value for attribute in one.resource.attributes}
            for scope in one.scope_metrics:
                for metric in scope.metrics:
                    for point in getattr(metric, str(metric.WhichOneof("data"))).data_points:
                        _ = (
                            metric.name, point.time_unix_nano, point.start_time_unix_nano,
                            point.as_int or point.as_double, point.flags,
                        )  # fmt: skip


def bridged(values: Sequence[bytes]) -> tuple[int, Assemble]:
    """Make snapshots; return their number, and the role with its state."""
    decode, assemble = Decode("otlp", "readings"), Assemble("snapshots", "readings", 15.0, 300.0)
    made = offset = 0
    for begin in range(0, len(values), 10):
        piece = values[begin : begin + 10]
        waiting = decode.apply(
            [Record(0, n, None, value, LATER, LATER) for n, value in enumerate(piece)]
        ).outputs
        while waiting:
            records = [Record(0, offset + n, o.key, o.value, LATER, LATER) for n, o in enumerate(waiting)]
            offset += len(records)
            outputs = assemble.apply(records).outputs
            made += sum(output.topic == "snapshots" for output in outputs)
            waiting = [output for output in outputs if output.topic == "readings"]
    return made, assemble


def turn() -> Figures:
    """Measure once."""
    every = list(messages())
    values = [message.SerializeToString() for message in every]
    as_json = [MessageToJson(message, indent=None).encode() for message in every]
    made, role = bridged(values)
    containers = NODES * CONTAINERS
    if made != containers * (COLLECTIONS - 1):
        raise RuntimeError(f"{made} snapshots of {containers * COLLECTIONS}")
    whole, alone = seconds(lambda: bridged(values)), seconds(lambda: decode_alone(values))
    dicts = seconds(lambda: to_dicts(values))
    states = role.dump([key for key, _ in role.items(0) if key.name.startswith(b"eu/pod")])
    return {
        "bridge_snapshots_per_cpu_s": made / whole,
        "bridge_us_per_snapshot": 1e6 * whole / made,
        "bridge_ratio": alone / whole,
        "bridge_ratio_to_message_to_dict": dicts / whole,
        "bridge_decode_alone_us_per_snapshot": 1e6 * alone / made,
        "bridge_parse_us_per_snapshot": 1e6
        * seconds(lambda: [ExportMetricsServiceRequest.FromString(value) for value in values])
        / made,
        "bridge_json_us_per_snapshot": 1e6 * seconds(lambda: bridged(as_json)) / made,
        "bridge_state_bytes_per_container": sum(len(state or b"") for state in states) / max(1, len(states)),
    }
