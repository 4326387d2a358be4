"""The reference page of the settings, as Markdown: the text of docs/settings.md."""

from __future__ import annotations

from fleetleak.settings.load import Setting, all_settings, allowed

_HEAD = """# Settings

Settings come from defaults, a TOML file (`--config FILE` or `FLEETLEAK_CONFIG`), the environment and flags; a
later source wins. `fleetleak config` prints the effective values and the source of each.
A flag is `--SECTION-NAME`. Separate lists and pairs by commas, or repeat the flag; each
`--producer-match` and `--producer-rules` is one expression. Write a value that has commas and `=` in it
as JSON: `{"sasl.password": "a,b=c"}`.
Some settings also have a short flag: `--bootstrap-servers`, `--procfs`, `--cgroupfs`, `--match`, `--preset`.

| setting | environment | default | allowed | meaning |
|---|---|---|---|---|
"""


def _default(setting: Setting) -> str:
    value = setting.default
    if value is None or value in ([], {}):
        return "-"
    return f"`{','.join(value) if isinstance(value, list) else value}`"


def reference() -> str:
    """Return the whole page."""
    return _HEAD + "\n".join(map(_row, all_settings())) + "\n"


def _row(setting: Setting) -> str:
    values = allowed(setting).replace("|", "\\|")
    return f"| `{setting.path}` | `{setting.variable}` | {_default(setting)} | {values} | {setting.help} |"
