"""What is wrong with a connection, in one sentence with its fix.

A call by itself only says that it timed out. librdkafka tells the cause in its error and log callbacks, which
run when a client is polled.
"""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException

from fleetleak.kafka.certificate import refusal
from fleetleak.settings.tree import KafkaSettings

# At a lower level librdkafka logs nothing when a broker only closes the connection.
_LOG_LEVEL = 6


class Cause(NamedTuple):
    """Why a broker cannot be used; waiting does not help if it is `final`."""

    what: str
    fix: str
    final: bool = False

    def __str__(self) -> str:
        """Return both as one sentence."""
        return f"{self.what}: {self.fix}"


_NOT_TLS = Cause(
    "it does not speak TLS", "set security.protocol in kafka.properties to PLAINTEXT or SASL_PLAINTEXT", True
)
_OTHER_PROTOCOL = Cause(
    "it closes the connection: it expects TLS, or a login",
    "set security.protocol in kafka.properties to SSL, SASL_SSL or SASL_PLAINTEXT (or Kafka is too old)",
)
_TIMED_OUT = Cause(
    "it does not answer", "check the address in kafka.bootstrap_servers, firewalls and the broker itself"
)
_REFUSED = Cause("connection refused", "check the port in kafka.bootstrap_servers, and that Kafka runs")
_NO_NAME = Cause(
    "the name cannot be resolved", "check kafka.bootstrap_servers, or the DNS of this host", True
)
_TOO_OLD = Cause("the broker is too old", "use Kafka 2.5 or newer", True)
_ANSWERED = Cause("connection lost", "wait, or look at the broker's own log")
# Texts of librdkafka, in lower case; the first that fits counts.
_TEXTS: tuple[tuple[str, Cause], ...] = (
    ("connecting to a plaintext broker listener", _NOT_TLS),
    ("wrong version number", _NOT_TLS),
    ("timed out", _TIMED_OUT),
    ("might be caused by incorrect security.protocol", _OTHER_PROTOCOL),
    ("in state apiversion_query", _OTHER_PROTOCOL),
    ("failed to resolve", _NO_NAME),
    ("connection refused", _REFUSED),
    ("no route to host", _TIMED_OUT),
    ("network is unreachable", _TIMED_OUT),
    ("unsupported by broker", _TOO_OLD),
    ("connection closed by peer", _OTHER_PROTOCOL),
    ("disconnected", _ANSWERED),
)


def _login(text: str, kafka: KafkaSettings) -> Cause:
    mechanism = kafka.properties.get("sasl.mechanism", kafka.properties.get("sasl.mechanisms", "GSSAPI"))
    if "supported mechanisms:" in text:
        offered = text.partition("supported mechanisms:")[2].partition("(")[0].strip()
        if not offered:
            fix = "set security.protocol in kafka.properties to PLAINTEXT or SSL"
            return Cause("this port takes no login", fix, True)
        fix = f"set sasl.mechanism in kafka.properties to one of {offered}"
        return Cause(f"SASL {mechanism} is not offered", fix, True)
    fix = "check sasl.username and sasl.password in kafka.properties"
    if mechanism in ("GSSAPI", "OAUTHBEARER"):
        fix = "check what kafka.properties says of sasl, and the ticket or token"
    return Cause(f"authentication failed (SASL {mechanism})", fix, True)


def of_line(line: str, kafka: KafkaSettings) -> Cause | None:
    """Return the cause that a line of librdkafka names, or None."""
    text = line.lower()
    if "sasl" in _without_address(text) and ("authentication" in text or "handshake failed" in text):
        return _login(_without_address(line), kafka)
    if "certificate" in text:
        why = refusal(_broker(line) or kafka.bootstrap_servers, kafka.properties)
        fix = "check ssl.ca.location in kafka.properties, the certificate's dates and the name used for it"
        return Cause(f"its TLS certificate is refused ({why})", fix, True)
    for part, cause in _TEXTS:
        if part in text:
            return cause
    if "ssl handshake failed" in text:
        return Cause("the TLS handshake failed", "check what kafka.properties says of ssl", True)
    return None


def _without_address(line: str) -> str:
    return re.sub(r"(?i)\w+://", "", line)


def _broker(line: str) -> str | None:
    match = re.search(r"(?:\w+://)?([^/ :\]]+:\d+)/\w+: ", line)
    return match[1] if match else None


class Trouble:
    """Listens to clients, and keeps the cause of their failures, which their calls do not tell.

    Pass `properties()` to each client. The callbacks of a client run when it is polled.

    Attributes
    ----------
    cause
        The newest cause; one that is not final does not replace a final one.
    where
        The broker it is about, as host:port.
    since
        Monotonic time of the first cause, in seconds.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self.where = kafka.bootstrap_servers
        self.cause: Cause | None = None
        self.since = 0.0

    def properties(self) -> dict[str, Any]:
        """Return the properties that connect a client to this listener."""
        return {"error_cb": self.error, "logger": self, "log_level": _LOG_LEVEL}

    def error(self, error: KafkaError) -> None:
        """Take the error of an error callback."""
        self._take(error.str())

    def log(self, level: int, form: str, *words: object) -> None:
        """Take a log line; librdkafka calls this like the method of a `logging.Logger`."""
        self._take(form % words if words else form)

    def _take(self, line: str) -> None:
        cause = of_line(line, self._kafka)
        if cause is None or (self.cause is not None and self.cause.final and not cause.final):
            return
        if self.cause is None:
            self.since = time.monotonic()
        self.cause, self.where = cause, _broker(line) or self.where

    def forget(self) -> None:
        """Forget the cause: a broker answered."""
        self.cause, self.where = None, self._kafka.bootstrap_servers

    def __str__(self) -> str:
        """Return broker, cause and fix as one sentence."""
        return f"{self.where}: {self.cause or _TIMED_OUT}"


class Right(NamedTuple):
    """The right that a call needs: an operation of Kafka's ACLs on a resource, such as Write on topic `x`."""

    operation: str
    resource: str

    def missing(self, kafka: KafkaSettings) -> str:
        """Return a sentence that says that it is missing, and how to grant it."""
        user = kafka.properties.get("sasl.username", kafka.properties.get("sasl.user.name"))
        who = f"user {user}" if user else "this user"
        return f"not authorised: allow {who} the operation {self.operation} on {self.resource}"


_DENIED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
_UNKNOWN = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)


def denied(error: KafkaError) -> bool:
    """Return whether a right is missing; a client that failed for good says so in its text only."""
    return error.code() in _DENIED or (
        error.code() == KafkaError._FATAL and "authorization failed" in error.str().lower()
    )


def raised(error: KafkaException | SystemError) -> KafkaError:
    """Return the error that a client raised while it was served.

    A client that failed for good raises from within its callbacks. If another callback runs at that time,
    Python wraps the error into a SystemError.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KafkaException):
        cause = cause.__cause__ or cause.__context__
    return KafkaError(KafkaError._FATAL, str(error)) if cause is None else cause.args[0]


def unknown(error: KafkaError) -> bool:
    """Return whether a topic is missing."""
    return error.code() in _UNKNOWN


def sentence(error: KafkaError | KafkaException, right: Right, kafka: KafkaSettings) -> str:
    """Return a sentence that says why a call failed that needs this right.

    Examples
    --------
    >>> missing = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    >>> sentence(missing, Right("Write", "topic t"), KafkaSettings())
    'not authorised: allow this user the operation Write on topic t'
    """
    cause: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
    if denied(cause):
        return right.missing(kafka)
    if unknown(cause):
        return f"{right.resource} does not exist: run `fleetleak topics create`"
    return cause.str()
