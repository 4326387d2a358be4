"""Names that a record may hold, made from names that a source gives."""

from __future__ import annotations

import hashlib
import re
import unicodedata

# What a record may hold.
LONGEST = 256
MOST_LABELS = 32

_UNSAFE = re.compile(r"[^\w.@:+-]", re.ASCII)
# What a name keeps of other scripts, by Unicode category: letters, marks (vowels in many scripts) and digits.
_KEPT = "LMN"


def readable(name: str) -> str:
    """Return the name with each lone surrogate (a byte that is not UTF-8) written as an escape."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()


def fit(name: str) -> str:
    """Return a name that a record may hold: not empty, valid Unicode, at most 256 characters.

    A longer name ends with a hash of itself, so that long names with the same beginning stay different.
    """
    valid = readable(name)
    return (valid if len(valid) <= LONGEST else apart(valid, valid)) or "_"


def apart(name: str, what: str) -> str:
    """Return the name with a hash of `what` it stands for: equal names of two things become different."""
    marked = f"~{mark(what)}"
    return name[: LONGEST - len(marked)] + marked


def mark(text: str) -> str:
    """Return a short mark of a text that stays the same; not for security."""
    return hashlib.sha1(text.encode("utf-8", "backslashreplace"), usedforsecurity=False).hexdigest()[:8]


def safe(name: str) -> str:
    """Return a name for a service: characters other than letters, digits and `._@:+-` become `_`.

    Letters and digits of every script are kept. A name without any gets a hash, so that it differs from
    other such names.
    """
    if name.isascii():
        cleaned = _UNSAFE.sub("_", name)
    else:
        cleaned = "".join(map(_safe_character, unicodedata.normalize("NFC", name)))
    if cleaned.strip("_"):
        return cleaned
    return f"_{mark(name)}" if name else "_"


def _safe_character(character: str) -> str:
    if character.isascii() or unicodedata.category(character)[0] not in _KEPT:
        return _UNSAFE.sub("_", character)
    return character
