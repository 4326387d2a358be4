"""Names for services from names of any script."""

from __future__ import annotations

import pytest

from producers.names import safe


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "_"),
        ("ünï/é", "ünï_é"),
        ("u\u0308", "ü"),
        ("a.b-c@1:2", "a.b-c@1:2"),
        ("同步", "同步"),
        ("हिन्दी", "हिन्दी"),
        ("сервер 1", "сервер_1"),
        ("a\N{PACKAGE}", "a_"),
    ],
)
def test_safe_names(name: str, expected: str) -> None:
    assert safe(name) == expected


def test_names_without_a_letter_stay_apart() -> None:
    names = ["!!", "??", "__", "\N{PACKAGE}\N{PACKAGE}", "\ud800\ud801"]
    services = {safe(name) for name in names}
    assert len(services) == len(names)
    assert all(service.startswith("_") for service in services)
