"""The answers of a server, kept in a folder, so that a backtest that was interrupted goes on where it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from fleetleak_app.backtest.plan import Plan

_PLAN = "plan.json"
# An older plan ends too early: what happened since would be missed.
_FRESH_SECONDS = 86_400.0
T = TypeVar("T")


def usual_folder(*what: object) -> Path:
    """Return the folder for one question: below the user's cache, by a hash of all that is asked."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = hashlib.sha256(repr(what).encode()).hexdigest()[:16]
    return Path(cache) / "fleetleak" / "backtest" / name


class CannotKeep(Exception):
    """An answer cannot be written. The message is one line, and says what to do."""


class Answers:
    """A folder with the plan and one file for each answer, packed. Only its owner may read it.

    Raises
    ------
    CannotKeep
        If the folder cannot be made; `keep_plan` and `put` also if it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with self._written():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def plan(self, now: float) -> Plan | None:
        """Return the plan of a backtest that began within a day and did not end; or forget its answers."""
        try:
            plan = msgspec.json.decode((self.folder / _PLAN).read_bytes(), type=Plan)
        except (OSError, msgspec.MsgspecError):
            plan = None
        if plan is not None and now - plan.whole.end <= _FRESH_SECONDS:
            return plan
        for file in self.folder.glob("*.answer"):
            file.unlink()
        return None

    def keep_plan(self, plan: Plan) -> None:
        """Write the plan."""
        self._write(_PLAN, msgspec.json.encode(plan))

    def get(self, name: str, kind: type[T]) -> T | None:
        """Return an answer, None if there is none or its file is damaged."""
        try:
            packed = (self.folder / f"{name}.answer").read_bytes()
            return msgspec.msgpack.decode(zlib.decompress(packed), type=kind)
        except (OSError, zlib.error, msgspec.MsgspecError):
            return None

    def put(self, name: str, answer: object) -> None:
        """Keep an answer."""
        self._write(f"{name}.answer", zlib.compress(msgspec.msgpack.encode(answer), 1))

    def _write(self, name: str, data: bytes) -> None:
        # A file has all of its answer or does not exist.
        new = self.folder / f"{name}.new"
        with self._written():
            new.write_bytes(data)
            new.replace(self.folder / name)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CannotKeep(
                f"{self.folder} cannot be written: {error.strerror}: give --answers FOLDER"
            ) from None

    def remove(self) -> None:
        """Remove the folder with all answers."""
        shutil.rmtree(self.folder, ignore_errors=True)
