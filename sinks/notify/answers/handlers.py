"""What the endpoint does for each path: answers become labels, and pictures are served."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from fleetleak.records import Label
from sinks.notify.answers.endpoint import Handle, Request, Response
from sinks.notify.answers.pagerduty import pagerduty_label
from sinks.notify.answers.refused import Refused
from sinks.notify.answers.slack import effect, reply_url, slack_label

PICTURES = "/pictures/"
_PICTURE = re.compile(re.escape(PICTURES) + r"([A-Za-z0-9_-]{1,999})\.png")
_JSON = "application/json"


def slack(
    secret: str,
    take: Callable[[Label], object],
    tell: Callable[[str, bytes], object],
    clock: Callable[[], float] = time.time,
) -> Handle:
    """Return what answers pressed buttons, `POST /slack`.

    Parameters
    ----------
    secret
        The signing secret of the app.
    take
        Keeps the label. Slack waits at most 3 s for it.
    tell
        Posts JSON to an address: what the label does, for the person who pressed the button.
    """

    def handle(request: Request) -> Response:
        label = slack_label(request.body, request.headers, secret, clock())
        take(label)
        words, url = effect(label), reply_url(request.body)
        return Response(200, words, _JSON, afterwards=(lambda: tell(url, words)) if url else None)

    return handle


def pagerduty(
    secret: str,
    take: Callable[[Label], object],
    service_of: Callable[[str], str | None],
    clock: Callable[[], float] = time.time,
) -> Handle:
    """Return what answers webhooks, `POST /pagerduty`; `take` keeps the labels that they mean."""

    def handle(request: Request) -> Response:
        label = pagerduty_label(request.body, request.headers, secret, clock(), service_of)
        if label is not None:
            take(label)
        return Response(200, b"ok\n")

    return handle


def pictures(find: Callable[[str], bytes | None]) -> Handle:
    """Return what answers `GET /pictures/<name>.png`; `find` returns the PNG of a name."""

    def handle(request: Request) -> Response:
        name = _PICTURE.fullmatch(request.path)
        picture = find(name[1]) if name else None
        if picture is None:
            raise Refused(404, "there is no such picture")
        return Response(200, picture, "image/png")

    return handle
