"""Words in a small picture: signs that the font has, cut to a width, and never one word over another."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

FONT = "DejaVu Sans"  # matplotlib brings it along, so a picture is the same on every host
_UNKNOWN = "\N{WHITE SQUARE}"
_MARK = "\N{LEFT-TO-RIGHT MARK}"

Side = Literal["left", "right"]
"""The edge of a text that stands at its place."""


def clean(text: str) -> str:
    """Return a text in one line, without control signs, and with squares for signs that the font lacks."""
    line = " ".join(text.split())
    shown = (sign for sign in line if unicodedata.category(sign) not in ("Cc", "Cf"))
    return "".join(sign if ord(sign) in _signs() else _UNKNOWN for sign in shown)


def among_latin(text: str) -> str:
    """Return a clean text with marks where it runs left, so that Latin words beside it keep their places."""
    runs_left = any(unicodedata.bidirectional(sign) in ("R", "AL", "AN") for sign in text)
    return f"{_MARK}{text}{_MARK}" if runs_left else text


@cache
def _signs() -> frozenset[int]:
    fonts = (FontProperties(family=FONT, weight=weight) for weight in ("normal", "bold"))
    normal, bold = (frozenset(get_font(findfont(font)).get_charmap()) for font in fonts)
    return normal & bold


def width(text: str, size: float, weight: str = "normal") -> float:
    """Return how wide a clean text is, in points; `size` is that of the font."""
    font = FontProperties(family=FONT, size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def shortened(text: str, most: float, size: float, weight: str = "normal") -> str:
    """Return the longest beginning of a clean text that is at most `most` points wide."""
    if width(text, size, weight) <= most:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if width(f"{text[:middle]}…", size, weight) <= most:
            fits = middle
        else:
            too_long = middle
    return f"{text[:fits].rstrip()}…"


class Row:
    """A row of words and marks that do not overlap; places are in points from the left edge of the axes."""

    def __init__(self, begin: float, end: float, size: float) -> None:
        self._begin, self._end, self._size = begin, end, size
        self._taken: list[tuple[float, float]] = []

    def take(self, begin: float, end: float) -> None:
        """Keep words away from a stretch."""
        self._taken.append((begin, end))

    def put(
        self, at: float, texts: Iterable[str], sides: Sequence[Side], gap: float
    ) -> tuple[str, Side] | None:
        """Return the first of some texts that fits beside a place, and its side; None where none fits."""
        for text in texts:
            long = width(text, self._size)
            for side in sides:
                begin = {"left": at + gap, "right": at - gap - long}[side]
                if self._is_free(begin, begin + long):
                    self.take(begin, begin + long)
                    return text, side
        return None

    def _is_free(self, begin: float, end: float) -> bool:
        inside = self._begin <= begin and end <= self._end
        return inside and all(end < first or last < begin for first, last in self._taken)
