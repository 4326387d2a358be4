"""What every long-running role does: logs, signals, metrics, health, and a clear last word."""

from __future__ import annotations

import logging
import signal
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
from fleetleak.kafka.topics import owner
from fleetleak.observe import logs, metrics
from fleetleak.observe.garbage import collect_seldom
from fleetleak.observe.health import Check, HealthServer
from fleetleak.settings import Settings

log = logging.getLogger(__name__)


def serve(settings: Settings, role: str, run: Callable[[threading.Event], None], ready: Check) -> int:
    """Run a role until SIGTERM or SIGINT, serving its health."""
    logs.setup(settings.log.level)
    metrics.BUILD_INFO.labels(__version__, role).set(1)
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    if settings.http.port < 0:
        run(stop)
        return 0
    try:
        server = HealthServer(settings.http.address, settings.http.port, ready=ready)
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


def serve_runtime(settings: Settings, role: Role, topics: Topics) -> int:
    """Run a stateful role."""
    try:
        with client.properties_checked():
            ours = owner(settings.kafka.topic_prefix, settings.kafka.track)
            runtime = Runtime(settings, role, topics, f"{ours}-{role.NAME}")
        collect_seldom()
        return serve(settings, role.NAME, runtime.run, runtime.ready)
    except (Fenced, Stalled) as error:
        raise CommandFailed(f"{role.NAME} must be started again: {error}") from None
    except (Refused, TooMuchPoison) as error:
        raise CommandFailed(f"{role.NAME} refuses to go on: {error}") from None
    except KafkaException as error:
        raise CommandFailed(f"{role.NAME} lost the cluster: {error.args[0].str()}") from None
