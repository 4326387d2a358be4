"""Why a broker's TLS certificate is refused. librdkafka says only that it is refused."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping

_SECONDS = 3.0


def refusal(broker: str, properties: Mapping[str, str]) -> str:
    """Return OpenSSL's own reason; connects to the broker once more to get it.

    Parameters
    ----------
    broker
        As host:port; of several brokers the first is asked.
    properties
        librdkafka's properties; `ssl.ca.location` is used.
    """
    host, _, port = broker.partition(",")[0].rpartition(":")
    try:
        context = ssl.create_default_context(cafile=properties.get("ssl.ca.location"))
        with (
            socket.create_connection((host.strip("[]"), int(port)), _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host.strip("[]")),
        ):
            return "not trusted"
    except ssl.SSLCertVerificationError as error:
        return error.verify_message.rstrip(".")
    except (OSError, ValueError):
        return "not trusted, expired, or of another host"
