"""From bytes to text: gzip, UTF-8, UTF-16, Latin-1; any line ends."""

from __future__ import annotations

import codecs
import gzip
import zlib

from fleetleak_app.reading.notes import BadRecording, Notes

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LOOKED_AT = 4096
# First bytes of files that are no text, but that people try to read.
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
    """Return the bytes of a file, unpacked if it is gzip.

    Raises
    ------
    BadRecording
        If the gzip is damaged.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise BadRecording(f"{file} is damaged gzip: {error}") from None


def to_text(data: bytes, file: str, notes: Notes) -> str:
    """Return the text of a file, with `\\n` at the end of each line.

    Raises
    ------
    BadRecording
        If the file is no text.
    """
    for head, what in _OTHERS.items():
        if data.startswith(head):
            raise BadRecording(f"{file} is {what}")
    text = _decoded(data, file, notes)
    if "\0" in text:
        notes.note(f"{file} holds NUL bytes: they are left out")
        text = text.replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _decoded(data: bytes, file: str, notes: Notes) -> str:
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
    notes.note(f"{file} is not UTF-8: read as Latin-1 (Windows-1252)")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _utf16(data: bytes) -> str | None:
    """Return the UTF-16 encoding of text without a mark (every second byte is NUL), or None."""
    even, odd = data[:_LOOKED_AT:2], data[1:_LOOKED_AT:2]
    if not odd:
        return None
    for encoding, high, low in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if high.count(0) > 0.7 * len(high) and low.count(0) < 0.1 * len(low):
            return encoding
    return None
