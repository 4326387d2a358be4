"""Wrong usage: print the error first, then what was probably meant, but no value that may be a secret."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from fleetleak.settings.load import did_you_mean, mask_text

EXIT_USAGE = 2
_CHOICE = re.compile(r"invalid choice: '(?P<given>[^']*)' \(choose from (?P<known>.*)\)")


class Parser(argparse.ArgumentParser):
    """A parser that prints what is wrong before the usage."""

    def flags(self) -> list[str]:
        """Return the flags of this command."""
        return list(self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        """Print the error and a short usage, and end the process."""
        if choice := _CHOICE.search(message):
            message += did_you_mean(choice["given"], re.findall(r"[\w-]+", choice["known"]))
        words = " ".join([self.prog, *map(_shown, self._get_positional_actions()), "[--FLAG VALUE ...]"])
        print(f"{self.prog}: {mask_text(message)}", file=sys.stderr)
        print(f"usage: {words}; `{self.prog} --help` tells more", file=sys.stderr)
        sys.exit(EXIT_USAGE)

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Refuse unknown words; print only the names of flags, because any value may be a secret."""
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
