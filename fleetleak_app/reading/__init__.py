"""Files that people have (CSV, Parquet, JSON) as one recording in the snapshot's fields and units."""

from fleetleak_app.reading.findings import BadRecording, Findings
from fleetleak_app.reading.mapping import parse_mapping
from fleetleak_app.reading.part import Options
from fleetleak_app.reading.recording import Recording, judged, read, read_samples
from fleetleak_app.reading.scale import unit_scale
from fleetleak_app.reading.units import CHOICES as UNIT_CHOICES
from fleetleak_app.reading.units import parse_size

__all__ = [
    "UNIT_CHOICES",
    "BadRecording",
    "Findings",
    "Options",
    "Recording",
    "judged",
    "parse_mapping",
    "parse_size",
    "read",
    "read_samples",
    "unit_scale",
]
