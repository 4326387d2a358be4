"""A real Alertmanager on this host, for the demo and for tests, never for production.

It needs no root: a program that is installed, else built from source by Go, else unpacked from the system's
packages.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType

import msgspec
from msgspec import Struct

from fleetleak.kafka.broker import die_with_parent, free_port

VERSION = "v0.31.1"
"""The newest version that Go builds from source alone: later ones need their web pages built before."""
VARIABLE = "ALERTMANAGER_PROGRAM"
"""The environment variable that names the program of an Alertmanager."""
_MODULE = "github.com/prometheus/alertmanager/cmd/alertmanager"
_BUILT, _PACKAGED = "alertmanager", "prometheus-alertmanager"
_TEMPLATES = "/usr/share/prometheus/alertmanager"
_FETCH_SECONDS = 900.0
_READY_SECONDS = 30.0
_TERM_SECONDS = 5.0
_CONFIG = """\
route: {receiver: nobody, group_wait: 1s, group_interval: 1s}
receivers: [{name: nobody}]
"""
_WHAT_TO_DO = (
    f"install Go or Alertmanager, or set {VARIABLE} to the path of its program (prometheus.io/download)"
)


class AlertmanagerFailed(RuntimeError):
    """The Alertmanager could not be fetched or did not start; the message says what to do."""


class Status(Struct):
    """Whether Alertmanager notifies people of an alert: `active`, `suppressed` or `unprocessed`."""

    state: str


class Posted(Struct):
    """An alert as Alertmanager shows it."""

    labels: dict[str, str]
    annotations: dict[str, str]
    status: Status


def policy(url: str) -> str:
    """Return a policy file that sends every alert to the Alertmanager at this address."""
    return (
        f'[targets.alertmanager]\nkind = "alertmanager"\nurls = [{json.dumps(url)}]\n\n'
        '[[routes]]\ntargets = ["alertmanager"]\n'
    )


def program(say: Callable[[str], None]) -> Path:
    """Return the program of an Alertmanager; build or unpack it the first time.

    Raises
    ------
    AlertmanagerFailed
        If there is none, and it cannot be fetched.
    """
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE]).absolute()
    for name in (_BUILT, _PACKAGED):
        if installed := shutil.which(name):
            return Path(installed).absolute()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fleetleak" / "alertmanager"
    built, unpacked = cache / VERSION / _BUILT, cache / "package" / _PACKAGED
    for kept in (built, unpacked):
        if kept.exists():
            return kept
    cache.mkdir(parents=True, exist_ok=True)
    why = "there is neither Go nor apt-get here"
    for tool, fetch, path in (("go", _build, built), ("apt-get", _unpack, unpacked)):
        if shutil.which(tool) is None:
            continue
        try:
            _fetch(fetch, path, say)
            return path
        except AlertmanagerFailed as error:
            why = str(error)
            say(f"no Alertmanager by {tool}: {why}")
    raise AlertmanagerFailed(f"no Alertmanager could be fetched: {why}: {_WHAT_TO_DO}")


def _fetch(
    fetch: Callable[[Path, Path, Callable[[str], None]], None], path: Path, say: Callable[[str], None]
) -> None:
    with tempfile.TemporaryDirectory(dir=path.parents[1]) as directory:
        made = Path(directory, "made")
        fetch(Path(directory), made, say)
        try:
            made.replace(path.parent)
        except OSError:
            # Another process has fetched it at the same time.
            if not path.exists():
                raise


def _build(directory: Path, made: Path, say: Callable[[str], None]) -> None:
    # It needs no C compiler.
    more = {"GOBIN": str(made), "CGO_ENABLED": "0"}
    what = f"building Alertmanager {VERSION} with Go, once only: one to two minutes"
    _run(["go", "install", f"{_MODULE}@{VERSION}"], directory, more, lambda seconds: say(f"{what}{seconds}"))


def _unpack(directory: Path, made: Path, say: Callable[[str], None]) -> None:
    what = f"fetching the package {_PACKAGED}, once only"
    _run(["apt-get", "download", _PACKAGED], directory, {}, lambda seconds: say(f"{what}{seconds}"))
    for package in directory.glob("*.deb"):
        _run(["dpkg-deb", "-x", str(package), "."], directory, {}, lambda _: None)
    try:
        (directory / _TEMPLATES.lstrip("/")).replace(made)
        packaged = directory / "usr" / "bin" / _PACKAGED
        # It reads its templates from a fixed path, which only root can write. It runs in its own directory:
        # a path of the same length leads there.
        here = ("./" * len(_TEMPLATES))[: len(_TEMPLATES)]
        packaged.write_bytes(packaged.read_bytes().replace(_TEMPLATES.encode(), here.encode()))
        packaged.replace(made / _PACKAGED)
    except OSError as error:
        raise AlertmanagerFailed(f"the package {_PACKAGED} is not as expected: {error}") from None


def _run(words: list[str], directory: Path, more: dict[str, str], say: Callable[[str], None]) -> None:
    """Run a command to its end; call `say` every second with the seconds that have passed."""
    log = directory / "log"
    started = time.monotonic()
    with _started(words, directory, log, more) as process:
        while process.poll() is None:
            passed = time.monotonic() - started
            if passed > _FETCH_SECONDS:
                raise AlertmanagerFailed(f"{words[0]} did not end within {_FETCH_SECONDS / 60:.0f} minutes")
            say(f": {passed:.0f} s")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
    if process.returncode:
        raise AlertmanagerFailed(f"{words[0]} failed: {_end_of(log)}")


@contextlib.contextmanager
def _started(
    words: list[str], directory: Path, log: Path, more: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program; end it, and what it started, when the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=directory, env=os.environ | more, preexec_fn=die_with_parent, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_TERM_SECONDS)


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-300:]


class RealAlertmanager:
    """One Alertmanager on the loopback interface, which notifies nobody; a context manager.

    Parameters
    ----------
    say
        Called with one short line for each thing that happens.
    users
        Who may log in, with the bcrypt hash of the password; without them it asks for no login.

    Raises
    ------
    AlertmanagerFailed
        On entering, if it cannot be fetched, or is not ready within half a minute.
    """

    def __init__(
        self,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
        users: Mapping[str, str] | None = None,
    ) -> None:
        self._say = say
        self._users = dict(users or {})
        self._port = free_port()
        self._stack = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """The address of its web pages and its API."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> RealAlertmanager:
        path = program(self._say)
        with contextlib.ExitStack() as stack:
            made = tempfile.TemporaryDirectory(prefix="fleetleak-alertmanager-")
            directory = Path(stack.enter_context(made))
            log = directory / "log"
            try:
                process = stack.enter_context(_started(self._words(path, directory), path.parent, log, {}))
            except OSError as error:
                raise AlertmanagerFailed(f"{path} cannot be run: {error.strerror}: {_WHAT_TO_DO}") from None
            self._wait_until_ready(process, log)
            self._stack = stack.pop_all()
        self._say(f"started Alertmanager on {self.url}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def alerts(self) -> list[Posted]:
        """Return the alerts that fire now.

        Raises
        ------
        AlertmanagerFailed
            If it does not answer.
        """
        try:
            status, body = self._get("/api/v2/alerts")
            return msgspec.json.decode(body, type=list[Posted])
        except (OSError, http.client.HTTPException) as error:
            raise AlertmanagerFailed(f"{self.url} does not answer: {error}") from None
        except msgspec.MsgspecError:
            raise AlertmanagerFailed(f"{self.url} answered {status}, and no alerts") from None

    def _words(self, path: Path, directory: Path) -> list[str]:
        config, web = directory / "config.yml", directory / "web.yml"
        config.write_text(_CONFIG)
        web.write_text(json.dumps({"basic_auth_users": self._users}))
        return [
            str(path), f"--config.file={config}", f"--web.config.file={web}",
            f"--storage.path={directory / 'data'}", f"--web.listen-address=127.0.0.1:{self._port}",
            "--cluster.listen-address=",
        ]  # fmt: skip

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise AlertmanagerFailed(f"Alertmanager ended at once; its last words: {_end_of(log)}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                # With users it asks for a login here, too.
                if self._get("/-/ready")[0] in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED):
                    return
            time.sleep(0.1)
        raise AlertmanagerFailed(f"Alertmanager was not ready in time; its last words: {_end_of(log)}")

    def _get(self, path: str) -> tuple[int, bytes]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)) as connection:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read()
