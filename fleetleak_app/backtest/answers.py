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

Asked = dict[str, str]
"""What is asked, by the name of the option: it decides whether answers can be used again."""


class OtherQuestion(ValueError):
    """A folder has the answers to another question."""


class _Kept(msgspec.Struct):
    """What is asked, and how it is read."""

    asked: Asked
    plan: Plan


def usual_folder(asked: Asked, now: float) -> Path:
    """Return the folder for one question, below the user's cache; remove those of older questions."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fleetleak" / "backtest"
    for old in cache.glob("*/"):
        if now - old.stat().st_mtime > _FRESH_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    return cache / hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()[:16]


class CannotKeep(Exception):
    """An answer cannot be written. The message is one line, and says what to do."""


class Answers:
    """A folder with the plan and one file for each answer, packed. Only its owner may read it.

    Parameters
    ----------
    named
        Whether the user named the folder: its answers have no end, and are never removed.
    """

    def __init__(self, folder: Path, asked: Asked, named: bool = False) -> None:
        self._folder = folder
        self._asked = asked
        self._named = named

    def plan(self, now: float) -> Plan | None:
        """Return the plan of an earlier backtest with the same question; None if there is none.

        Raises
        ------
        OtherQuestion
            If the folder has the answers to another one.
        """
        try:
            kept = msgspec.json.decode((self._folder / _PLAN).read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return None
        if kept.asked != self._asked:
            names = sorted(kept.asked.keys() | self._asked.keys())
            differ = [name for name in names if kept.asked.get(name) != self._asked.get(name)]
            was = ", ".join(f"{name} was {kept.asked.get(name, '')!r}" for name in differ)
            raise OtherQuestion(
                f"{self._folder} has the answers to another question ({was}): name another folder"
            )
        if not self._named and now - kept.plan.whole.end > _FRESH_SECONDS:
            self.remove()
            return None
        return kept.plan

    def keep_plan(self, plan: Plan) -> None:
        """Write the plan.

        Raises
        ------
        CannotKeep
            If the folder cannot be made or written.
        """
        with self._written():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write(_PLAN, msgspec.json.encode(_Kept(self._asked, plan)))

    def get(self, name: str, kind: type[T]) -> T | None:
        """Return an answer, None if there is none or its file is damaged."""
        try:
            packed = (self._folder / f"{name}.answer").read_bytes()
            return msgspec.msgpack.decode(zlib.decompress(packed), type=kind)
        except (OSError, zlib.error, msgspec.MsgspecError):
            return None

    def put(self, name: str, answer: object) -> None:
        """Keep an answer.

        Raises
        ------
        CannotKeep
            If it cannot be written.
        """
        self._write(f"{name}.answer", zlib.compress(msgspec.msgpack.encode(answer), 1))

    def _write(self, name: str, data: bytes) -> None:
        # A file has all of its answer or does not exist.
        new = self._folder / f"{name}.new"
        with self._written():
            new.write_bytes(data)
            new.replace(self._folder / name)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CannotKeep(
                f"{self._folder} cannot be written: {error.strerror}: give --answers FOLDER"
            ) from None

    def has_some(self) -> bool:
        """Return whether any answer is kept."""
        return any(self._folder.glob("*.answer"))

    def done(self) -> None:
        """Remove the folder, unless the user named it."""
        if not self._named:
            self.remove()

    def remove(self) -> None:
        """Remove the folder with all answers."""
        shutil.rmtree(self._folder, ignore_errors=True)
