"""Methods: which ones the settings ask for, what they find, and what they leave in stored state."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np
import pytest

from fleetleak.settings import BadSetting
from fleetleak.settings.tree import ProcessorSettings
from processors import kernels
from processors.columns import Flags, Floats, Rows
from processors.methods import METHODS
from processors.methods.base import AHEAD, Detector, Follower, PointScorer
from processors.methods.drift import ResidualDetector
from processors.methods.ensemble import Methods
from processors.methods.snarimax import SnarimaxForecaster
from processors.models import SNARIMAX, StandardScaler

ROWS, RECORDS = 5, 400
DETECTORS = ["adwin", "page_hinkley", "page_hinkley_residual"]


def parts(settings: ProcessorSettings) -> tuple[list[str], list[str]]:
    methods = Methods(settings)
    return list(methods.service_parts()), list(methods.instance_parts())


def test_every_method_is_of_one_kind() -> None:
    for method in METHODS.values():
        assert sum(issubclass(method, kind) for kind in (PointScorer, Follower, Detector)) == 1


def test_the_settings_say_which_methods_there_are() -> None:
    assert parts(ProcessorSettings()) == (
        ["half_space_trees", "calibrations"],
        ["level", "snarimax", *DETECTORS],
    )
    river = ProcessorSettings(models=["half_space_trees"], river_model="OneClassSVM(nu=0.1)")
    assert parts(river) == (["half_space_trees", "river", "calibrations"], ["level", *DETECTORS])


def test_the_level_is_known_without_the_opinion_on_it() -> None:
    assert parts(ProcessorSettings(models=[])) == (["calibrations"], ["level", *DETECTORS])


@pytest.mark.parametrize("wrong", ["nothing", "river", "adwin"])
def test_a_method_that_cannot_be_named_is_refused(wrong: str) -> None:
    with pytest.raises(BadSetting, match="give half_space_trees, deviation, snarimax, or none"):
        Methods(ProcessorSettings(models=["snarimax", wrong]))


def records() -> tuple[list[Any], dict[str, Flags]]:
    """Return records of a few services and instances, with steps, restarts, pauses and refused values."""
    rng = np.random.default_rng(1)
    instances = rng.integers(0, ROWS, RECORDS)
    memory = 0.3 + 0.3 * (np.arange(RECORDS) // 90 % 2) + rng.normal(0, 0.01, RECORDS)
    memory[rng.random(RECORDS) < 0.02] = np.nan
    chances = {"restarted": 0.03, "learn": 0.9, "suspected": 0.2}
    flags = {name: rng.random(RECORDS) < chance for name, chance in chances.items()}
    return [instances // 2, instances, memory, memory + 0.01], flags


def findings(methods: Methods, size: int) -> tuple[list[Floats], dict[str, int]]:
    """Return all columns of the findings in batches of this size, and the refused values by model."""
    columns, flags = records()
    batches, refused = [], Counter[str]()
    for begin in range(0, RECORDS, size):
        part = slice(begin, begin + size)
        services, instances, memory, limit_used = (values[part] for values in columns)
        now = {name: values[part] for name, values in flags.items()}
        found = methods.observe(services, instances, memory, limit_used, **now)
        opinions = [column for one in found.opinions.values() for column in (one.raw, one.p)]
        batches.append([found.level, *found.ahead.values(), *found.drift.values(), *opinions])
        refused.update(found.refused)
    return [np.concatenate(column) for column in zip(*batches, strict=True)], dict(refused)


def states(methods: Methods) -> list[bytes]:
    every = [*methods.service_parts().values(), *methods.instance_parts().values()]
    return [part.dump(row) for part in every for row in range(ROWS)]


@pytest.mark.parametrize("models", [["half_space_trees", "snarimax", "deviation"], ["deviation"], []])
def test_findings_do_not_depend_on_batches_or_kernels(models: list[str]) -> None:
    whole, columns = (Methods(ProcessorSettings(models=models)) for _ in range(2))
    expected = findings(whole, RECORDS)
    with kernels.without():
        apart = findings(columns, 7)
    np.testing.assert_equal(apart, expected)
    assert states(columns) == states(whole)


def test_a_forecast_begins_after_its_record() -> None:
    (_, rows, memory, _), flags = records()
    fresh, asked = flags["restarted"], flags["suspected"]
    _, ahead = SnarimaxForecaster(ROWS).follow_ahead(rows, memory, fresh, asked)
    model = SNARIMAX(ROWS, p=3, d=1, q=2)
    for i in range(RECORDS):
        one = slice(i, i + 1)
        model.score_learn(rows[one], memory[one, None], fresh=fresh[one])
        expected = model.forecast(rows[one], AHEAD)[0, -1] if asked[i] else np.nan
        np.testing.assert_equal(ahead[i], expected)


def test_a_restart_makes_errors_new_even_without_a_forecaster() -> None:
    """The state of before may come from settings with one."""
    detector, row = ResidualDetector(1), np.zeros(1, np.intp)
    new, always = detector.model.dump(0), np.ones(1, np.bool_)
    detector.detect(row, np.ones(1), np.ones(1), ~always)
    assert detector.model.dump(0) != new
    assert not detector.detect(row, np.ones(1), None, always).any()
    assert detector.model.dump(0) == new


class Difference(Follower):
    """A follower that is neither a forecaster nor `deviation`."""

    NAME: ClassVar[str] = "difference"
    PART: ClassVar[str] = "difference"
    MODEL = StandardScaler

    model: StandardScaler

    def __init__(self, capacity: int) -> None:
        self.model = StandardScaler(capacity, with_std=False)

    def follow(self, rows: Rows, memory: Floats, fresh: Flags) -> Floats:
        return self.model.score_learn(rows, memory[:, None], fresh=fresh)[:, 0]


def test_another_follower_can_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, Difference.NAME, Difference)
    methods = Methods(ProcessorSettings(models=["difference"]))
    (level, *_, raw, _), refused = findings(methods, RECORDS)
    assert "difference" in methods.instance_parts()
    (_, rows, memory, _), flags = records()
    expected = Difference(ROWS).follow(rows, memory, flags["restarted"])
    np.testing.assert_array_equal(raw, np.abs(expected))
    assert refused["standard_scaler"] == np.isnan(memory).sum() == np.isnan(raw).sum()
    assert len(level) == RECORDS
