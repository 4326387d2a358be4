"""A kernel refuses arrays that do not fit, before it reads or writes outside one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from processors import kernels
from processors.calibration import Calibration
from processors.models import SNARIMAX, EWStats, HalfSpaceTrees, PageHinkley

Array = NDArray[Any]
Arguments = list[Any]
MODELS: dict[str, Callable[[], Any]] = {
    "calibration": lambda: Calibration(2),
    "ew_stats": lambda: EWStats(2, features=2),
    "half_space_trees": lambda: HalfSpaceTrees(2, features=2, n_trees=2, height=3, window_size=4),
    "page_hinkley": lambda: PageHinkley(2),
    "snarimax": lambda: SNARIMAX(2, p=1, d=1, q=1),
}
ARRAYS = {name: 13 if name == "half_space_trees" else 9 for name in MODELS}
FIRST_WRITTEN = {name: 7 if name == "half_space_trees" else 5 for name in MODELS}
every_array = pytest.mark.parametrize(
    ("name", "at"), [(name, at) for name, count in ARRAYS.items() for at in range(count)]
)
every_kernel = pytest.mark.parametrize("name", MODELS)


class Recorder:
    """The kernels, and the arguments that they were called with."""

    def __init__(self) -> None:
        self.calls: list[Arguments] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def kernel(*arguments: Any) -> Any:
            self.calls.append(list(arguments))
            return getattr(kernels.compiled(), name)(*arguments)

        return kernel


@pytest.fixture
def arguments(name: str, monkeypatch: pytest.MonkeyPatch) -> Arguments:
    """Return the arguments of a call that the model makes for three records."""
    recorder, model = Recorder(), MODELS[name]()
    for module in ("column_model", "half_space_trees.model"):
        monkeypatch.setattr(f"processors.models.{module}.compiled", lambda: recorder)
    states = {}
    if name != "half_space_trees":
        states = {"before": model.empty_states(3), "after": model.empty_states(3)}
    model.score_learn(np.array([0, 1, 0]), np.full((3, model.features), 0.5), **states)
    (made,) = recorder.calls
    return made


def call(name: str, arguments: Arguments) -> object:
    return getattr(kernels.compiled(), name)(*arguments)


def changed(arguments: Arguments, at: int, array: Array, *, tuple_at: int = 0) -> Arguments:
    """Return the arguments with one array of a tuple replaced."""
    arrays = list(arguments[tuple_at])
    arrays[at] = array
    return [*arguments[:tuple_at], tuple(arrays), *arguments[tuple_at + 1 :]]


@every_kernel
def test_the_arguments_of_the_model_are_taken(name: str, arguments: Arguments) -> None:
    call(name, arguments)
    assert len(arguments[0]) == ARRAYS[name]


@every_array
def test_an_array_of_another_type_is_refused(name: str, at: int, arguments: Arguments) -> None:
    for other in (np.float32, np.int32, np.uint64, np.int8):
        with pytest.raises(TypeError, match=f"array {at} is of type"):
            call(name, changed(arguments, at, np.zeros(arguments[0][at].shape, other)))


@every_array
def test_an_array_of_another_length_is_refused(name: str, at: int, arguments: Arguments) -> None:
    flat = arguments[0][at].ravel()
    for other in (flat[:-1].copy(), np.append(flat, flat[:1])):
        with pytest.raises(ValueError, match="items"):
            call(name, changed(arguments, at, other))


@every_array
def test_an_array_that_is_not_contiguous_is_refused(name: str, at: int, arguments: Arguments) -> None:
    with pytest.raises(ValueError, match="contiguous"):
        call(name, changed(arguments, at, np.repeat(arguments[0][at].ravel(), 2)[::2]))


@every_array
def test_only_what_is_written_must_be_writable(name: str, at: int, arguments: Arguments) -> None:
    array = arguments[0][at].copy()
    array.flags.writeable = False
    if at < FIRST_WRITTEN[name]:
        call(name, changed(arguments, at, array))
        return
    with pytest.raises(ValueError, match="read-only"):
        call(name, changed(arguments, at, array))


@every_kernel
@pytest.mark.parametrize("row", [-1, 2, 2**62, -(2**63)])
def test_a_row_that_does_not_exist_is_refused(name: str, row: int, arguments: Arguments) -> None:
    with pytest.raises(IndexError, match=f"row {row} of 2 rows"):
        call(name, changed(arguments, 0, np.array([0, 1, row])))


@every_kernel
def test_missing_arrays_are_refused(name: str, arguments: Arguments) -> None:
    with pytest.raises(IndexError):
        call(name, [arguments[0][:-1], *arguments[1:]])
    with pytest.raises(TypeError):
        call(name, [list(arguments[0]), *arguments[1:]])
    with pytest.raises(TypeError):
        call(name, arguments[:-1])


@pytest.mark.parametrize("name", ["snarimax"])
def test_a_layout_that_leads_outside_a_row_is_refused(name: str, arguments: Arguments) -> None:
    inputs, lags, term_lags, coefficients = arguments[1]
    wrong = {
        0: (inputs - 100, inputs + 100, inputs[:1].copy()),
        1: (lags[:1].copy(),),
        2: (term_lags + 1, term_lags - 1, term_lags * 2, term_lags[:1].copy()),
        3: (coefficients[:1].copy(),),
    }
    for at, arrays in wrong.items():
        for array in arrays:
            with pytest.raises(ValueError, match=r"row does not have|items"):
                call(name, changed(arguments, at, array, tuple_at=1))
    with pytest.raises(ValueError, match="row does not have"):
        call(name, [*arguments[:2], -1, *arguments[3:]])


@pytest.mark.parametrize("name", ["ew_stats"])
def test_a_model_without_features_is_refused(name: str, arguments: Arguments) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        call(name, [arguments[0], 0, *arguments[2:]])


@pytest.mark.parametrize("name", ["half_space_trees"])
def test_trees_and_windows_that_lead_outside_are_refused(name: str, arguments: Arguments) -> None:
    feature, counter, current = arguments[0][4], arguments[0][8], arguments[0][9]
    for at, array in (
        (4, feature + 2),
        (4, feature - 2),
        (8, counter + 4),
        (8, counter - 9),
        (9, current + 2),
    ):
        with pytest.raises(ValueError, match="cannot be"):
            call(name, changed(arguments, at, array.astype(array.dtype)))
    for at, value in ((1, -1), (2, 0), (3, 0), (3, 16), (4, 0)):
        with pytest.raises(ValueError):
            call(name, [*arguments[:at], value, *arguments[at + 1 :]])
    with pytest.raises(ValueError, match="no trees"):
        call(name, changed(changed(arguments, 4, feature[:0]), 5, np.empty(0)))
