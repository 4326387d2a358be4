"""The name of an alert's picture in an address: the alert's key in letters, digits, `-` and `_`."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error


def picture_name(key: str) -> str:
    """Return the name of the picture of an alert.

    Examples
    --------
    >>> picture_name("shop/cart@1790003960"), key_of("c2hvcC9jYXJ0QDE3OTAwMDM5NjA")
    ('c2hvcC9jYXJ0QDE3OTAwMDM5NjA', 'shop/cart@1790003960')
    """
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def key_of(name: str) -> str | None:
    """Return the key of the alert that a picture's name means; None if it means none."""
    try:
        return urlsafe_b64decode(f"{name}{'=' * (-len(name) % 4)}".encode()).decode()
    except (Error, UnicodeDecodeError):
        return None
