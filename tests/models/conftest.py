"""Suites of models that run with the kernels and without them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from processors import kernels


@pytest.fixture(scope="module", params=["compiled", "columns"])
def either_way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Use the kernels, or the steps in columns (tests/kernels fails where there are no kernels)."""
    if request.param == "compiled":
        yield
        return
    with kernels.without():
        yield
