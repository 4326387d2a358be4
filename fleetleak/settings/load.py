"""Loads settings: default, TOML file, environment, flag; a later source wins."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fleetleak.settings.tree import Settings

_SECRET = re.compile(
    r"pass|pwd|secret|token|jaas|ssl\.key|private\.key|\.pem|credential|oauthbearer\.config|authorization"
    r"|cookie|api[._-]?key",
    re.IGNORECASE,
)
_HIDDEN = "***"
_PAIR = re.compile(r"(?P<name>[\w.-]+)=(?P<value>.*?)(?=,[\w.-]+=|\s--?\w|$)", re.DOTALL)
# Each value of these flags is one regular expression, and may have commas.
_WHOLE = frozenset({"producer.match", "producer.rules"})
# The variables that Kubernetes sets in each pod for a service whose name begins with fleetleak.
_KUBERNETES = re.compile(
    r"\w+_SERVICE_(HOST|PORT(_\w+)?)=.*|\w+_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?=\w+://.*"
    r"|\w+_PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)=.*"
)


class BadSetting(ValueError):
    """A setting that cannot be used; the message is one line with what is allowed."""


@dataclass(frozen=True)
class Setting:
    """One leaf of the tree."""

    section: str
    name: str
    type: Any
    default: Any

    @property
    def path(self) -> str:
        """Return its name in a TOML file, as section.name."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """Return the name of its environment variable."""
        return f"FLEETLEAK_{self.section}_{self.name}".upper()

    @property
    def flag(self) -> str:
        """Return its command-line flag."""
        return f"--{self.section}-{self.name}".replace("_", "-")

    @property
    def info(self) -> msgspec.inspect.Type:
        """Return the inner type with its limits."""
        info = msgspec.inspect.type_info(self.type)
        return info.type if isinstance(info, msgspec.inspect.Metadata) else info

    @property
    def bare(self) -> msgspec.inspect.Type:
        """Return the inner type without its `None`."""
        if not isinstance(self.info, msgspec.inspect.UnionType):
            return self.info
        return next(t for t in self.info.types if not isinstance(t, msgspec.inspect.NoneType))

    @property
    def help(self) -> str:
        """Return its meaning, in one sentence."""
        info = msgspec.inspect.type_info(self.type)
        while isinstance(info, msgspec.inspect.Metadata):
            if text := (info.extra_json_schema or {}).get("description"):
                return str(text)
            info = info.type
        raise AssertionError(f"{self.path} has no description")

    @property
    def repeats(self) -> bool:
        """Return whether its flag may be given several times."""
        return isinstance(self.bare, msgspec.inspect.ListType | msgspec.inspect.DictType)


def all_settings() -> Iterator[Setting]:
    """Yield every leaf of the tree, in the order of the file."""
    defaults = Settings()
    for section in msgspec.structs.fields(Settings):
        values = getattr(defaults, section.name)
        for leaf in msgspec.structs.fields(section.type):
            yield Setting(section.name, leaf.name, leaf.type, getattr(values, leaf.name))


def allowed(setting: Setting) -> str:
    """Return the allowed values of a setting, in words."""
    return _allowed(setting.info)


def _allowed(info: msgspec.inspect.Type) -> str:
    match info:
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            word = "a whole number" if isinstance(info, msgspec.inspect.IntType) else "a number"
            low = f" from {_exact(info.ge)}" if info.ge is not None else ""
            return word + low + (f" to {_exact(info.le)}" if info.le is not None else "")
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.LiteralType():
            return "one of " + ", ".join(sorted(map(str, info.values)))
        case msgspec.inspect.ListType():
            return "a list of words, separated by commas"
        case msgspec.inspect.DictType():
            return "name=value pairs, separated by commas"
        case msgspec.inspect.UnionType():
            return _allowed(info.types[0]) + ", or nothing"
        case msgspec.inspect.StrType() if info.pattern:
            return f"text that fits {info.pattern}"
        case _:
            return "text"


def _exact(limit: float) -> str:
    return str(int(limit) if limit == int(limit) else limit)


def _pairs(items: Sequence[str]) -> dict[str, str]:
    pairs = dict(item.split("=", 1) for item in items)
    return {name.strip(): value.strip() for name, value in pairs.items()}


def _from_text(setting: Setting, raw: str | Sequence[str]) -> Any:
    """Return the text of an environment variable or flag as a text, a list or pairs."""
    if not setting.repeats:
        return raw
    pairs = isinstance(setting.info, msgspec.inspect.DictType)
    if isinstance(raw, str):
        if raw.startswith(("[", "{")):
            return json.loads(raw)
        items = [item for item in raw.split(",") if item]
    elif pairs and len(raw) == 1 and raw[0].startswith("{"):
        return json.loads(raw[0])
    else:
        items = [part for item in raw for part in _parts(setting, item) if part]
    return _pairs(items) if pairs else items


def _parts(setting: Setting, item: str) -> list[str]:
    """Return the items of one flag. In pairs, a comma without a name after it is part of the value."""
    if setting.path in _WHOLE:
        return [item]
    return re.split(r",(?=[\w.-]+=)" if isinstance(setting.info, msgspec.inspect.DictType) else ",", item)


def _checked(setting: Setting, value: Any, origin: str) -> Any:
    try:
        shaped = _from_text(setting, value) if origin != "file" else value
        return msgspec.convert(shaped, setting.type, strict=origin == "file")
    except (ValueError, TypeError, RecursionError):
        subject = f"setting {setting.path} (from {_place(setting, origin)}) is"
        if origin == "file" and (fix := _quoting(setting, value)):
            raise BadSetting(f"{subject} {fix}") from None
        shown = _shown(setting, value)
        raise BadSetting(f"{subject} {shown!r}: give {allowed(setting)}") from None


def _quoting(setting: Setting, value: Any) -> str:
    """Return what is wrong with the quotes of a value in a file; empty if the quotes are right."""
    if not isinstance(value, str):
        return ""
    if isinstance(setting.info, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        with contextlib.suppress(ValueError):
            float(value)
            return f"the text {value!r}: write it without quotes"
    if isinstance(setting.bare, msgspec.inspect.ListType):
        return f"the text {value!r}: write {json.dumps([value])}"
    return ""


def _shown(setting: Setting, value: Any) -> Any:
    """Return a refused value as it may be shown; of pairs only the names, since a value may be a secret."""
    if not isinstance(setting.info, msgspec.inspect.DictType):
        return value
    return dict.fromkeys(value, _HIDDEN) if isinstance(value, Mapping) else _HIDDEN


def _place(setting: Setting, origin: str) -> str:
    return {"file": "the file", "environment": setting.variable, "flag": setting.flag}[origin]


def mask_text(text: str) -> str:
    """Return a text in which the values of `name=value` pairs that may be secret are hidden.

    Examples
    --------
    >>> mask_text("a.b=c,sasl.password=x,y --z")
    'a.b=c,sasl.password=*** --z'
    """
    return _PAIR.sub(lambda m: f"{m['name']}={_HIDDEN}" if _SECRET.search(m["name"]) else m[0], text)


def mask(value: Any) -> Any:
    """Return a setting's value for printing, without the secrets in librdkafka properties."""
    if not isinstance(value, Mapping):
        return value
    return {name: _HIDDEN if _SECRET.search(name) else v for name, v in value.items()}


