"""`fleetleak models`: list, show, export, import and delete what was learned of services."""

from __future__ import annotations

import argparse
import getpass
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import orjson

from fleetleak.cli import CommandFailed
from fleetleak.cli.connect import checked_topics
from fleetleak.cli.publish import publish
from fleetleak.kafka.runtime.stored import Stored, stored
from fleetleak.kafka.scan import Unreadable
from fleetleak.records import encode
from fleetleak.records.control import ModelDelete, ModelImport
from fleetleak.settings import Loaded, Settings

HELP = "list, show, export, import or delete what was learned of services"
SECTIONS = ("kafka", "topics", "processor", "log")


class Exported(msgspec.Struct, tag_field="schema", tag="model/1", kw_only=True):
    """An export file: the state of one service."""

    service: str
    fingerprint: str
    offset: int
    state: bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("action", choices=["list", "show", "export", "import", "delete"])
    parser.add_argument("service", nargs="?", help="not for list and import")
    parser.add_argument("--file", help="export to, or import from, this file")
    parser.add_argument("--as", dest="target", metavar="SERVICE", help="import under another service's name")
    parser.add_argument("--reason", help="why, for those who read it later")
    parser.add_argument("--json", action="store_true", help="list or show as one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Do it."""
    if arguments.action in ("show", "export", "delete") and not arguments.service:
        raise CommandFailed(f"models {arguments.action} needs the name of a service")
    if arguments.action in ("export", "import") and not arguments.file:
        raise CommandFailed(f"models {arguments.action} needs --file")
    actions: dict[str, Callable[[Settings, argparse.Namespace], None]] = {
        "list": _list,
        "show": _show,
        "export": _export,
        "import": _import,
        "delete": _delete,
    }
    try:
        actions[arguments.action](loaded.settings, arguments)
    except Unreadable as error:
        raise CommandFailed(str(error)) from None
    return 0


def _all(settings: Settings) -> list[Stored]:
    topic = checked_topics(settings).models
    return list(stored(settings.kafka, topic, settings.topics.partitions))


def _one(settings: Settings, service: str) -> Exported:
    for found in _all(settings):
        if found.name == service:
            if found.checkpoint is None:
                raise CommandFailed(f"the state of {service} cannot be read: {found.problem}")
            checkpoint = found.checkpoint
            return Exported(
                service=service,
                fingerprint=checkpoint.fingerprint,
                offset=checkpoint.offset,
                state=checkpoint.state,
            )
    raise CommandFailed(f"nothing is stored of {service}; see `fleetleak models list`")


def _list(settings: Settings, arguments: argparse.Namespace) -> None:
    rows = [
        {
            "service": found.name,
            "partition": found.partition,
            "offset": found.checkpoint and found.checkpoint.offset,
            "bytes": found.checkpoint and len(found.checkpoint.state),
            "problem": found.problem or None,
        }
        for found in _all(settings)
    ]
    if arguments.json:
        print(orjson.dumps(rows).decode())
        return
    for row in rows:
        print(
            f"{row['service']:<40} partition {row['partition']}  offset {row['offset']}  {row['bytes']} bytes"
        )
    print(f"{len(rows)} services")


def _show(settings: Settings, arguments: argparse.Namespace) -> None:
    # Here and not above: what is stored is the processor's, and only it can read it.
    from processors.describe import describe

    exported = _one(settings, arguments.service)
    shown = describe(settings.processor, exported.state)
    if arguments.json:
        print(orjson.dumps(shown, default=str).decode())
        return
    print(orjson.dumps(shown, default=str, option=orjson.OPT_INDENT_2).decode())


def _export(settings: Settings, arguments: argparse.Namespace) -> None:
    exported = _one(settings, arguments.service)
    Path(arguments.file).write_bytes(msgspec.json.encode(exported))
    print(f"wrote {arguments.file}: {len(exported.state)} bytes of state up to offset {exported.offset}")


def _import(settings: Settings, arguments: argparse.Namespace) -> None:
    try:
        exported = msgspec.json.decode(Path(arguments.file).read_bytes(), type=Exported)
    except (OSError, msgspec.MsgspecError) as error:
        raise CommandFailed(f"{arguments.file} is not an exported model: {error}") from None
    service = arguments.target or exported.service
    _control(
        settings,
        ModelImport(
            service=service,
            state=exported.state,
            author=getpass.getuser(),
            time=time.time(),
            reason=arguments.reason,
        ),
    )
    print(f"asked the owner of {service} to take the state over")


def _delete(settings: Settings, arguments: argparse.Namespace) -> None:
    _control(
        settings,
        ModelDelete(
            service=arguments.service, author=getpass.getuser(), time=time.time(), reason=arguments.reason
        ),
    )
    print(f"asked the owner of {arguments.service} to forget it")


def _control(settings: Settings, record: ModelImport | ModelDelete) -> None:
    topic = checked_topics(settings).feedback
    publish(settings, topic, record.service.encode(), encode(record))
