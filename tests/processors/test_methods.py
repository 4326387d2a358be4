"""Methods: which ones the settings ask for, and what they leave in stored state."""

from __future__ import annotations

import pytest

from fleetleak.settings import BadSetting
from fleetleak.settings.tree import ProcessorSettings
from processors.methods import METHODS
from processors.methods.base import Detector, Follower, PointScorer
from processors.methods.ensemble import Methods

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