@dataclass(frozen=True)
class Loaded:
    """The effective settings, and the source of each value."""

    settings: Settings
    origin: dict[str, str]
    warnings: list[str]


def load(
    file: str | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str | Sequence[str]] | None = None,
) -> Loaded:
    """Return the settings merged from defaults, file, environment and flags.

    Parameters
    ----------
    file
        A TOML file; without it, the file that `FLEETLEAK_CONFIG` names.
    environment, flags
        Values as text: of the environment by variable, of the flags by the path of the setting.

    Raises
    ------
    BadSetting
        If a value, a name in the file, or the file itself cannot be used.
    """
    environment = os.environ if environment is None else environment
    file = file or environment.get("FLEETLEAK_CONFIG")
    stored = _read_file(file) if file else {}
    values: dict[str, dict[str, Any]] = {}
    origins: dict[str, str] = {}
    for setting in all_settings():
        origin, raw = _latest(setting, stored, environment, flags or {})
        origins[setting.path] = origin
        if origin != "default":
            values.setdefault(setting.section, {})[setting.name] = _checked(setting, raw, origin)
    settings = Settings()
    for section, leaves in values.items():
        for name, value in leaves.items():
            setattr(getattr(settings, section), name, value)
    return Loaded(settings, origins, _unknown_variables(environment))


def _latest(
    setting: Setting,
    stored: Mapping[str, Mapping[str, Any]],
    environment: Mapping[str, str],
    flags: Mapping[str, str | Sequence[str]],
) -> tuple[str, Any]:
    if setting.path in flags:
        return "flag", flags[setting.path]
    if setting.variable in environment:
        return "environment", environment[setting.variable]
    if setting.name in stored.get(setting.section, {}):
        return "file", stored[setting.section][setting.name]
    return "default", setting.default


def _read_file(path: str) -> dict[str, dict[str, Any]]:
    try:
        tree = tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise BadSetting(f"settings file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadSetting(f"settings file {path} is not TOML: {error}") from None
    known = {s.path for s in all_settings()}
    for section, leaves in tree.items():
        names = leaves if isinstance(leaves, dict) else {"": None}
        for name in names:
            path_in_tree = f"{section}.{name}".rstrip(".")
            if path_in_tree not in known:
                hint = did_you_mean(path_in_tree, known) or "; see `fleetleak config`"
                raise BadSetting(f"settings file {path}: there is no setting {path_in_tree}{hint}")
    return tree


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    known = {s.variable for s in all_settings()} | {"FLEETLEAK_CONFIG"}
    return [
        f"environment variable {name} is not a setting{did_you_mean(name, known)}"
        for name, value in sorted(environment.items())
        if name.startswith("FLEETLEAK_") and name not in known
        if not _KUBERNETES.fullmatch(f"{name}={value}")
    ]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the most similar known word; empty if no word is similar.

    Examples
    --------
    >>> did_you_mean("alert", ["alerts", "label"]), did_you_mean("zz", ["alerts"])
    ('; did you mean alerts?', '')
    """
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
