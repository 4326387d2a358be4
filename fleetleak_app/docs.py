"""`make docs`: write the generated pages. A test compares them with the code."""

from __future__ import annotations

from pathlib import Path

from fleetleak.observe import metrics
from fleetleak.records.schemas import schemas
from fleetleak.settings import reference as settings

METRICS_HEAD = """# Metrics

Every role serves these on `/metrics` (settings `http.address` and `http.port`), beside `/healthz` and
`/readyz`. All are defined in `fleetleak/observe/metrics.py`; label values come from fixed sets.

"""


def pages() -> dict[str, str]:
    """Return the text of every generated page by its path."""
    texts = {
        "docs/settings.md": settings.reference(),
        "docs/metrics.md": METRICS_HEAD + metrics.reference(),
    }
    return texts | {f"docs/schemas/{name}": text for name, text in schemas().items()}


def main() -> None:
    """Write all pages below the current directory."""
    for path, text in pages().items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
        print(path)


if __name__ == "__main__":
    main()
