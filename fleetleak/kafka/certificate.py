"""Why a broker's TLS certificate is refused: librdkafka says only that it is."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping

_SECONDS = 3.0


def refusal(broker: str, properties: Mapping[str, str]) -> str:
    """Give OpenSSL's own reason, by asking the broker once more.

    Parameters
    ----------
    broker
        As host:port; of several the first.
    properties
        librdkafka's, of which `ssl.ca.location` is used.
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
