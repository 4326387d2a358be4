"""A real SMTP server that wants a password, and checks mails."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.notify.servers import (
    Behaviour,
    Failure,
    Inbox,
    Seen,
    Server,
    be_silent,
    close,
    drip,
    free_port,
    raw_server,
)

USER, PASSWORD = "fleetleak", "secret-of-the-mail-server"
_MOST_LINE = 998
_NEEDED = ("From", "To", "Subject", "Date", "Message-ID")


class Mailbox(Inbox):
    """The mails that arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[EmailMessage] = []

    def put(self, content: bytes) -> None:
        """Check a mail by RFC 5322, and keep it."""
        if any(len(line) > _MOST_LINE for line in content.split(b"\r\n")):
            self.problems.append("a line is too long")
        mail = message_from_bytes(content, _class=EmailMessage, policy=default)
        self.problems += [f"{name} is not there once" for name in _NEEDED if len(mail.get_all(name, [])) != 1]
        self.problems += [f"an unexpected {name}" for name in ("Bcc", "Cc") if name in mail]
        self.problems += [f"{defect!r}" for defect in mail.defects]
        self.mails.append(mail)
        self.seen.append(Seen(f"{mail['Subject']}\n{mail.get_content()}", mail))


class _Handler:
    def __init__(self, mailbox: Mailbox, failure: Failure | None, unknown: str | None) -> None:
        self._mailbox = mailbox
        self._failure = failure
        self._unknown = unknown

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse a recipient, or take him."""
        if self._failure is Failure.REFUSED:
            return f"550 5.1.1 no such user; you are {USER} with {PASSWORD}"
        if address == self._unknown:
            return "550 5.1.1 no such user"
        if self._failure is Failure.BUSY:
            return "450 4.2.1 too many mails"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail of somebody who has logged in."""
        if self._failure is Failure.BROKEN:
            return "451 4.3.0 disk full"
        if not session.authenticated:
            return "530 5.7.0 log in first"
        assert isinstance(envelope.content, bytes)
        self._mailbox.put(envelope.content)
        return "250 OK"


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    assert isinstance(data, LoginPassword)
    right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


def _drip_after_greeting(connection: socket.socket, released: threading.Event) -> None:
    connection.sendall(b"220 mail.example.org ESMTP\r\n")
    drip(connection, released)


_RAW: dict[Failure | None, Behaviour] = {
    Failure.CLOSED: close,
    Failure.SILENT: be_silent,
    Failure.DRIPS_HEAD: drip,
    Failure.DRIPS_BODY: _drip_after_greeting,
}


@contextmanager
def mail_server(
    mailbox: Mailbox,
    failure: Failure | None = None,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    unknown: str | None = None,
) -> Iterator[Server]:
    """Run a mail server; its address has the form `smtp://host:port`. One recipient may be unknown to it."""
    if failure is Failure.ABSENT:
        yield Server(f"smtp://127.0.0.1:{free_port()}", mailbox)
    elif failure in _RAW:
        with raw_server(_RAW[failure]) as port:
            yield Server(f"smtp://127.0.0.1:{port}", mailbox)
    else:
        controller = Controller(
            _Handler(mailbox, failure, unknown),
            hostname="127.0.0.1",
            port=free_port(),
            authenticator=_authenticate,
            auth_require_tls=False,
            tls_context=starttls,
            ssl_context=tls,
        )
        controller.start()
        try:
            yield Server(f"smtp://127.0.0.1:{controller.port}", mailbox)
        finally:
            controller.stop()
