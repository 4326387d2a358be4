"""Extras: optional packages, and how to install them."""

from __future__ import annotations


def hint(extra: str) -> str:
    """Return how to install an extra; fleetleak is on no public package index.

    Examples
    --------
    >>> hint("plot")
    "install fleetleak with its extra plot (uv sync --extra plot, or pip install '.[plot]', in the checkout)"
    """
    return (
        f"install fleetleak with its extra {extra}"
        f" (uv sync --extra {extra}, or pip install '.[{extra}]', in the checkout)"
    )
