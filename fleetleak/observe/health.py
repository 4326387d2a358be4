"""The small HTTP server of a role: /metrics, /healthz and /readyz."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from fleetleak.observe.metrics import exposed

log = logging.getLogger(__name__)

Check = Callable[[], str | None]
"""Returns None when well, else what is wrong, in words."""


def _well() -> str | None:
    return None


def _ask(check: Check) -> str | None:
    try:
        return check()
    except Exception as error:
        log.exception("a health check failed")
        return f"the check failed: {type(error).__name__}: {error}"


class HealthServer:
    """Serves until closed; use it as a context manager.

    Parameters
    ----------
    address, port
        Where to listen; port 0 means a free port, see `port`.
    healthy, ready
        `/healthz` and `/readyz` answer 200 when these return None, and 503 with words when these return
        text or raise.
    note
        The text of `/readyz` when it answers 200.
    families
        Whose metrics are served, beside those of every role (`fleetleak.observe.metrics`); None: all.

    Attributes
    ----------
    port
        The port that is in use.
    """

    def __init__(
        self,
        address: str,
        port: int,
        healthy: Check = _well,
        ready: Check = _well,
        note: Callable[[], str] = lambda: "ok",
        families: Collection[str] | None = None,
    ) -> None:
        checks = {"/healthz": healthy, "/readyz": ready}
        served = exposed(families)

        class Handler(BaseHTTPRequestHandler):
            timeout = 5  # a peer that stalls must not hold a thread

            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(served))
                elif self.path in checks:
                    wrong = _ask(checks[self.path])
                    well = note() if self.path == "/readyz" else "ok"
                    words = (wrong or well).encode(errors="backslashreplace") + b"\n"
                    self._answer(503 if wrong else 200, "text/plain", words)
                else:
                    self._answer(404, "text/plain", b"see /metrics, /healthz, /readyz\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing: scrapes are not news."""

        self._server = ThreadingHTTPServer((address, port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def __enter__(self) -> HealthServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
