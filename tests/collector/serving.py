"""A small HTTP server for what the Collector asks of others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Answer(NamedTuple):
    """What a server says: a body, and headers. With `held`, the body does not end before the server does."""

    body: bytes
    headers: Mapping[str, str] = {}
    held: bool = False


@contextmanager
def serving(answer: Callable[[str], Answer | None]) -> Iterator[int]:
    """Serve what a function answers for a path, and 404 where it answers None; yield the port."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = answer(self.path)
            self.send_response(404 if given is None else 200)
            for name, value in (given.headers if given else {}).items():
                self.send_header(name, value)
            self.end_headers()
            if given and self.command != "HEAD":
                self.wfile.write(given.body)
                if given.held:
                    over.wait()

        do_HEAD = do_GET  # noqa: N815 - the base class asks for this name

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            over.set()
            server.shutdown()
            thread.join()
