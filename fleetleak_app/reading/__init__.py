"""Reading files (CSV, Parquet, JSON) as one recording with the fields and units of snapshots."""

from fleetleak_app.reading.mapping import parse_mapping
from fleetleak_app.reading.notes import BadRecording, Notes
from fleetleak_app.reading.part import Options
from fleetleak_app.reading.recording import Recording, judged, read, read_samples
from fleetleak_app.reading.scale import unit_scale
from fleetleak_app.reading.units import CHOICES as UNIT_CHOICES
from fleetleak_app.reading.units import parse_size

__all__ = [
    "UNIT_CHOICES",
    "BadRecording",
    "Notes",
    "Options",
    "Recording",
    "judged",
    "parse_mapping",
    "parse_size",
    "read",
    "read_samples",
    "unit_scale",
]
