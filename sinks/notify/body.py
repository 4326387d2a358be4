"""A notice as JSON: the object `notice/1`, for programs."""

from __future__ import annotations

import orjson

from fleetleak.records.codec import to_dict
from sinks.notify import words
from sinks.notify.notifier import Notice


def body(notice: Notice) -> bytes:
    """Return a notice as one line of JSON."""
    return orjson.dumps(
        {
            "schema": "notice/1",
            "key": notice.key,
            "state": notice.state,
            "severity": notice.severity,
            "title": words.headline(notice),
            "facts": [{"name": name, "text": text} for name, text in notice.facts],
            "alert": to_dict(notice.alert),
            "services": notice.services,
            "picture_url": notice.picture_url,
            "test": notice.test,
        }
    )
