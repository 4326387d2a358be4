"""The kernels are there: otherwise the other tests compare the steps in columns with themselves."""

from __future__ import annotations

from processors import kernels


def test_the_kernels_are_compiled() -> None:
    assert kernels.available(), (
        "the kernels are not compiled: install a C compiler, then `uv sync --reinstall-package fleetleak`"
        " (`make test` does both)"
    )


def test_the_columns_can_be_chosen() -> None:
    assert kernels.compiled() is not None
    with kernels.without():
        assert kernels.compiled() is None
        with kernels.without():
            pass
        assert kernels.compiled() is None
    assert kernels.compiled() is not None
