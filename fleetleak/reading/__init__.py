"""Files that people have (CSV, Parquet, JSON) as one recording in the snapshot's fields and units."""

from fleetleak.reading.findings import BadRecording, Findings
from fleetleak.reading.mapping import parse_mapping
from fleetleak.reading.part import Options
from fleetleak.reading.recording import Recording, judged, read, read_samples
from fleetleak.reading.scale import unit_scale
from fleetleak.reading.units import CHOICES as UNIT_CHOICES
from fleetleak.reading.units import parse_size

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
