"""The reference of settings, as Markdown; docs/settings.md is this text."""

from __future__ import annotations

from fleetleak.settings.load import Setting, all_settings, allowed

_HEAD = """# Settings

One tree; a later source wins: defaults, a TOML file (`--config FILE` or `FLEETLEAK_CONFIG`), the
environment, flags. `fleetleak config` prints the effective values and where each came from.
A flag is `--SECTION-NAME`. Lists and pairs are separated by commas, or repeat the flag; each
`--producer-match` and `--producer-rules` is one expression. A value with commas and `=` in it is given as
JSON: `{"sasl.password": "a,b=c"}`.
Three have a short flag too: `--bootstrap-servers`, `--procfs` and `--cgroupfs`.

| setting | environment | default | allowed | meaning |
|---|---|---|---|---|
"""


def _default(setting: Setting) -> str:
    value = setting.default
    if value is None or value in ([], {}):
        return "-"
    return f"`{','.join(value) if isinstance(value, list) else value}`"


def reference() -> str:
    """Give the whole page."""
    return _HEAD + "\n".join(map(_row, all_settings())) + "\n"


def _row(setting: Setting) -> str:
    values = allowed(setting).replace("|", "\\|")
    return f"| `{setting.path}` | `{setting.variable}` | {_default(setting)} | {values} | {setting.help} |"
