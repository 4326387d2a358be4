"""`fleetleak models`: list, show, export, import, lend and delete what was learned of services."""

from __future__ import annotations

import argparse
import difflib
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import orjson

from fleetleak.kafka.scan import ScanFailed
from fleetleak.records.control import ModelDelete, ModelImport, ModelPrior
from fleetleak.settings import Loaded, Settings
from fleetleak.stream.stored import Stored, stored
from fleetleak_app.cli import CommandFailed, say
from fleetleak_app.cli.connect import checked_topics
from fleetleak_app.cli.known import refuse_unknown
from fleetleak_app.cli.publish import author, publish, written
from fleetleak_app.tables import render

HELP = "list, show, export, import, lend or delete what was learned of services; what each could detect"
SECTIONS = ("kafka", "topics", "processor", "log")


_LATER = "it is written every runtime.checkpoint_interval_seconds; `fleetleak watched` lists what is live"


class Exported(msgspec.Struct, tag_field="schema", tag="model/1", kw_only=True):
    """An export file: the state of one service."""

    service: str
    fingerprint: str
    offset: int
    state: bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's own arguments."""
    parser.add_argument("action", choices=list(_ACTIONS))
    parser.add_argument("service", nargs="?", help="not for list, sensitivity and import")
    parser.add_argument("--file", help="export to, or import from, this file")
    parser.add_argument("--as", dest="target", metavar="SERVICE", help="import under another service's name")
    parser.add_argument(
        "--from",
        dest="lender",
        metavar="SERVICE",
        help="lend from this service; default: the one with the most similar name",
    )
    parser.add_argument("--reason", help="why, for those who read it later")
    parser.add_argument("--json", action="store_true", help="list, show or sensitivity as one line of JSON")


def run(loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Run the chosen action."""
    if arguments.action in ("show", "export", "delete", "lend") and not arguments.service:
        raise CommandFailed(f"models {arguments.action} needs the name of a service")
    if arguments.action in ("export", "import") and not arguments.file:
        raise CommandFailed(f"models {arguments.action} needs --file")
    try:
        _ACTIONS[arguments.action](loaded.settings, arguments)
    except ScanFailed as error:
        raise CommandFailed(str(error)) from None
    return 0


def _all(settings: Settings) -> list[Stored]:
    topic = checked_topics(settings).models
    return list(stored(settings, topic, say))


def _one(settings: Settings, service: str) -> Exported:
    for state in _all(settings):
        if state.name == service:
            if state.checkpoint is None:
                raise CommandFailed(f"the state of {service} cannot be read: {state.problem}")
            checkpoint = state.checkpoint
            return Exported(
                service=service,
                fingerprint=checkpoint.fingerprint,
                offset=checkpoint.offset,
                state=checkpoint.state,
            )
    raise CommandFailed(f"no state of {service} is stored (yet); see `fleetleak models list`")


def _list(settings: Settings, arguments: argparse.Namespace) -> None:
    rows = [
        {
            "service": state.name,
            "partition": state.partition,
            "offset": state.checkpoint and state.checkpoint.offset,
            "bytes": state.checkpoint and len(state.checkpoint.state),
            "problem": state.problem or None,
        }
        for state in _all(settings)
    ]
    if arguments.json:
        print(orjson.dumps(rows).decode())
        return
    columns = {
        "service": "service", "partition": "partition", "offset": "offset", "bytes": "bytes",
    }  # fmt: skip
    if any(row["problem"] for row in rows):
        columns["problem"] = "problem"
    if not rows:
        print(f"no state is stored yet: {_LATER}")
        return
    print(render(rows, columns))
    print(f"{len(rows)} services")


def _show(settings: Settings, arguments: argparse.Namespace) -> None:
    # Imported only here: other actions need no processor, but only its code can read its state.
    from processors.describe import describe

    exported = _one(settings, arguments.service)
    try:
        shown = describe(settings.processor, exported.state)
    except ValueError as error:
        raise CommandFailed(f"the state of {arguments.service} cannot be read: {error}") from None
    if arguments.json:
        print(orjson.dumps(shown, default=str).decode())
        return
    print(orjson.dumps(shown, default=str, option=orjson.OPT_INDENT_2).decode())


def _sensitivity(settings: Settings, arguments: argparse.Namespace) -> None:
    from processors.describe import slowest_visible

    rows = []
    for state in _all(settings):
        if state.checkpoint is None:
            continue
        try:
            visible = slowest_visible(state.checkpoint.state)
        except ValueError as error:
            say(f"the state of {state.name} cannot be read: {error}")
            continue
        rows += [{"service": state.name, "instance": name} | leak._asdict() for name, leak in visible.items()]
    if arguments.json:
        print(orjson.dumps(rows).decode())
        return
    columns = {
        "service": "service", "instance": "instance", "mib_per_hour": "MiB/h", "days": "over days",
        "noise_mib": "noise MiB",
    }  # fmt: skip
    print(render(rows, columns))
    print(f"{len(rows)} instances: the slowest leak that could be seen in each")


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
            author=author(),
            time=time.time(),
            reason=arguments.reason,
        ),
    )
    print(f"asked the owner of {service} to take the state over")


def _lend(settings: Settings, arguments: argparse.Namespace) -> None:
    lender = arguments.lender or alike(arguments.service, [state.name for state in _all(settings)])
    if lender is None:
        raise CommandFailed(f"no service has a name like {arguments.service}: name one with --from SERVICE")
    _control(
        settings,
        ModelPrior(
            service=arguments.service,
            lender=lender,
            state=_one(settings, lender).state,
            author=author(),
            time=time.time(),
            reason=arguments.reason,
        ),
    )
    print(f"asked the owner of {arguments.service} to take over what is normal for {lender}, if it is cold")


def alike(service: str, others: Iterable[str]) -> str | None:
    """Return the service with the most similar name; None if no name is similar.

    Examples
    --------
    >>> alike("payments-eu-2", ["search", "payments-eu-1", "payments-us-1"])
    'payments-eu-1'
    """
    near = difflib.get_close_matches(service, [other for other in others if other != service], 1)
    return near[0] if near else None


def _delete(settings: Settings, arguments: argparse.Namespace) -> None:
    record = ModelDelete(
        service=arguments.service, author=author(), time=time.time(), reason=arguments.reason
    )
    written(record)
    refuse_unknown(settings, arguments.service)
    _control(settings, record)
    print(f"asked the owner of {arguments.service} to forget it")


def _control(settings: Settings, record: ModelImport | ModelPrior | ModelDelete) -> None:
    value = written(record)
    publish(settings, checked_topics(settings).feedback, record.service.encode(), value)


_ACTIONS: dict[str, Callable[[Settings, argparse.Namespace], None]] = {
    "list": _list,
    "show": _show,
    "sensitivity": _sensitivity,
    "export": _export,
    "import": _import,
    "lend": _lend,
    "delete": _delete,
}
