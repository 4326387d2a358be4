"""The records on the topics: fields, units and versions (JSON Schemas in docs/schemas/)."""

from fleetleak.records.alert import Alert, History
from fleetleak.records.codec import Decoder, Unreadable, encode, encode_finite
from fleetleak.records.control import ModelDelete, ModelImport, ModelPrior, Promotion, WhitelistRevoke
from fleetleak.records.drift import Drift
from fleetleak.records.label import Label
from fleetleak.records.reading import Reading
from fleetleak.records.score import Forecast, Method, Score, Trend
from fleetleak.records.snapshot import Snapshot
from fleetleak.records.types import LEAK_KINDS

RECORDS = (
    Reading,
    Snapshot,
    Score,
    Alert,
    Drift,
    Label,
    ModelImport,
    ModelPrior,
    ModelDelete,
    Promotion,
    WhitelistRevoke,
)
"""Every record that appears on a topic."""

__all__ = [
    "LEAK_KINDS",
    "RECORDS",
    "Alert",
    "Decoder",
    "Drift",
    "Forecast",
    "History",
    "Label",
    "Method",
    "ModelDelete",
    "ModelImport",
    "ModelPrior",
    "Promotion",
    "Reading",
    "Score",
    "Snapshot",
    "Trend",
    "Unreadable",
    "WhitelistRevoke",
    "encode",
    "encode_finite",
]
