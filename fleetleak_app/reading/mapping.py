"""`--columns FIELD=COLUMN,...`: columns by name or position."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from fleetleak_app.reading.names import FIELDS, suggested
from fleetleak_app.reading.notes import BadRecording, listed

_POSITION = re.compile(r"#([1-9]\d{0,5})", re.ASCII)


def parse_mapping(text: str) -> dict[str, str]:
    """Return `field=column,field=column` as a dict; a comma inside quotes or braces does not separate.

    Examples
    --------
    >>> parse_mapping("service=series,used=#3")
    {'service': 'series', 'used': '#3'}
    >>> parse_mapping('used="a,b",total=m{x="1",y="2"}')
    {'used': 'a,b', 'total': 'm{x="1",y="2"}'}

    Raises
    ------
    BadRecording
        If a field is not a snapshot field, is named twice, or has no column.
    """
    mapping: dict[str, str] = {}
    for part in _parts(text):
        field, sign, column = (piece.strip() for piece in _unquoted(part).partition("="))
        if not sign or not column:
            raise BadRecording(f"--columns has {part.strip()!r}: give FIELD=COLUMN")
        if field not in FIELDS:
            raise BadRecording(f"--columns names {field}: {_did_you_mean(field)}")
        if field in mapping:
            raise BadRecording(f"--columns names {field} twice")
        mapping[field] = _unquoted(column)
    return mapping


def _did_you_mean(field: str) -> str:
    near = suggested(field) or next(iter(difflib.get_close_matches(field, sorted(FIELDS), 1)), None)
    meant = f"did you mean {near}? " if near else ""
    return f"{meant}A snapshot has {', '.join(sorted(FIELDS))}"


def _parts(text: str) -> list[str]:
    parts, begin, depth, quoted = [], 0, 0, False
    for at, sign in enumerate(text):
        if sign == '"':
            quoted = not quoted
        elif not quoted and sign in "{}":
            depth = max(0, depth + (1 if sign == "{" else -1))
        elif sign == "," and not quoted and not depth:
            parts.append(text[begin:at])
            begin = at + 1
    if quoted:
        raise BadRecording(f"--columns {text}: a quote is not closed")
    return [part for part in (*parts, text[begin:]) if part.strip()]


def _unquoted(text: str) -> str:
    text = text.strip()
    whole = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1].replace('""', '"') if whole else text


def positions(mapping: Mapping[str, str], names: Sequence[str], file: str) -> dict[str, int]:
    """Return the position of the column of each field.

    Raises
    ------
    BadRecording
        If a column does not exist.
    """
    return {field: _position(field, column, names, file) for field, column in mapping.items()}


def _position(field: str, column: str, names: Sequence[str], file: str) -> int:
    if column in names:
        return names.index(column)
    folded = [name.casefold() for name in names]
    if (wanted := column.strip().casefold()) in folded:
        return folded.index(wanted)
    number = _POSITION.fullmatch(column)
    if number and int(number[1]) <= len(names):
        return int(number[1]) - 1
    near = difflib.get_close_matches(wanted, folded, 1)
    meant = f"did you mean {names[folded.index(near[0])]}? " if near else ""
    raise BadRecording(f"{file} has no column {column} for {field}: {meant}It has {listed(names)}")
