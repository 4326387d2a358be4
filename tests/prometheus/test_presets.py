"""What the labels of each exporter name, and which field each of its metrics is."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetleak.records import Snapshot
from producers.prometheus.matchers import parse
from producers.prometheus.preset import PLACE, Identity, Preset, Role, host_of, places_of
from producers.prometheus.presets import PRESETS
from tests.prometheus.support import INSTANCE, KUBELET, NODE, POD, PRESET
from tests.unit.strategies import REPEATABLE

FIELDS = {field.name for field in msgspec.structs.fields(Snapshot)}
OWNED = {"owner_kind": "ReplicaSet", "owner_name": "shop-cart-7d9f8c6b5"}
DOCKER = {
    "id": "/docker/0123456789abcdef",
    "image": "shop/cart:1.4.2",
    "instance": "docker-1:8080",
    "job": "cadvisor",
    "name": "shop-cart-1",
}
COMPOSE = {
    "container_label_com_docker_compose_project": "shop",
    "container_label_com_docker_compose_service": "cart",
}
every_preset = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)


def selected(preset: Preset, labels: dict[str, str]) -> bool:
    """Return whether a series of an instance is asked for."""
    return any(all(one.matches(labels) for one in parse(text)) for text in preset.selectors)


def identity(preset: str, labels: dict[str, str], info: dict[str, str] | None = None) -> Identity | None:
    """Return the identity of a series that is asked for."""
    assert selected(PRESET[preset], labels)
    return PRESET[preset].identify(labels, info or {})


def named(preset: str, labels: dict[str, str], info: dict[str, str] | None = None) -> tuple[str, str]:
    """Return the service and the instance that labels name."""
    one = identity(preset, labels, info)
    assert one is not None
    return one.service, one.instance


# Containers of Kubernetes.


def test_a_container_of_a_pod() -> None:
    assert identity("cadvisor", KUBELET) == Identity(
        scope="container",
        service="shop/cart/cart",
        instance=INSTANCE,
        places=("node-a", "10.0.0.5"),
        version="1.4.2",
        environment=None,
        labels=POD,
    )


@pytest.mark.parametrize(
    ("info", "service"),
    [
        (OWNED, "shop/shop-cart/cart"),
        ({"owner_kind": "StatefulSet", "owner_name": "db"}, "shop/db/cart"),
        ({"owner_kind": "<none>", "owner_name": "<none>"}, "shop/cart/cart"),
        ({"owner_kind": "Node", "owner_name": "node-a"}, "shop/cart/cart"),
        ({**OWNED, "label_app_kubernetes_io_name": "named"}, "shop/named/cart"),
        (
            {"label_app_kubernetes_io_name": "named", "label_app_kubernetes_io_instance": "named-eu"},
            "shop/named-eu/cart",
        ),
        (
            {
                "label_app_kubernetes_io_instance": "named-eu",
                "annotation_resource_opentelemetry_io_service_name": "noted here",
            },
            "shop/noted_here/cart",
        ),
    ],
)
def test_kube_state_metrics_names_the_workload(info: dict[str, str], service: str) -> None:
    assert named("cadvisor", KUBELET, info) == (service, INSTANCE)


@pytest.mark.parametrize(
    ("info", "version"),
    [
        ({"label_app_kubernetes_io_version": "2"}, "2"),
        (
            {
                "label_app_kubernetes_io_version": "2",
                "annotation_resource_opentelemetry_io_service_version": "3",
            },
            "3",
        ),
    ],
)
def test_kube_state_metrics_tells_the_version(info: dict[str, str], version: str) -> None:
    one = identity("cadvisor", KUBELET, info)
    assert one is not None
    assert one.version == version


def test_a_cluster_is_the_environment_and_stands_before_the_instance() -> None:
    one = identity("cadvisor", {**KUBELET, "cluster": "east"})
    assert one is not None
    assert (one.environment, one.service, one.instance) == ("east", "shop/cart/cart", f"east/{INSTANCE}")


@pytest.mark.parametrize(
    "labels",
    [
        {**KUBELET, "container": "POD"},  # holds the namespaces of the pod open
        {"id": "/kubepods/pod1/a", "name": "a", "namespace": "shop", "pod": "cart", "image": "pause:3.9"},
        {"id": "/kubepods/burstable/pod1", "namespace": "shop", "pod": "cart-7d9f8c6b5-x2x4z"},
        {"id": "/kubepods.slice", "instance": "10.0.0.5:10250"},
        {"id": "/system.slice/kubelet.service", "instance": "10.0.0.5:10250"},
        {"id": "/", "instance": "10.0.0.5:10250"},
    ],
)
def test_the_groups_around_containers_are_not_asked_for(labels: dict[str, str]) -> None:
    assert not selected(PRESET["cadvisor"], labels)


@pytest.mark.parametrize(
    "labels",
    [{"id": "/kubepods.slice"}, {"namespace": "shop", "pod": "cart", "name": "a"}, {"container": "cart"}],
)
def test_what_is_no_container_has_no_identity(labels: dict[str, str]) -> None:
    assert PRESET["cadvisor"].identify(labels, {}) is None


# Containers of Docker.


def test_a_container_of_docker() -> None:
    assert identity("cadvisor", DOCKER) == Identity(
        scope="container",
        service="container/shop-cart-1",
        instance="docker-1/shop-cart-1",
        places=("docker-1",),
        version="1.4.2",
        labels={"container": "shop-cart-1"},
    )


def test_containers_of_one_service_of_compose_share_it() -> None:
    assert named("cadvisor", {**DOCKER, **COMPOSE}) == ("container/shop/cart", "docker-1/shop-cart-1")


def test_half_of_composes_labels_is_none() -> None:
    labels = {**DOCKER, "container_label_com_docker_compose_project": "shop"}
    assert named("cadvisor", labels)[0] == "container/shop-cart-1"


def test_a_container_of_docker_without_a_target_has_its_name() -> None:
    assert named("cadvisor", {"name": "cart", "cluster": "east"}) == ("container/cart", "east/cart")


# Processes.


def test_a_process_in_a_pod_is_named_by_its_container_and_apart_from_it() -> None:
    labels = {**POD, "job": "cart", "instance": "10.1.2.3:8000"}
    assert named("process", labels) == tuple(f"process/{name}" for name in named("cadvisor", KUBELET))
    one = identity("process", labels)
    assert one is not None
    assert (one.scope, one.labels) == ("process", POD)


def test_a_process_without_a_pod_is_named_by_its_job() -> None:
    assert identity(
        "process", {"job": "api gateway", "instance": "10.0.0.7:8000", "cluster": "east"}
    ) == Identity(
        scope="process",
        service="process/api_gateway",
        instance="east/api gateway/10.0.0.7:8000",
        places=("10.0.0.7",),
        environment="east",
        labels={"job": "api gateway"},
    )


def test_a_process_without_a_job_has_no_identity() -> None:
    assert identity("process", {"instance": "10.0.0.7:8000"}) is None


# Hosts.


@pytest.mark.parametrize(
    ("preset", "labels", "info", "service", "instance"),
    [
        ("node", NODE, {"nodename": "node-a"}, "host/node-a", "node-a"),
        ("node", NODE, {}, "host/10.0.0.5", "10.0.0.5"),
        ("node", {**NODE, "node": "node-b"}, {}, "host/node-b", "node-b"),
        ("node", {**NODE, "node": "node-b"}, {"nodename": "node-a"}, "host/node-a", "node-a"),
        ("node", {**NODE, "cluster": "east"}, {"nodename": "node-a"}, "host/node-a", "east/node-a"),
        ("node", {"instance": "[fd00::1]:9100"}, {}, "host/fd00::1", "fd00::1"),
        ("node", {"instance": "fd00::1"}, {}, "host/fd00::1", "fd00::1"),
        ("node", {"instance": "node a"}, {}, "host/node_a", "node a"),
        ("windows", {"instance": "win-1:9182"}, {"hostname": "WIN1"}, "host/WIN1", "WIN1"),
        ("windows", {"instance": "win-1:9182"}, {}, "host/win-1", "win-1"),
    ],
)
def test_a_host_has_its_own_name_or_that_of_its_target(
    preset: str, labels: dict[str, str], info: dict[str, str], service: str, instance: str
) -> None:
    assert named(preset, labels, info) == (service, instance)


def test_the_names_and_the_address_of_a_host_are_its_places() -> None:
    one = identity("node", {**NODE, "node": "node-b"}, {"nodename": "node-a"})
    assert one is not None
    assert one.places == ("node-a", "node-b", "10.0.0.5")


@pytest.mark.parametrize("preset", ["node", "windows"])
def test_a_host_without_any_name_has_no_identity(preset: str) -> None:
    assert identity(preset, {"job": "node"}) is None


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("10.0.0.5:9100", "10.0.0.5"),
        ("node-a.example:9100", "node-a.example"),
        ("node-a", "node-a"),
        ("node-a:metrics", "node-a:metrics"),
        ("[fd00::1]:9100", "fd00::1"),
        ("[fd00::1]", "fd00::1"),
        ("fd00::1", "fd00::1"),
        (":9100", ""),
        ("", ""),
    ],
)
def test_the_host_of_an_address_is_without_its_port(address: str, host: str) -> None:
    assert host_of(address) == host


def test_places_are_each_named_once() -> None:
    assert places_of({"node": "a", "kubernetes_io_hostname": "b", "instance": "a:1"}, None, "c") == (
        "c",
        "a",
        "b",
    )


# What each preset keeps to.


def test_the_names_of_presets_are_unique() -> None:
    names = [preset.name for preset in PRESETS]
    assert len(set(names)) == len(names)


@every_preset
def test_the_first_source_is_memory_and_no_memory_is_slow(preset: Preset) -> None:
    assert preset.sources[0].field in preset.memory
    assert set(preset.memory) <= {source.field for source in preset.sources}
    assert not [source for source in preset.sources if source.field in preset.memory and source.slow]
    assert not [source for source in preset.sources if source.field in preset.memory and source.by]


@every_preset
def test_all_matchers_can_be_read(preset: Preset) -> None:
    for text in (*preset.selectors, *(source.matchers for source in preset.sources)):
        assert ",".join(one.text for one in parse(text)) == text


@every_preset
def test_no_metric_is_a_field_twice(preset: Preset) -> None:
    pairs = [(source.metric, source.field) for source in preset.sources]
    assert len(set(pairs)) == len(pairs)


@every_preset
def test_what_joins_a_source_may_be_asked_of_it(preset: Preset) -> None:
    for source in preset.sources:
        if source.by and source.by != PLACE:
            assert source.takes is not None
            assert set(source.by) <= source.takes
    for info in preset.infos:
        assert info.takes is None or set(info.by) <= info.takes


@every_preset
def test_what_is_inside_another_comes_after_it(preset: Preset) -> None:
    before = [other.name for other in PRESETS[: PRESETS.index(preset)]]
    assert set(preset.inside) <= set(before)


@every_preset
@REPEATABLE
@given(data=st.data())
def test_each_field_is_one_of_a_snapshot_when_derived(preset: Preset, data: st.DataObject) -> None:
    told = {source.field for source in preset.sources} - set(get_args(Role))
    known = data.draw(st.sets(st.sampled_from(sorted(told)))) | {data.draw(st.sampled_from(preset.memory))}
    fields = {name: data.draw(st.sampled_from([0.0, 1.0, 2.0**60])) for name in sorted(known)}
    preset.derive(fields)
    assert fields.keys() <= FIELDS


@every_preset
def test_all_fields_together_are_fields_of_a_snapshot_when_derived(preset: Preset) -> None:
    fields = {source.field: 1.0 for source in preset.sources if source.field not in get_args(Role)}
    preset.derive(fields)
    assert fields.keys() <= FIELDS
