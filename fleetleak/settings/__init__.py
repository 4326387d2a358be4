"""One tree of settings, from defaults, a TOML file, the environment and flags."""

from fleetleak.settings.load import BadSetting, Loaded, load
from fleetleak.settings.tree import Settings

__all__ = ["BadSetting", "Loaded", "Settings", "load"]
