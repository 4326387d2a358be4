"""Every setting: its name, default, range and meaning. docs/settings.md is generated from this file."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field


def _about(text: str, ge: float, le: float | None = None) -> Meta:
    return Meta(description=text, ge=ge, le=le)


class KafkaSettings(Struct, forbid_unknown_fields=True):
    """The cluster everything runs on."""

    bootstrap_servers: Annotated[str, Meta(min_length=1, description="Brokers, as host:port,host:port.")] = (
        "127.0.0.1:9092"
    )
    topic_prefix: Annotated[
        str, Meta(pattern=r"\A[A-Za-z0-9_-]+\Z", description="What all topic and group names begin with.")
    ] = "fleetleak"
    track: Annotated[
        str,
        Meta(
            pattern=r"\A[a-z0-9][a-z0-9-]{0,31}\Z",
            description="Which of several sets of settings on one stream this is; see docs/tracks.md.",
        ),
    ] = "main"
    instance_id: Annotated[
        str | None,
        Meta(
            description="A name this process keeps over restarts (StatefulSet pod name): static membership."
        ),
    ] = None
    group_protocol: Annotated[
        Literal["classic", "consumer"], Meta(description="Consumer group protocol; `consumer` is KIP-848.")
    ] = "classic"
    properties: Annotated[
        dict[str, str],
        Meta(description="Any librdkafka property, as name=value: SASL, TLS, and the rest."),
    ] = field(default_factory=dict)


class TopicSettings(Struct, forbid_unknown_fields=True):
    """How `fleetleak topics create` lays the topics out."""

    partitions: Annotated[
        int, _about("Partitions of snapshots, scores, models and feedback.", ge=1, le=4096)
    ] = 8
    replication_factor: Annotated[int, _about("Copies of each partition.", ge=1, le=9)] = 1
    reading_hours: Annotated[
        float, _about("How long readings of bridges are kept, hours.", ge=0.05, le=8760)
    ] = 24.0
    snapshot_hours: Annotated[float, _about("How long snapshots are kept, hours.", ge=0.05, le=8760)] = 72.0
    score_hours: Annotated[float, _about("How long scores are kept, hours.", ge=0.05, le=8760)] = 192.0
    alert_hours: Annotated[
        float, _about("How long alerts, drift and labels are kept, hours.", ge=1, le=87600)
    ] = 8760.0


class ProducerSettings(Struct, forbid_unknown_fields=True):
    """The agent on each host."""

    interval_seconds: Annotated[float, _about("Time between snapshots, seconds.", ge=0.1, le=3600)] = 30.0
    host: Annotated[str | None, Meta(description="This host's name; by default the system's.")] = None
    environment: Annotated[str | None, Meta(description="Written into every snapshot, such as prod.")] = None
    procfs: Annotated[str, Meta(description="Where the host's /proc is mounted.")] = "/proc"
    cgroupfs: Annotated[str, Meta(description="Where the host's cgroup file system is mounted.")] = (
        "/sys/fs/cgroup"
    )
    collectors: Annotated[
        list[str] | None,
        Meta(description="Collectors to run; without it all that are on by default (docs/producers.md)."),
    ] = None
    top_processes: Annotated[int, _about("How many of the largest processes to publish.", ge=0, le=1000)] = 10
    match: Annotated[
        list[str],
        Meta(description="Regular expressions; a process whose name or command line matches is published."),
    ] = field(default_factory=list)
    rules: Annotated[
        list[str],
        Meta(description="Service names by pattern, as `regex => service`; see docs/identity.md."),
    ] = field(default_factory=list)
    buffer_records: Annotated[
        int, _about("Most snapshots kept while the broker is away.", ge=1, le=10_000_000)
    ] = 100_000
    buffer_bytes: Annotated[int, _about("Most bytes kept while the broker is away.", ge=10_000, le=2**33)] = (
        16 * 2**20
    )


class PrometheusSettings(Struct, forbid_unknown_fields=True):
    """How to reach a Prometheus, or what answers like it."""

    url: Annotated[
        str | None,
        Meta(description="Its address, with what comes before /api/v1, such as http://prometheus:9090."),
    ] = None
    user: Annotated[str | None, Meta(description="The name for basic authentication.")] = None
    password_file: Annotated[str | None, Meta(description="A file with the password of the user.")] = None
    token_file: Annotated[str | None, Meta(description="A file with a bearer token.")] = None
    headers: Annotated[
        dict[str, str],
        Meta(description="Further headers, as name=value: that of a tenant, for one."),
    ] = field(default_factory=dict)
    ca_file: Annotated[str | None, Meta(description="A file with the certificates of its authority.")] = None
    certificate_file: Annotated[str | None, Meta(description="A file with our own certificate.")] = None
    key_file: Annotated[str | None, Meta(description="A file with the key of our own certificate.")] = None
    verify: Annotated[bool, Meta(description="Whether its certificate is checked.")] = True
    presets: Annotated[
        list[str],
        Meta(description="Whose metrics: cadvisor, process, node, windows; or auto: all that have data."),
    ] = field(default_factory=lambda: ["auto"])
    match: Annotated[
        str, Meta(description="Only series with these label matchers, as PromQL has them between braces.")
    ] = ""
    lag_seconds: Annotated[
        float,
        _about("A sample is asked for so long after its time, seconds: it may be late.", ge=0, le=3600),
    ] = 30.0
    timeout_seconds: Annotated[float, _about("The longest wait for an answer, seconds.", ge=1, le=3600)] = (
        120.0
    )
    concurrency: Annotated[int, _about("Most queries at once.", ge=1, le=16)] = 2


class BridgeSettings(Struct, forbid_unknown_fields=True):
    """Memory that others have on Kafka."""

    topic: Annotated[
        Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,249}\Z")] | None,
        Meta(
            description="The topic of others that is read, by its full name; `bridge otlp` reads otlp_metrics"
            " unless another one is given."
        ),
    ] = None
    format: Annotated[
        Literal["prometheus-adapter", "vector", "collectd", "metricbeat"] | None,
        Meta(description="What `bridge kafka` finds in its topic."),
    ] = None
    wait_seconds: Annotated[
        float,
        _about(
            "A snapshot waits so long for further points of its instance and time, seconds.", ge=0, le=600
        ),
    ] = 15.0


class RuntimeSettings(Struct, forbid_unknown_fields=True):
    """How processors and sinks read, commit and restore."""

    batch_records: Annotated[int, _about("Most records applied at once.", ge=1, le=50_000)] = 5000
    commit_interval_seconds: Annotated[
        float, _about("Time between transactions, seconds: the delay of outputs.", ge=0.02, le=60)
    ] = 1.0
    checkpoint_interval_seconds: Annotated[
        float,
        _about(
            "A key's state is written this often, seconds; longer means more to replay.", ge=0.1, le=86400
        ),
    ] = 600.0
    transaction_timeout_seconds: Annotated[
        float, _about("A dead process blocks readers at most this long, seconds.", ge=1, le=900)
    ] = 10.0
    session_timeout_seconds: Annotated[
        float, _about("A silent process loses its partitions after this long, seconds.", ge=1, le=300)
    ] = 10.0
    stall_seconds: Annotated[
        float, _about("The process ends itself after this long without progress, seconds.", ge=5, le=3600)
    ] = 120.0
    max_record_bytes: Annotated[
        int, _about("Larger input records are unreadable; those of others may have 4 MiB.", ge=1000, le=2**24)
    ] = 2**18
    future_seconds: Annotated[
        float, _about("Event times further ahead of the broker's are unreadable, seconds.", ge=0, le=1e9)
    ] = 300.0
    dead_letter_ratio: Annotated[
        float,
        _about("A partition pauses when at least this share of its records is unreadable...", ge=0.001, le=1),
    ] = 0.5
    dead_letter_least: Annotated[
        int, _about("...and at least this many, among its newest records.", ge=1, le=100_000)
    ] = 100


class ProcessorSettings(Struct, forbid_unknown_fields=True):
    """The scoring processor."""

    models: Annotated[
        list[str], Meta(description="Learned methods to run beside the trend; see docs/models.md.")
    ] = field(default_factory=lambda: ["half_space_trees", "snarimax", "deviation"])
    river_model: Annotated[
        str | None,
        Meta(
            description="One more method: a River anomaly detector at River's price (HalfSpaceTrees: 1.2 MB a"
            " service), as Class or Class(name=value); its features are f0 to f2."
        ),
    ] = None
    memory_budget_bytes: Annotated[
        int,
        _about(
            "Memory for models; beyond it the longest unseen services are packed, to about a third.",
            ge=2**20,
            le=2**40,
        ),
    ] = 4 * 2**30
    forget_seconds: Annotated[
        float, _about("An instance silent this long by its own records starts new, seconds.", ge=60, le=1e9)
    ] = 7 * 86400.0


class PolicySettings(Struct, forbid_unknown_fields=True):
    """What becomes an alert, how severe it is, and who is told."""

    file: Annotated[
        str | None,
        Meta(
            description="The policy file: rules, whitelist, targets and routes; see docs/alerting.md."
            " Without it the default rules apply."
        ),
    ] = None


class AlertingSettings(Struct, forbid_unknown_fields=True):
    """The alerting sink: when evidence becomes an alert."""

    fire_confidence: Annotated[float, _about("Confidence at which an alert begins.", ge=0, le=1)] = 0.5
    sure_confidence: Annotated[
        float, _about("Confidence for certainty `sure`, together with a forecast.", ge=0, le=1)
    ] = 0.8
    clear_confidence: Annotated[
        float, _about("Confidence below which an alert's evidence is gone.", ge=0, le=1)
    ] = 0.1
    confirmations: Annotated[int, _about("Suspicious snapshots in a row before an alert.", ge=1, le=1000)] = 2
    hold_seconds: Annotated[float, _about("...and for at least this long, seconds.", ge=0, le=86400)] = 0.0
    clear_seconds: Annotated[
        float, _about("Evidence must be gone at least this long, seconds.", ge=0, le=604800)
    ] = 0.0
    high_water: Annotated[
        float, _about("Share of the limit in use above which weaker evidence is enough.", ge=0, le=1)
    ] = 0.9
    high_fire: Annotated[
        float, _about("...namely this confidence, where there is a forecast.", ge=0, le=1)
    ] = 0.3
    reopen_seconds: Annotated[
        float, _about("A leak that comes back within this continues its alert, seconds.", ge=0, le=604800)
    ] = 21600.0
    silent_seconds: Annotated[
        float, _about("An instance silent this long, by its service's time, is gone, seconds.", ge=1, le=1e9)
    ] = 3600.0


class NotifySettings(Struct, forbid_unknown_fields=True):
    """The sink that tells targets of alerts, and its endpoint for answers and pictures."""

    public_url: Annotated[
        str | None,
        Meta(description="Where targets and people reach the endpoint, such as https://leaks.example."),
    ] = None
    address: Annotated[str, Meta(description="Address that the endpoint listens on.")] = "127.0.0.1"
    port: Annotated[int, _about("Port of the endpoint; 0 takes a free one, -1 none.", ge=-1, le=65535)] = -1


class HttpSettings(Struct, forbid_unknown_fields=True):
    """The health and metrics server of each role."""

    address: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, _about("Port to listen on; 0 takes a free one, -1 none.", ge=-1, le=65535)] = 0


class LogSettings(Struct, forbid_unknown_fields=True):
    """Logs."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least level that is written.")
    ] = "info"


class BrokerSettings(Struct, forbid_unknown_fields=True):
    """The embedded Kafka, for demos and tests."""

    port: Annotated[int, _about("Port to listen on; 0 takes a free one.", ge=0, le=65535)] = 0
    directory: Annotated[
        str | None, Meta(description="Where its data goes; by default a directory removed afterwards.")
    ] = None
    heap_mib: Annotated[int, _about("Java heap, MiB.", ge=128, le=65536)] = 512


class Settings(Struct, forbid_unknown_fields=True):
    """The whole tree."""

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    topics: TopicSettings = field(default_factory=TopicSettings)
    producer: ProducerSettings = field(default_factory=ProducerSettings)
    prometheus: PrometheusSettings = field(default_factory=PrometheusSettings)
    bridge: BridgeSettings = field(default_factory=BridgeSettings)
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    processor: ProcessorSettings = field(default_factory=ProcessorSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    alerting: AlertingSettings = field(default_factory=AlertingSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    log: LogSettings = field(default_factory=LogSettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
