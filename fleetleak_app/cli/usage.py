"""Wrong usage: the error first, what was probably meant, and no value that may be a secret."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from fleetleak.settings.load import mask_text

EXIT_USAGE = 2
_CHOICE = re.compile(r"invalid choice: '(?P<given>[^']*)' \(choose from (?P<there>.*)\)")


def did_you_mean(given: str, there: Sequence[str]) -> str:
    """Give the words that name the nearest of what there is; none where nothing is near.

    Examples
    --------
    >>> did_you_mean("alert", ["alerts", "label"]), did_you_mean("zz", ["alerts"])
    ('; did you mean alerts?', '')
    """
    near = difflib.get_close_matches(given, there, n=1)
    return f"; did you mean {near[0]}?" if near else ""


class Parser(argparse.ArgumentParser):
    """Says what is wrong before how it is used."""

    def flags(self) -> list[str]:
        """Give the flags it takes."""
        return list(self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        """Print the error, a short usage, and end."""
        if found := _CHOICE.search(message):
            message += did_you_mean(found["given"], re.findall(r"[\w-]+", found["there"]))
        words = " ".join([self.prog, *map(_shown, self._get_positional_actions()), "[--FLAG VALUE ...]"])
        print(f"{self.prog}: {mask_text(message)}", file=sys.stderr)
        print(f"usage: {words}; `{self.prog} --help` tells more", file=sys.stderr)
        sys.exit(EXIT_USAGE)

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Refuse words that are no argument; of flags the names only, as any value may be a secret."""
        flags = [word.partition("=")[0] for word in words if word.startswith("-")]
        if flags:
            hint = did_you_mean(flags[0], self.flags())
            self.error(f"unrecognized arguments: {' '.join(flags)}{hint}")
        if words:
            self.error(f"unrecognized arguments: {' '.join(re.sub('=.*', '=***', word) for word in words)}")


def _shown(action: argparse.Action) -> str:
    if action.metavar:
        return str(action.metavar)
    name = "|".join(map(str, action.choices)) if action.choices else action.dest.upper()
    return f"[{name}]" if action.nargs == "?" else name
