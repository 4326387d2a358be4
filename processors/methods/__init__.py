"""The learned methods beside the trend. Their opinions are calibrated (ensemble.py)."""

from processors.methods.base import Method
from processors.methods.deviation import Deviation
from processors.methods.drift import AdwinDetector, PageHinkleyDetector, ResidualDetector
from processors.methods.half_space_trees import HalfSpaceTreesScorer
from processors.methods.river import RiverScorer
from processors.methods.snarimax import SnarimaxForecaster

METHODS: dict[str, type[Method]] = {
    HalfSpaceTreesScorer.NAME: HalfSpaceTreesScorer,
    RiverScorer.NAME: RiverScorer,
    Deviation.NAME: Deviation,
    SnarimaxForecaster.NAME: SnarimaxForecaster,
    AdwinDetector.NAME: AdwinDetector,
    PageHinkleyDetector.NAME: PageHinkleyDetector,
    ResidualDetector.NAME: ResidualDetector,
}
"""Every method by name, in the order of score records and of stored state."""

__all__ = ["METHODS"]
