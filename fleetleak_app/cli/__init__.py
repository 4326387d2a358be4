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
    "bridge": "fleetleak_app.cli.bridge",
    "processor": "fleetleak_app.cli.processor",
    "sink": "fleetleak_app.cli.sink",
    "topics": "fleetleak_app.cli.topics",
    "broker": "fleetleak_app.cli.broker",
    "doctor": "fleetleak_app.cli.doctor",
    "watched": "fleetleak_app.cli.watched",
    "alerts": "fleetleak_app.cli.alerts",
    "label": "fleetleak_app.cli.label",
    "explain": "fleetleak_app.cli.explain",
    "whitelist": "fleetleak_app.cli.whitelist",
    "policy": "fleetleak_app.cli.policy",
    "notify": "fleetleak_app.cli.notify",
    "report": "fleetleak_app.cli.report",
    "models": "fleetleak_app.cli.models",
    "tracks": "fleetleak_app.cli.tracks",
    "replay-dead-letters": "fleetleak_app.cli.replay_dead_letters",
    "backtest": "fleetleak_app.cli.backtest",
    "replay": "fleetleak_app.cli.replay",
    "plot": "fleetleak_app.cli.plot",
    "evaluate": "fleetleak_app.cli.evaluate",
    "config": "fleetleak_app.cli.config",
}
"""The module of each command. It is imported only when its command runs: the agent must not load what only
a processor needs.

Each module has HELP, SECTIONS (the sections of settings that it uses, or single settings by their path),
`add_arguments(parser)` and `run(loaded, arguments) -> exit code`.
"""

_ALIASES = {
    "bridge.format": ["--format"],
    "bridge.topic": ["--topic"],
    "kafka.bootstrap_servers": ["--bootstrap-servers"],
    "producer.procfs": ["--procfs"],
    "prometheus.match": ["--match"],
    "prometheus.presets": ["--preset"],
    "producer.cgroupfs": ["--cgroupfs"],
}


class CommandFailed(RuntimeError):
    """A command cannot continue. The message is one line, and says what to do."""


def say(line: str) -> None:
    """Print a line to stderr, beside the output of a command."""
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
    """Return the main parser, the parser of the named command, and the module of this command.

    Where no known command is named, these are the main parser twice and None.
    """
    parser = Parser(prog="fleetleak", description="Memory-leak detection for a whole fleet, on Kafka.")
    parser.add_argument("--version", action="version", version=f"fleetleak {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in argv if not word.startswith("-")), None)
    module: ModuleType | None = None
    named = parser
    for name, path in COMMANDS.items():
        if chosen not in (None, name):
            commands.add_parser(name)
            continue
        command = importlib.import_module(path)
        sub = commands.add_parser(name, help=command.HELP, description=command.HELP, allow_abbrev=False)
        if name == chosen:
            module, named = command, sub
            command.add_arguments(sub)
            _add_settings(sub, command.SECTIONS)
    return parser, named, module


def _parsed(argv: Sequence[str]) -> tuple[ModuleType, argparse.Namespace]:
    parser, named, module = _parser(argv)
    arguments, unknown = parser.parse_known_args(argv)
    named.refuse_unknown(unknown)
    if module is None:
        parser.error("name a command first")
    return module, arguments


def command_line(argv: Sequence[str]) -> argparse.Namespace:
    """Return the parsed arguments of a command line, without running its command.

    Raises
    ------
    SystemExit
        If the words are no valid command line.
    """
    return _parsed(argv)[1]


def main(argv: Sequence[str] | None = None, ready: Callable[[], None] = lambda: None) -> int:
    """Run one command, and return its exit code: 0 success, 1 failure, 2 wrong usage or settings.

    Parameters
    ----------
    ready
        Called when all modules are loaded, before the command begins.
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
        # The reader of our output has closed the pipe, as `head` does.
        sys.stderr.close()
        return 0
