"""What is wrong with a connection, in one sentence with its fix; calls alone only say that they timed out.

librdkafka tells the cause through its error and log callbacks, and those run where a client is polled.
"""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException

from fleetleak.kafka.certificate import refusal
from fleetleak.settings.tree import Kafka

# Lower, and a broker that only closes the connection leaves no word.
_LOG_LEVEL = 6


class Cause(NamedTuple):
    """Why a broker cannot be used; one that is `final` is not cured by waiting."""

    what: str
    fix: str
    final: bool = False

    def __str__(self) -> str:
        """Give both as one sentence."""
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
# The first that fits; texts of librdkafka, in lower case.
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


def _login(text: str, kafka: Kafka) -> Cause:
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


def of_line(line: str, kafka: Kafka) -> Cause | None:
    """Give the cause that a line of librdkafka tells; None where it tells none."""
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
    found = re.search(r"(?:\w+://)?([^/ :\]]+:\d+)/\w+: ", line)
    return found[1] if found else None


class Trouble:
    """Listens to clients, for the cause of what their calls cannot say.

    Hand `properties()` to each client. A client's news arrives where it is polled.

    Attributes
    ----------
    cause
        The newest; one that is final is not replaced by one that is not.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self.where = kafka.bootstrap_servers
        self.cause: Cause | None = None
        self.since = 0.0

    def properties(self) -> dict[str, Any]:
        """Give the properties that make a client tell this listener; `log_level` is librdkafka's."""
        return {"error_cb": self.error, "logger": self, "log_level": _LOG_LEVEL}

    def error(self, error: KafkaError) -> None:
        """Take what an error callback is told."""
        self._take(error.str())

    def log(self, level: int, form: str, *words: object) -> None:
        """Take a line; librdkafka calls this as it would a `logging.Logger`."""
        self._take(form % words if words else form)

    def _take(self, line: str) -> None:
        cause = of_line(line, self._kafka)
        if cause is None or (self.cause is not None and self.cause.final and not cause.final):
            return
        if self.cause is None:
            self.since = time.monotonic()
        self.cause, self.where = cause, _broker(line) or self.where

    def forget(self) -> None:
        """Begin anew: a broker answered."""
        self.cause, self.where = None, self._kafka.bootstrap_servers

    def __str__(self) -> str:
        """Say where and what, with the fix."""
        return f"{self.where}: {self.cause or _TIMED_OUT}"


class Right(NamedTuple):
    """What a call needs: an operation of Kafka's ACLs on a resource, such as Write on topic `x`."""

    operation: str
    resource: str

    def missing(self, kafka: Kafka) -> str:
        """Say that it is missing, and how to give it."""
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
    """Say whether a right is missing; a client that fails for good says so in its words only."""
    return error.code() in _DENIED or (
        error.code() == KafkaError._FATAL and "authorization failed" in error.str().lower()
    )


def raised(error: KafkaException | SystemError) -> KafkaError:
    """Give what a client raised where it was served.

    A client that failed for good raises from within its callbacks: where another callback runs meanwhile,
    Python wraps that into a SystemError.
    """
    found: BaseException | None = error
    while found is not None and not isinstance(found, KafkaException):
        found = found.__cause__ or found.__context__
    return KafkaError(KafkaError._FATAL, str(error)) if found is None else found.args[0]


def unknown(error: KafkaError) -> bool:
    """Say whether a topic is missing."""
    return error.code() in _UNKNOWN


def sentence(error: KafkaError | KafkaException, right: Right, kafka: Kafka) -> str:
    """Say why a call failed that needs this right.

    Examples
    --------
    >>> missing = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    >>> sentence(missing, Right("Write", "topic t"), Kafka())
    'not authorised: allow this user the operation Write on topic t'
    """
    cause: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
    if denied(cause):
        return right.missing(kafka)
    if unknown(cause):
        return f"{right.resource} does not exist: run `fleetleak topics create`"
    return cause.str()
