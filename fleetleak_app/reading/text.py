"""Bytes to text: gzip, UTF-8, UTF-16, Latin-1; any line ends."""

from __future__ import annotations

import codecs
import gzip
import zlib

from fleetleak_app.reading.findings import BadRecording, Findings

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LOOKED_AT = 4096
# What begins so is no text, and people give it to us.
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive or an Excel file: unpack it, or export it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel file: export it as CSV",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it",
    b"\xfd7zXZ": "compressed with xz: unpack it",
    b"BZh": "compressed with bzip2: unpack it",
    b"SQLite format 3": "an SQLite database: export the table as CSV",
}
_TEXT_SIGNS = {*range(32, 256), *b"\t\n\r\f\v\0"}


def unpacked(data: bytes, file: str) -> bytes:
    """Give the bytes of a file without gzip.

    Raises
    ------
    BadRecording
        If it is damaged.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise BadRecording(f"{file} is damaged gzip: {error}") from None


def to_text(data: bytes, file: str, findings: Findings) -> str:
    """Give the text of a file, its lines ended by `\\n`.

    Raises
    ------
    BadRecording
        If it is no text.
    """
    for head, what in _OTHERS.items():
        if data.startswith(head):
            raise BadRecording(f"{file} is {what}")
    text = _decoded(data, file, findings)
    if "\0" in text:
        findings.note(f"{file} holds NUL bytes: they are left out")
        text = text.replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _decoded(data: bytes, file: str, findings: Findings) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if wide := _utf16(data):
        return data.decode(wide, errors="replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    odd = sum(byte not in _TEXT_SIGNS for byte in data[:_LOOKED_AT])
    if odd > len(data[:_LOOKED_AT]) / 50:
        raise BadRecording(f"{file} is neither text (CSV, JSON) nor Parquet")
    findings.note(f"{file} is not UTF-8: read as Latin-1 (Windows-1252)")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _utf16(data: bytes) -> str | None:
    """Tell UTF-16 without a mark by the NULs at every second byte."""
    even, odd = data[:_LOOKED_AT:2], data[1:_LOOKED_AT:2]
    if not odd:
        return None
    for encoding, high, low in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if high.count(0) > 0.7 * len(high) and low.count(0) < 0.1 * len(low):
            return encoding
    return None
