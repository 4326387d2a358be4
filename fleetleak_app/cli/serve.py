"""The frame of every long-running role: logs, signals, metrics, health, and a clear error at the end."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Collection
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from fleetleak import __version__, stopping
from fleetleak.kafka import client
from fleetleak.kafka.reach import waited_for
from fleetleak.kafka.topics import existing
from fleetleak.kafka.trouble import Right, sentence
from fleetleak.observe import logs, metrics
from fleetleak.observe.garbage import collect_seldom
from fleetleak.observe.health import Check, HealthServer
from fleetleak.settings import Settings
from fleetleak.settings.tree import KafkaSettings
from fleetleak.stream import Runtime
from fleetleak.stream.clients import Makers
from fleetleak.stream.errors import Fenced, Refused, Stalled, TooMuchPoison
from fleetleak.stream.spec import Delivery, DeliverySpec, RoleSpec, Spec
from fleetleak.stream.watchdog import EXIT_STALLED, Watchdog
from fleetleak_app.cli import CommandFailed
from fleetleak_app.cli.connect import refuse_misfits
from fleetleak_app.cli.extras import needs

log = logging.getLogger(__name__)
M = TypeVar("M")

ROLE_SECTIONS = ("kafka", "topics", "runtime", "http", "log")
"""Sections of the settings that every stateful role uses."""


def serve(
    settings: Settings,
    role: str,
    run: Callable[[threading.Event], None],
    ready: Check,
    healthy: Check,
    note: Callable[[], str] = lambda: "ok",
    families: Collection[str] = (),
) -> int:
    """Run a role until SIGTERM or SIGINT, and serve its health and these families of metrics."""
    logs.setup(settings.log.level)
    metrics.BUILD_INFO.labels(__version__, role).set(1)
    metrics.READY.set_function(lambda: ready() is None)
    stop = _stop_on_signal()
    if settings.http.port < 0:
        run(stop)
        return 0
    try:
        server = HealthServer(settings.http.address, settings.http.port, healthy, ready, note, families)
    except OSError as error:
        raise CommandFailed(
            f"cannot listen on {settings.http.address}:{settings.http.port} ({error.strerror}):"
            " set http.port to a free port, or -1 for none"
        ) from None
    with server:
        log.info("%s started", role, extra={"http_port": server.port, "version": __version__})
        run(stop)
        log.info("%s stopped", role)
    return 0


def _stop_on_signal() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set. The process then ends within `stopping.SECONDS`."""
    stop = threading.Event()

    def act(_number: int) -> None:
        stop.set()
        Watchdog(stopping.SECONDS, end=lambda: os._exit(EXIT_STALLED)).start()

    stopping.on_signal(act)
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    return stop


class _Waiting:
    """A role or delivery that first waits for Kafka. It answers health checks while it waits.

    Parameters
    ----------
    begin
        Returns what then runs.
    """

    def __init__(self, settings: Settings, begin: Callable[[threading.Event, AdminClient], Delivery]) -> None:
        self._settings = settings
        self._begin = begin
        self._running: Delivery | None = None
        self._trouble = ""

    def run(self, stop: threading.Event) -> None:
        """Wait for Kafka, check the topics, and run."""
        cluster = waited_for(self._settings.kafka, stop, self._away)
        if cluster is None:
            return
        refuse_misfits(self._settings, cluster)
        self._running = self._begin(stop, cluster)
        collect_seldom()
        self._running.run(stop)

    def _away(self, trouble: str) -> None:
        self._trouble = f": {trouble}"

    def ready(self) -> str | None:
        """Return None if it is ready, else what it waits for."""
        return f"waiting for Kafka{self._trouble}" if self._running is None else self._running.ready()

    def note(self) -> str:
        """Return what it does while it is ready."""
        return "ok" if self._running is None else self._running.note()

    def healthy(self) -> str | None:
        """Return None while it makes progress, else the problem. Waiting for Kafka is healthy."""
        return None if self._running is None else self._running.healthy()


def _made(settings: Settings, extra: str | None, make: Callable[[Settings], M]) -> M:
    if extra is None:
        return make(settings)
    with needs(extra):
        return make(settings)


def serve_role(settings: Settings, spec: RoleSpec, makers: Makers | None = None) -> int:
    """Run a stateful role until it is stopped. It waits for a Kafka that does not answer, also at the start.

    Raises
    ------
    CommandFailed
        With the reason why the role cannot continue.
    """
    role = _made(settings, spec.extra, spec.make)
    topics, group = spec.topics(settings.kafka), spec.group(settings.kafka)

    def begin(stop: threading.Event, cluster: AdminClient) -> Delivery:
        if topics.foreign and topics.input not in existing(cluster):
            raise CommandFailed(
                f"topic {topics.input} is missing: it is written by others, so fleetleak does not create it;"
                " start its writer, or name another topic with --topic"
            )
        return Runtime(settings, role, topics, group, stop, makers)

    waiting = _Waiting(settings, begin)
    return _served(settings, spec, waiting, ("runtime", *spec.metrics))


def serve_delivery(settings: Settings, spec: DeliverySpec) -> int:
    """Run a delivery until it is stopped. It waits for a Kafka that does not answer, also at the start.

    Raises
    ------
    BadSetting
        If it cannot be made from the settings.
    CommandFailed
        With the reason why it cannot continue.
    """
    delivery = _made(settings, spec.extra, spec.make)
    return _served(settings, spec, _Waiting(settings, lambda stop, cluster: delivery), spec.metrics)


def _served(settings: Settings, spec: Spec, waiting: _Waiting, families: Collection[str]) -> int:
    try:
        # Raises an error for bad properties before anything is logged.
        AdminClient(client.common(settings.kafka, log_level=0, error_cb=lambda error: None))
        with client.properties_checked():
            return serve(
                settings, spec.name, waiting.run, waiting.ready, waiting.healthy, waiting.note, families
            )
    except (Fenced, Stalled) as error:
        raise CommandFailed(f"{spec.name} must be started again: {error}") from None
    except (Refused, TooMuchPoison) as error:
        raise CommandFailed(f"{spec.name} refuses to go on: {error}") from None
    except KafkaException as error:
        if error.args[0].name() == "_INVALID_ARG":
            raise
        right = _right(error, spec, settings.kafka)
        why = sentence(error, right, settings.kafka)
        raise CommandFailed(f"{spec.name} cannot go on: {why}") from None


def _right(error: KafkaException, spec: Spec, kafka: KafkaSettings) -> Right:
    """Return the right that a refused call of a role needs. docs/operating.md lists all rights."""
    code = error.args[0].code()
    topics, group = spec.topics(kafka), spec.group(kafka)
    if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
        several = isinstance(spec, DeliverySpec)
        return Right("Read", f"groups that begin with {group}" if several else f"group {group}")
    if code == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return Right("Write", f"transactional ids that begin with {group}")
    every = [*topics.read, *([topics.state] if topics.state else []), topics.dead_letter]
    named = [topic for topic in every if topic in error.args[0].str()]
    return Right("Read", f"topic {named[0]}" if named else f"the topics {', '.join(every)}")
