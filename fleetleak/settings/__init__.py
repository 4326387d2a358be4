"""Settings in one tree: defaults, a TOML file, the environment, flags."""

from fleetleak.settings.load import BadSetting, Loaded, load
from fleetleak.settings.tree import Settings

__all__ = ["BadSetting", "Loaded", "Settings", "load"]
