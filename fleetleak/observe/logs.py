"""Structured logs: one JSON object per line on stderr, at a bounded rate."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from fleetleak.observe.metrics import LOG_SUPPRESSED

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats time, level, logger, message and the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        ours: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            ours["error"] = self.formatException(record.exc_info)
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        # Our fields come first, and win: a line must not lose its level to a field of that name.
        return _one_line(ours | extra | ours)


def _one_line(fields: dict[str, Any]) -> str:
    try:
        return orjson.dumps(fields, default=str).decode()
    except TypeError:
        # Lone surrogates, large integers, keys that are not text: all can be written as escaped text.
        return json.dumps({name: str(value) for name, value in fields.items()})


class RateLimit(logging.Filter):
    """Passes at most `per_minute` lines a minute from one place in the code, and counts the others."""

    def __init__(self, per_minute: int = 30, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._per_minute = per_minute
        self._clock = clock
        self._minute = -1
        self._lines: dict[tuple[str, int], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether this line is within the rate."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._lines = minute, {}
        place = (record.pathname, record.lineno)
        seen = self._lines[place] = self._lines.get(place, 0) + 1
        if seen > self._per_minute:
            LOG_SUPPRESSED.inc()
        return seen <= self._per_minute


def setup(level: str = "info") -> None:
    """Send the logs of this process to stderr as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RateLimit())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
