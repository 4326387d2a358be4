"""Extras: what is installed only where it is wanted, and how to get it."""

from __future__ import annotations


def hint(extra: str) -> str:
    """Say how to install an extra; fleetleak is on no public index.

    Examples
    --------
    >>> hint("plot")
    "install fleetleak with its extra plot (uv sync --extra plot, or pip install '.[plot]', in the checkout)"
    """
    return (
        f"install fleetleak with its extra {extra}"
        f" (uv sync --extra {extra}, or pip install '.[{extra}]', in the checkout)"
    )
