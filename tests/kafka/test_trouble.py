"""An error of a connection is named with its fix, on a real Kafka with a login and TLS."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AclOperation, ResourceType  # type: ignore[attr-defined]

from fleetleak.kafka import topics
from fleetleak.kafka.broker import free_port
from fleetleak.kafka.reach import Unreachable, reached, waited_for
from fleetleak.settings import Settings
from fleetleak_app.cli import CommandFailed, main
from fleetleak_app.cli.publish import publish
from tests.kafka.guarded import USER, Guarded, guarded

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl"),
]

DESCRIBED = (AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS)


@pytest.fixture(scope="module")
def kafka() -> Iterator[Guarded]:
    with guarded() as running:
        yield running


def trouble(settings: Settings) -> str:
    with pytest.raises(Unreachable) as caught:
        reached(settings.kafka)
    return str(caught.value)


def at(address: str, **properties: str) -> Settings:
    made = Settings()
    made.kafka.bootstrap_servers = address
    made.kafka.properties = {name.replace("_", "."): value for name, value in properties.items()}
    return made


def test_who_logs_in_reaches_it(kafka: Guarded) -> None:
    assert reached(kafka.settings().kafka).list_topics(timeout=10).brokers


def test_a_wrong_password(kafka: Guarded) -> None:
    told = trouble(kafka.settings("wrong"))
    assert told == (
        f"{kafka.sasl}: authentication failed (SASL PLAIN): check sasl.username and sasl.password in"
        " kafka.properties"
    )


def test_a_mechanism_that_is_not_offered(kafka: Guarded) -> None:
    told = trouble(kafka.settings(mechanism="SCRAM-SHA-512"))
    assert told.startswith(f"{kafka.sasl}: SASL SCRAM-SHA-512 is not offered: set sasl.mechanism")
    assert told.endswith("to one of PLAIN")


def test_a_login_where_none_is_taken(kafka: Guarded) -> None:
    settings = kafka.settings()
    settings.kafka.bootstrap_servers = kafka.plain
    assert trouble(settings).startswith(f"{kafka.plain}: this port takes no login: set security.protocol")


@pytest.mark.parametrize("port", ["sasl", "tls"])
def test_no_security_where_it_is_needed(kafka: Guarded, port: str) -> None:
    address = getattr(kafka, port)
    told = trouble(at(address))
    assert told.startswith(f"{address}: it closes the connection: it expects TLS, or a login: set security")


def test_tls_where_there_is_none(kafka: Guarded) -> None:
    told = trouble(at(kafka.plain, security_protocol="SSL"))
    assert told.startswith(f"{kafka.plain}: it does not speak TLS: set security.protocol")


def test_a_certificate_that_is_not_trusted(kafka: Guarded) -> None:
    told = trouble(at(kafka.tls, security_protocol="SSL"))
    assert told.startswith(f"{kafka.tls}: its TLS certificate is refused (self-signed certificate): check")


def test_a_certificate_of_another_host(kafka: Guarded) -> None:
    address = kafka.tls.replace("localhost", "127.0.0.1")
    trusted = {"security_protocol": "SSL", "ssl_ca_location": str(kafka.certificate)}
    assert "(IP address mismatch, certificate is not valid for '127.0.0.1')" in trouble(
        at(address, **trusted)
    )
    assert reached(at(kafka.tls, **trusted).kafka).list_topics(timeout=10).brokers


def test_a_name_that_is_none() -> None:
    assert trouble(at("nosuch.invalid:9092")).startswith(
        "nosuch.invalid:9092: the name cannot be resolved: check kafka.bootstrap_servers"
    )


def test_a_port_where_nobody_listens() -> None:
    address = f"127.0.0.1:{free_port()}"
    assert trouble(at(address)).startswith(f"{address}: connection refused: check the port")


def test_one_who_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert trouble(at(address)).startswith(f"{address}: it does not answer: check the address")


def test_waiting_ends_when_told_to() -> None:
    stop = threading.Event()
    told: list[str] = []

    def tell(trouble: str) -> None:
        told.append(trouble)
        stop.set()

    assert waited_for(at(f"127.0.0.1:{free_port()}").kafka, stop, tell) is None
    assert "connection refused" in told[0]


def command(kafka: Guarded, prefix: str, *words: str) -> int:
    settings = kafka.settings().kafka
    properties = ",".join(f"{name}={value}" for name, value in settings.properties.items())
    where = ["--bootstrap-servers", kafka.sasl, "--kafka-properties", properties]
    return main([*words, *where, "--kafka-topic-prefix", prefix, "--topics-partitions", "2"])


def plan(prefix: str) -> list[topics.Topic]:
    settings = Settings().topics
    settings.partitions = 2
    return topics.layout(prefix, settings)


def test_topics_that_may_not_be_seen_are_not_called_missing(
    kafka: Guarded, capsys: pytest.CaptureFixture[str]
) -> None:
    topics.create(kafka.admin(), plan("hidden"), 1)
    assert command(kafka, "hidden", "topics", "verify") == 1
    lines = capsys.readouterr().out.splitlines()
    name = topics.names("hidden").alerts
    assert (
        f"topic {name} is hidden: not authorised: allow user {USER} the operation Describe on topic {name}"
        in lines
    )
    assert not any("missing" in line for line in lines)
    assert command(kafka, "hidden", "alerts") == 1
    err = capsys.readouterr().err
    assert "operation Describe on topic" in err
    assert err.count("\n") == 1


def test_rights_that_are_missing_are_named(kafka: Guarded, capsys: pytest.CaptureFixture[str]) -> None:
    topics.create(kafka.admin(), plan("seen"), 1)
    kafka.allow(ResourceType.TOPIC, "seen", *DESCRIBED)
    assert command(kafka, "seen", "topics", "verify") == 0
    assert capsys.readouterr().out == "all 12 topics fit\n"
    feedback = topics.names("seen").feedback
    with pytest.raises(CommandFailed, match=f"allow user {USER} the operation Write on topic {feedback}"):
        publish(kafka.settings(), feedback, b"key", b"value")
    assert command(kafka, "seen", "alerts") == 1
    err = capsys.readouterr().err
    assert f"allow user {USER} the operation Read on topic {topics.names('seen').alerts}" in err
    assert command(kafka, "other", "topics", "create") == 1
    err = capsys.readouterr().err
    assert f"could not be created: not authorised: allow user {USER} the operation Create on topic" in err
