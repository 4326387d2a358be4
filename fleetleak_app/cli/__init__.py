"""The command line. One command, one file, one line in COMMANDS."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from fleetleak import __version__
from fleetleak.kafka.client import properties_checked
from fleetleak.settings import BadSetting, load
from fleetleak.settings.load import Setting, all_settings, allowed
from fleetleak.stopping import Stopped
from fleetleak_app.cli.usage import EXIT_USAGE as EXIT_USAGE
from fleetleak_app.cli.usage import Parser

COMMANDS = {
    "demo": "fleetleak_app.cli.demo",
    "producer": "fleetleak_app.cli.producer",
    "processor": "fleetleak_app.cli.processor",
    "sink": "fleetleak_app.cli.sink",
    "topics": "fleetleak_app.cli.topics",
    "broker": "fleetleak_app.cli.broker",
    "doctor": "fleetleak_app.cli.doctor",
    "watched": "fleetleak_app.cli.watched",
    "alerts": "fleetleak_app.cli.alerts",
    "label": "fleetleak_app.cli.label",
    "report": "fleetleak_app.cli.report",
    "models": "fleetleak_app.cli.models",
    "tracks": "fleetleak_app.cli.tracks",
    "replay-dead-letters": "fleetleak_app.cli.replay_dead_letters",
    "replay": "fleetleak_app.cli.replay",
    "plot": "fleetleak_app.cli.plot",
    "evaluate": "fleetleak_app.cli.evaluate",
    "config": "fleetleak_app.cli.config",
}
"""Imported only when asked for: the agent must not load what a processor needs.

Each module has HELP, SECTIONS (of settings it uses; or single settings, by their path),
`add_arguments(parser)` and `run(loaded, arguments) -> exit code`.
"""

_ALIASES = {
    "kafka.bootstrap_servers": ["--bootstrap-servers"],
    "producer.procfs": ["--procfs"],
    "producer.cgroupfs": ["--cgroupfs"],
}


class CommandFailed(RuntimeError):
    """A command cannot go on; the message is one line that says what to do."""


def say(line: str) -> None:
    """Tell people something beside a command's output."""
    print(f"fleetleak: {line}", file=sys.stderr)


def _flag_help(setting: Setting) -> str:
    default = "" if setting.default in (None, [], {}) else f" Default {setting.default}."
    return f"{setting.help} ({allowed(setting)}.{default})".replace("%", "%%")


def _add_settings(parser: argparse.ArgumentParser, sections: Sequence[str]) -> None:
    group = parser.add_argument_group("settings (docs/settings.md)")
    group.add_argument("--config", metavar="FILE", help="a TOML file of settings")
    for setting in all_settings():
        if setting.section not in sections and setting.path not in sections:
            continue
        names = [setting.flag, *_ALIASES.get(setting.path, [])]
        action = "append" if setting.repeats else "store"
        group.add_argument(
            *names, dest=setting.path, action=action, default=argparse.SUPPRESS, metavar="VALUE",
            help=_flag_help(setting),
        )  # fmt: skip


def _parser(argv: Sequence[str]) -> tuple[Parser, Parser, ModuleType | None]:
    """Give the parser, that of the command that is named, and its module."""
    parser = Parser(prog="fleetleak", description="Memory-leak detection for a whole fleet, on Kafka.")
    parser.add_argument("--version", action="version", version=f"fleetleak {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in argv if not word.startswith("-")), None)
    module: ModuleType | None = None
    named = parser
    for name, place in COMMANDS.items():
        if chosen not in (None, name):
            commands.add_parser(name)
            continue
        found = importlib.import_module(place)
        sub = commands.add_parser(name, help=found.HELP, description=found.HELP, allow_abbrev=False)
        if name == chosen:
            module, named = found, sub
            found.add_arguments(sub)
            _add_settings(sub, found.SECTIONS)
    return parser, named, module


def _parsed(argv: Sequence[str]) -> tuple[ModuleType, argparse.Namespace]:
    parser, named, module = _parser(argv)
    arguments, unknown = parser.parse_known_args(argv)
    named.refuse_unknown(unknown)
    if module is None:
        parser.error("name a command first")
    return module, arguments


def command_line(argv: Sequence[str]) -> argparse.Namespace:
    """Give the words of a command line as its command gets them, without running it.

    Raises
    ------
    SystemExit
        If they are no command line of ours.
    """
    return _parsed(argv)[1]


def main(argv: Sequence[str] | None = None, ready: Callable[[], None] = lambda: None) -> int:
    """Run one command; give its exit code: 0 well, 1 failed, 2 wrong usage or settings.

    Parameters
    ----------
    ready
        Called when everything is loaded and the command begins.
    """
    argv = sys.argv[1:] if argv is None else argv
    module, arguments = _parsed(argv)
    flags = {name: value for name, value in vars(arguments).items() if "." in name}
    try:
        loaded = load(arguments.config, flags=flags)
    except BadSetting as error:
        say(str(error))
        return EXIT_USAGE
    for warning in loaded.warnings:
        say(warning)
    ready()
    return _run(module, loaded, arguments)


def _run(module: ModuleType, loaded: object, arguments: argparse.Namespace) -> int:
    try:
        with properties_checked():
            return int(module.run(loaded, arguments))
    except BadSetting as error:
        say(str(error))
        return EXIT_USAGE
    except CommandFailed as error:
        say(str(error))
        return 1
    except Stopped:
        raise
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        return 0
