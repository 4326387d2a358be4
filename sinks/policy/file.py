"""The policy file as it is written: its tables, their fields and defaults."""

from __future__ import annotations

import datetime
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from fleetleak.records.alert import Severity
from fleetleak.records.types import Fraction, Name, Text
from sinks.policy.conditions import BadPolicy

_MOST_SECRET_BYTES = 64 * 1024
_DEFAULT = Path(__file__).with_name("default.toml")
Factor = Annotated[float, Meta(gt=0, le=10)]
CoolDown = Annotated[float, Meta(ge=0, le=86400)]
Table = dict[str, Any]
FindingName = Literal["leak"]
"""Every kind of finding that rules can be about: `Vocabulary.finding`."""


class Thresholds(Struct, forbid_unknown_fields=True):
    """The confidence that a rule needs if it does not say one, and the factor of each environment."""

    base: Fraction = 0.7
    cap: Fraction = 0.95
    environments: dict[Name, Factor] = {}


class RuleTable(Struct, forbid_unknown_fields=True):
    """One rule. The first one whose `kinds` and `where` fit a finding decides its severity.

    Parameters
    ----------
    finding
        What kind of finding it is about.
    severity
        Its severity where everything in `needs` holds and the confidence is enough; else one step lower.
    confidence
        Before the factor of the environment; without it `thresholds.base`.
    cooldown_seconds
        The least time between two updates of one alert; one that is more severe or more urgent does not wait.
    silent
        Whether findings that do not meet the rule are no alerts at all.
    runbook
        A link; `{service}` and `{kind}` in it are filled in.
    """

    name: Name
    severity: Severity
    finding: FindingName = "leak"
    kinds: list[Name] = []
    confidence: Fraction | None = None
    cooldown_seconds: CoolDown = 1800.0
    where: Table = {}
    needs: Table = {}
    silent: bool = False
    runbook: Text | None = None


class WhitelistTable(Struct, forbid_unknown_fields=True):
    """Findings that are no alerts until a day."""

    where: Table
    until: datetime.date
    reason: Text
    finding: FindingName = "leak"


class RouteTable(Struct, forbid_unknown_fields=True):
    """Alerts that go to targets. An alert goes to the targets of every route that it fits, once each."""

    targets: list[Name]
    where: Table = {}


class Secret(Struct, forbid_unknown_fields=True, frozen=True):
    """Where a secret is: `{ env = "NAME" }` or `{ file = "/path" }`; never in the policy file itself."""

    env: str | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        if (self.env is None) == (self.file is None):
            raise ValueError('write { env = "NAME" } or { file = "/path" }')

    def value(self) -> str:
        """Return the secret, without white space around it.

        Raises
        ------
        BadPolicy
            If it is not there or empty.
        """
        text = self._read().strip()
        if not text:
            raise BadPolicy(f"the secret of {self} is empty")
        return text

    def _read(self) -> str:
        if self.env is not None:
            if self.env not in os.environ:
                raise BadPolicy(f"there is no environment variable {self.env}, which should have a secret")
            return os.environ[self.env]
        try:
            with open(self.file or "", encoding="utf-8") as file:
                return file.read(_MOST_SECRET_BYTES)
        except (OSError, UnicodeDecodeError) as error:
            raise BadPolicy(f"the secret in {self.file} cannot be read: {error}") from None


class AnswersTable(Struct, forbid_unknown_fields=True):
    """The secrets that prove who answers. Without the secret of a target its answers are not taken."""

    slack_secret: Secret | None = None
    pagerduty_secret: Secret | None = None


class PolicyFile(Struct, forbid_unknown_fields=True):
    """The whole file. `targets` has one table for each target; its `kind` says which fields it has."""

    thresholds: Thresholds = msgspec.field(default_factory=Thresholds)
    rules: list[RuleTable] = []
    whitelist: list[WhitelistTable] = []
    targets: dict[Name, Table] = {}
    routes: list[RouteTable] = []
    answers: AnswersTable = msgspec.field(default_factory=AnswersTable)


def read(path: str | None) -> PolicyFile:
    """Return a policy file, completed by the default rules; None: the defaults alone.

    The file's rules come first. A factor of an environment and a threshold that it gives replace the default.

    Raises
    ------
    BadPolicy
        If the file cannot be read, or has a table or field that does not exist.
    """
    default = _decoded(_DEFAULT.read_bytes(), "the default policy")
    if path is None:
        return default
    try:
        stored = Path(path).read_bytes()
    except OSError as error:
        raise BadPolicy(f"policy file {path}: {error.strerror}") from None
    given = _decoded(stored, f"policy file {path}")
    given.rules = [*given.rules, *default.rules]
    given.thresholds.environments = default.thresholds.environments | given.thresholds.environments
    return given


def _decoded(stored: bytes, place: str) -> PolicyFile:
    try:
        policy: PolicyFile = converted(tomllib.loads(stored.decode()), PolicyFile, place)
        return policy
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPolicy(f"{place} is not TOML: {error}") from None


def converted(table: Any, to: type[Any], place: str) -> Any:
    """Return a table as a struct.

    Raises
    ------
    BadPolicy
        With the place of the first field that does not exist or has a wrong value.
    """
    try:
        return msgspec.convert(table, to)
    except msgspec.ValidationError as error:
        raise BadPolicy(f"{place}: {str(error).replace('`$.', '`')}") from None
