"""The names of workloads and the versions of containers, as OpenTelemetry has them."""

from __future__ import annotations

import pytest

from producers import kubernetes

DIGEST = "sha256:" + "0123456789abcdef" * 4
SHORT = "sha256:0123456789ab"
POD = "cart-7d9f8c6b5-x2x4z"
OWNER = ("ReplicaSet", "owner-7d9f8c6b5")
ANNOTATION = {"resource.opentelemetry.io/service.name": "annotated"}
INSTANCE_LABEL = {"app.kubernetes.io/instance": "labelled-instance"}
NAME_LABEL = {"app.kubernetes.io/name": "labelled-name"}


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("cart-7d9f8c6b5-x2x4z", "cart"),  # a Deployment
        ("cart-backend-5f7b9d4c88-h4j6n", "cart-backend"),
        ("cart-x2x4z", "cart"),  # a ReplicaSet alone, a DaemonSet, a Job
        ("node-exporter-kz4t8", "node-exporter"),
        ("db-0", "db"),  # a StatefulSet
        ("db-12", "db"),
        ("shop-db-1-0", "shop-db-1"),
        ("nightly-29301120-4k2qz", "nightly"),  # a CronJob
        ("nightly-1700000000-4k2qz", "nightly"),
    ],
)
def test_the_random_parts_of_a_pods_name_are_left_out(pod: str, workload: str) -> None:
    assert kubernetes.workload(pod) == workload


@pytest.mark.parametrize(
    "pod",
    [
        "cart",
        "proxy-cache",
        "a-1-b",
        "web-proxy",
        "kube-apiserver-node",
        "cart-x2x4",
        "cart-x2x4zz",
        "cart-x0x1z",
        "-x2x4z",
        "db-123456",
        "-0",
    ],
)
def test_a_bare_pod_keeps_its_name(pod: str) -> None:
    assert kubernetes.workload(pod) == pod


@pytest.mark.parametrize(
    ("kind", "name", "workload"),
    [
        ("ReplicaSet", "cart-7d9f8c6b5", "cart"),
        ("ReplicaSet", "cart", "cart"),
        ("ReplicaSet", "proxy-caches", "proxy-caches"),
        ("StatefulSet", "db", "db"),
        ("StatefulSet", "db-7d9f8c6b5", "db-7d9f8c6b5"),
        ("DaemonSet", "agent-x2x4z", "agent-x2x4z"),
        ("Job", "import", "import"),
        ("Job", "nightly-29301120", "nightly"),
        ("Job", "import-2024", "import-2024"),
        ("Rollout", "cart-29301120", "cart-29301120"),
    ],
)
def test_the_owner_names_the_workload(kind: str, name: str, workload: str) -> None:
    assert kubernetes.workload(POD, (kind, name)) == workload


@pytest.mark.parametrize(
    ("tags", "owner", "workload"),
    [
        ({**NAME_LABEL, **INSTANCE_LABEL, **ANNOTATION}, OWNER, "annotated"),
        ({**NAME_LABEL, **INSTANCE_LABEL}, OWNER, "labelled-instance"),
        (NAME_LABEL, OWNER, "labelled-name"),
        ({"app.kubernetes.io/name": "", "team": "payments"}, OWNER, "owner"),
        ({}, None, "cart"),
    ],
)
def test_an_annotation_is_before_labels_and_these_before_the_owner(
    tags: dict[str, str], owner: tuple[str, str] | None, workload: str
) -> None:
    assert kubernetes.workload(POD, owner, tags) == workload


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("nginx:1.25", "1.25"),
        ("docker.io/library/nginx:1.25-alpine", "1.25-alpine"),
        ("registry:5000/shop/cart:v1_2.3", "v1_2.3"),
        ("registry:5000/shop/cart", None),
        ("registry:5000/shop/cart@" + DIGEST, SHORT),
        ("registry:5000/shop/cart:1.4.2@" + DIGEST, "1.4.2"),
        ("cart@" + DIGEST, SHORT),
        (DIGEST, SHORT),
        ("nginx", None),
        ("nginx:latest", None),
        ("nginx:latest@" + DIGEST, SHORT),
        ("sha256:short", None),
        ("", None),
    ],
)
def test_the_version_is_the_tag_or_the_digest_of_the_image(image: str, version: str | None) -> None:
    assert kubernetes.version(image) == version


@pytest.mark.parametrize(
    ("tags", "version"),
    [
        ({"resource.opentelemetry.io/service.version": "3", "app.kubernetes.io/version": "2"}, "3"),
        ({"app.kubernetes.io/version": "2"}, "2"),
        ({"app.kubernetes.io/version": ""}, "1"),
    ],
)
def test_an_annotation_and_a_label_are_before_the_image(tags: dict[str, str], version: str) -> None:
    assert kubernetes.version("cart:1", tags) == version


def test_an_instance_is_one_container_of_one_pod() -> None:
    assert kubernetes.instance("shop", POD, "cart") == "shop.cart-7d9f8c6b5-x2x4z.cart"
