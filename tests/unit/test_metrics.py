"""Metrics: every one is declared in one place, documented, used, and of bounded cardinality."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client import Counter, Gauge, Histogram

from fleetleak.observe import metrics
from fleetleak.observe.metrics import METRICS, Documented
from fleetleak_app.docs import pages

ROOT = Path(__file__).parents[2]
OBJECTS = {n: m for n, m in vars(metrics).items() if isinstance(m, Counter | Gauge | Histogram)}
DOCUMENTED = {documented.name: documented for documented in METRICS}


class Use(NamedTuple):
    """One place in the code that names a metric."""

    name: str
    place: str
    labels: int | None


def _uses(path: Path) -> Iterator[Use]:
    tree = ast.parse(path.read_text())
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "fleetleak.observe.metrics"
        for alias in node.names
    }
    for node in ast.walk(tree):
        name = _name(node, imported)
        if name is not None and name.isupper():
            yield Use(name, f"{path.relative_to(ROOT)}:{node.lineno}", _labels(node, parents))  # type: ignore[attr-defined]


def _name(node: ast.AST, imported: set[str]) -> str | None:
    if isinstance(node, ast.Name) and node.id in imported:
        return node.id
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("metrics", "self._metrics"):
        return node.attr
    return None


def _labels(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> int | None:
    """Return how many label values are passed; None where the metric itself is named."""
    method = parents.get(node)
    if isinstance(method, ast.Tuple):  # a counter with its label values, for the commit
        return len(method.elts) - 1 or None
    if isinstance(method, ast.Call) and ast.unparse(method.func).endswith(".count"):
        return len(method.args) - 1 or None
    call = parents.get(method) if method is not None else None
    labelled = isinstance(method, ast.Attribute) and method.attr in ("labels", "remove")
    if labelled and isinstance(call, ast.Call):
        return len(call.args) + len(call.keywords)
    return None


@cache
def uses() -> list[Use]:
    rooms = ("fleetleak", "fleetleak_app", "producers", "processors", "sinks")
    paths = [p for room in rooms for p in sorted((ROOT / room).rglob("*.py"))]
    return [use for p in paths if p != Path(metrics.__file__) for use in _uses(p)]


def exposed_name(metric: Counter | Gauge | Histogram) -> str:
    (family,) = metric.describe()
    return family.name + ("_total" if isinstance(metric, Counter) else "")


def test_every_metric_is_documented_as_it_is() -> None:
    assert len(OBJECTS) == len(METRICS)
    for metric in OBJECTS.values():
        told = DOCUMENTED[exposed_name(metric)]
        (family,) = metric.describe()
        assert (told.kind, told.help) == (family.type, family.documentation)
        assert takes(metric, told.labels), told.name


def takes(metric: Counter | Gauge | Histogram, labels: tuple[str, ...]) -> bool:
    """Return whether these are the labels of a metric, in this order."""
    values = [f"value {number}" for number in range(len(labels))]
    try:
        metric.labels(*values)
    except ValueError as error:
        return not labels and "No label names" in str(error)
    shown = [sample.labels for family in metric.collect() for sample in family.samples]
    metric.remove(*values)
    return any(dict(zip(labels, values, strict=True)).items() <= one.items() for one in shown)


def test_names_are_unique_and_say_whose_they_are() -> None:
    assert len(DOCUMENTED) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith(f"fleetleak_{metric.role}_")
        assert metric.role in {"producer", "bridge", "runtime", "processor", "sink", "deliver", "role"}


def units(metric: Documented) -> bool:
    """Return whether a metric's name ends as Prometheus' naming rules require."""
    counter = metric.kind == "counter"
    name = metric.name.removesuffix("_total")
    return (
        counter == metric.name.endswith("_total")
        and (metric.kind != "histogram" or name.endswith("_seconds"))
        and metric.help.startswith("Time ") == name.endswith("_seconds")
        and metric.help.startswith("Bytes ") == name.endswith("_bytes")
    )


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_names_end_with_their_unit(metric: Documented) -> None:
    assert units(metric)
    assert metric.help.endswith(".")


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_no_label_grows_with_the_fleet(metric: Documented) -> None:
    bounded = {
        "collector", "detector", "event", "kind", "model", "outcome", "partition", "preset", "reason", "role",
        "state", "target", "topic", "verdict", "version",
    }  # fmt: skip
    assert set(metric.labels) <= bounded


def test_code_uses_what_is_declared_all_of_it_and_with_its_labels() -> None:
    assert set(OBJECTS) - {use.name for use in uses()} == set(), "declared, but set nowhere"
    assert {use.name for use in uses()} - set(OBJECTS) == set(), "used, but declared nowhere"
    labels = {name: len(DOCUMENTED[exposed_name(m)].labels) or None for name, m in OBJECTS.items()}
    assert [use for use in uses() if use.labels != labels[use.name]] == []


def test_the_page_is_not_stale() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    assert page == pages()["docs/metrics.md"], "run `make docs`"
    for metric in METRICS:
        assert page.count(f"| `{metric.name}` |") == 1
