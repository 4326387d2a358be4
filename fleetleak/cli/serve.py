"""What every long-running role does: logs, signals, metrics, health, and a clear last word."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable

from confluent_kafka import KafkaException

from fleetleak import __version__
from fleetleak.cli import CommandFailed
from fleetleak.kafka import client
from fleetleak.kafka.runtime import Role, Runtime, Topics
from fleetleak.kafka.runtime.poison import TooMuchPoison
from fleetleak.kafka.runtime.restore import Refused, Stalled
from fleetleak.kafka.runtime.transaction import Fenced
from fleetleak.kafka.runtime.watchdog import EXIT_STALLED, Watchdog
from fleetleak.kafka.topics import owner
from fleetleak.observe import logs, metrics
from fleetleak.observe.garbage import collect_seldom
from fleetleak.observe.health import Check, HealthServer
from fleetleak.settings import Settings

log = logging.getLogger(__name__)

# What is not committed by then is replayed by the next owner. With the watchdog's second, below ten.
_MOST_SECONDS = 8.0


def serve(
    settings: Settings, role: str, run: Callable[[threading.Event], None], ready: Check, healthy: Check
) -> int:
    """Run a role until SIGTERM or SIGINT, serving its health."""
    logs.setup(settings.log.level)
    metrics.BUILD_INFO.labels(__version__, role).set(1)
    stop = _stop_on_signal()
    if settings.http.port < 0:
        run(stop)
        return 0
    try:
        server = HealthServer(settings.http.address, settings.http.port, healthy, ready)
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
    """Give what SIGTERM and SIGINT set; from then on the process has so long, whatever it waits for."""
    stop = threading.Event()
    told, tell = socket.socketpair()
    tell.setblocking(False)

    def wait() -> None:
        told.recv(1)
        stop.set()
        Watchdog(_MOST_SECONDS, end=lambda: os._exit(EXIT_STALLED)).start()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    # Python's own handlers wait for the main thread, and that may be inside a call to Kafka.
    signal.set_wakeup_fd(tell.detach())
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    return stop


def serve_runtime(settings: Settings, role: Role, topics: Topics) -> int:
    """Run a stateful role."""
    try:
        with client.properties_checked():
            ours = owner(settings.kafka.topic_prefix, settings.kafka.track)
            runtime = Runtime(settings, role, topics, f"{ours}-{role.NAME}")
        collect_seldom()
        return serve(settings, role.NAME, runtime.run, runtime.ready, runtime.healthy)
    except (Fenced, Stalled) as error:
        raise CommandFailed(f"{role.NAME} must be started again: {error}") from None
    except (Refused, TooMuchPoison) as error:
        raise CommandFailed(f"{role.NAME} refuses to go on: {error}") from None
    except KafkaException as error:
        raise CommandFailed(f"{role.NAME} lost the cluster: {error.args[0].str()}") from None
