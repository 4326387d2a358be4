"""A real Kafka with SASL, TLS and access control."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it exports them without saying so
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from fleetleak.kafka import client
from fleetleak.kafka.broker import EmbeddedBroker, free_port
from fleetleak.kafka.trouble import denied
from fleetleak.settings import Settings
from tests.kafka.support import wait_for

USER, PASSWORD = "alice", "correct horse"


@dataclass
class Guarded:
    """The addresses of a Kafka: without a login (for the tests themselves), with one, and with TLS."""

    plain: str
    sasl: str
    tls: str
    directory: Path

    @property
    def certificate(self) -> Path:
        """The certificate of the broker, for `localhost`."""
        return self.directory / "certificate.pem"

    def settings(self, password: str = PASSWORD, mechanism: str = "PLAIN") -> Settings:
        """Return the settings of a user who logs in."""
        made = Settings()
        made.kafka.bootstrap_servers = self.sasl
        made.kafka.properties = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": mechanism,
            "sasl.username": USER,
            "sasl.password": password,
        }
        return made

    def admin(self) -> AdminClient:
        """Return a client with all rights."""
        made = Settings()
        made.kafka.bootstrap_servers = self.plain
        return AdminClient(client.common(made.kafka))

    def allow(self, kind: ResourceType, name: str, *operations: AclOperation) -> None:
        """Give the user a right, and wait until it takes effect; names are prefixes."""
        # Rules take effect in their order, some time after they are taken.
        marker = f"marker-{uuid.uuid4().hex}"
        rules = [
            AclBinding(
                of, prefix, ResourcePatternType.PREFIXED, f"User:{USER}", "*", operation,
                AclPermissionType.ALLOW,
            )
            for of, prefix, operation in (
                *((kind, name, operation) for operation in operations),
                (ResourceType.TOPIC, marker, AclOperation.DESCRIBE),
            )
        ]  # fmt: skip
        admin = self.admin()
        for done in admin.create_acls(rules).values():
            done.result()
        wait_for(lambda: self._allowed(marker), what="the rules to take effect")

    def _allowed(self, topic: str) -> bool:
        """Return whether the user may see this topic. It does not exist."""
        user = AdminClient(client.common(self.settings().kafka))
        (answer,) = user.describe_topics(TopicCollection([topic])).values()
        try:
            answer.result()
        except KafkaException as error:
            return not denied(error.args[0])
        return True


def _certificate(directory: Path) -> Path:
    """Make a key and a certificate for `localhost`, as Kafka reads them."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    words = ["-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
    more = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", *words, *more],  # noqa: S607 - of the system
        check=True, capture_output=True,
    )  # fmt: skip
    store = directory / "store.pem"
    store.write_text(key.read_text() + certificate.read_text())
    return store


@contextlib.contextmanager
def guarded() -> Iterator[Guarded]:
    """Run the broker. Without a login everything is allowed; a user who logs in has only given rights."""
    sasl, tls = free_port(), free_port()
    listeners = (
        "PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},"
        f"SASL_PLAINTEXT://127.0.0.1:{sasl},SSL://localhost:{tls}"
    )
    with tempfile.TemporaryDirectory(prefix="fleetleak-guarded-") as name:
        directory = Path(name)
        properties = {
            "listeners": listeners,
            "advertised.listeners": listeners,
            "listener.security.protocol.map": (
                "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL"
            ),
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
                f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(_certificate(directory)),
        }
        with EmbeddedBroker(heap_mib=256, properties=properties) as broker:
            yield Guarded(broker.bootstrap_servers, f"127.0.0.1:{sasl}", f"localhost:{tls}", directory)
