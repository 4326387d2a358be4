"""Logs: one JSON object a line, at a bounded rate."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from fleetleak.observe.logs import JsonFormatter, RateLimit


def line(msg: str = "hello", **extra: Any) -> dict[str, Any]:
    record = logging.makeLogRecord({"name": "a.b", "levelname": "WARNING", "msg": msg, **extra})
    text = JsonFormatter().format(record)
    assert "\n" not in text
    fields: dict[str, Any] = json.loads(text)
    return fields


def suppressed() -> float:
    return REGISTRY.get_sample_value("fleetleak_role_log_lines_suppressed_total") or 0.0


def test_a_line_has_time_level_logger_and_message() -> None:
    fields = line("%s of %d", args=("one", 2))
    assert list(fields) == ["time", "level", "logger", "message"]
    assert (fields["level"], fields["logger"], fields["message"]) == ("warning", "a.b", "one of 2")


def test_extra_fields_are_kept_with_their_types() -> None:
    fields = line(http_port=8080, partitions=[1, 2], path=Path("/proc"), service="shop/cart", ratio=0.5)
    assert {k: fields[k] for k in fields if k not in ("time", "level", "logger", "message")} == {
        "http_port": 8080,
        "partitions": [1, 2],
        "path": "/proc",
        "service": "shop/cart",
        "ratio": 0.5,
    }


@pytest.mark.parametrize("message", ["two\nlines", 'quote " and \\', "tab\t", "näh\u2028", "\x1b[31m\x00"])
def test_no_message_breaks_its_line(message: str) -> None:
    assert line(message)["message"] == message


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("command", "a\udcff", "a\udcff"),
        ("count", 2**70, str(2**70)),
        ("parts", {(1, 2): 3}, "{(1, 2): 3}"),
        ("msg", "a\udcff", None),
    ],
    ids=["surrogate", "large", "key", "message"],
)
def test_anything_can_be_logged(name: str, value: object, shown: str | None) -> None:
    given: dict[str, Any] = {"msg": "x", name: value}
    fields = line(**given)
    assert fields.get(name) == shown
    assert fields["message"] == ("x" if shown else "a\udcff")


def test_a_field_does_not_overwrite_the_lines_own() -> None:
    fields = line(level="mine", logger="mine", time="mine", other="mine")
    assert (fields["level"], fields["logger"], fields["other"]) == ("warning", "a.b", "mine")
    assert fields["time"] != "mine"


def test_an_exception_is_part_of_its_line() -> None:
    try:
        raise ValueError("so\nit is")
    except ValueError:
        fields = line(exc_info=sys.exc_info())
    assert fields["error"].startswith("Traceback")
    assert fields["error"].endswith("ValueError: so\nit is")


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def place(number: int) -> logging.LogRecord:
    return logging.makeLogRecord({"pathname": "a.py", "lineno": number})


def test_one_place_is_limited_and_the_rest_is_counted() -> None:
    clock, before = Clock(), suppressed()
    limit = RateLimit(per_minute=3, clock=clock)
    assert [limit.filter(place(1)) for _ in range(5)] == [True, True, True, False, False]
    assert suppressed() - before == 2
    assert limit.filter(place(2)) is True, "another place has a rate of its own"


def test_the_next_minute_begins_anew() -> None:
    clock = Clock()
    limit = RateLimit(per_minute=1, clock=clock)
    passed = []
    for clock.now in (0.0, 59.9, 60.0, 61.0, 119.0, 120.0, 600.0):
        passed.append(limit.filter(place(1)))
    assert passed == [True, False, True, False, False, True, True]


def test_a_process_logs_json_on_stderr_from_its_level_on() -> None:
    program = """
import logging
from fleetleak.observe import logs
logs.setup("warning")
log = logging.getLogger("role")
log.info("not this")
for number in range(40):
    log.warning("number %d", number, extra={"number": number})
log.error("last")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    lines = [json.loads(text) for text in done.stderr.splitlines()]
    assert [fields.get("number") for fields in lines] == [*range(30), None]
    assert lines[-1]["message"] == "last"


def test_what_librdkafka_says_is_a_line_too() -> None:
    program = """
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from fleetleak.kafka import client
from fleetleak.observe import logs
from fleetleak.settings import Settings
logs.setup("info")
kafka = Settings().kafka
kafka.bootstrap_servers = "127.0.0.1:1"
unpolled = AdminClient(client.common(kafka))
transactional = Producer(client.transactional(kafka, "id", 10.0))
consumer = Consumer(client.consumer(kafka, "group"))
consumer.subscribe(["topic"])
for polled in (transactional, consumer):
    polled.poll(2.0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    lines = [json.loads(text) for text in done.stderr.splitlines()]
    said = [fields["message"] for fields in lines if fields["logger"] == "librdkafka"]
    for client in ("producer", "consumer"):
        assert any(f"client#{client}" in message and "refused" in message for message in said)
