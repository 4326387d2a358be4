"""The workload of a Kubernetes pod and the version of a container, as OpenTelemetry names them.

The order of the sources is that of OpenTelemetry's semantic conventions for Kubernetes (`service.name`,
`service.version`): an annotation, the recommended labels, then the owner of the pod.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

NAME_ANNOTATION = "resource.opentelemetry.io/service.name"
VERSION_ANNOTATION = "resource.opentelemetry.io/service.version"
NAME_LABELS = ("app.kubernetes.io/instance", "app.kubernetes.io/name")
VERSION_LABEL = "app.kubernetes.io/version"

# Kubernetes makes suffixes of these signs only, so that they spell no words.
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
_TEMPLATE_HASH = re.compile(rf"(.+)-{_RANDOM}{{6,10}}")
_SCHEDULED = re.compile(r"(.+)-\d{8,10}")
# What a workload owns that owns its pods: each deploy, or each run, makes another one.
_NUMBERED = {
    "ReplicaSet": _TEMPLATE_HASH,
    "Job": _SCHEDULED,
    "ReplicationController": re.compile(r"(.+)-\d+"),  # OpenShift's DeploymentConfig
}
_SUFFIXES = (
    re.compile(rf"(.+)-\d{{8,10}}-{_RANDOM}{{5}}"),  # of a CronJob's job
    re.compile(rf"(.+)-{_RANDOM}{{6,10}}-{_RANDOM}{{5}}"),  # of a Deployment's ReplicaSet
    re.compile(rf"(.+)-{_RANDOM}{{5}}"),  # of a DaemonSet, a Job, or a ReplicaSet alone
    re.compile(r"(.+)-\d{1,5}"),  # of a StatefulSet
)
_DIGEST = re.compile(r"(?:.*@)?(sha256:[0-9a-f]{12})[0-9a-f]*")
# An image may be known by its digest alone, which is no name with a tag.
_TAG = re.compile(r"(?!sha256:)(?:.*/)?[^/:@]+:([\w][\w.-]*)(?:@.*)?")


def workload(pod: str, owner: tuple[str, str] | None = None, tags: Mapping[str, str] | None = None) -> str:
    """Return the name that the pods of one workload share.

    Parameters
    ----------
    owner
        Kind and name of what owns the pod.
    tags
        Labels and annotations of the pod, by their full names.

    Examples
    --------
    >>> workload("cart-7d9f8c6b5-x2x4z"), workload("db-0"), workload("nightly-29301120-4k2qz")
    ('cart', 'db', 'nightly')
    >>> workload("x", ("ReplicaSet", "cart-7d9f8c6b5")), workload("x", ("Job", "nightly-29301120"))
    ('cart', 'nightly')
    >>> workload("cart-7d9f8c6b5-x2x4z", tags={"app.kubernetes.io/name": "shop-cart"})
    'shop-cart'
    """
    tags = tags or {}
    for name in (NAME_ANNOTATION, *NAME_LABELS):
        if tags.get(name):
            return tags[name]
    return _of_owner(*owner) if owner else _of_pod(pod)


def _of_owner(kind: str, name: str) -> str:
    pattern = _NUMBERED.get(kind)
    match = pattern.fullmatch(name) if pattern else None
    return match[1] if match else name


def _of_pod(pod: str) -> str:
    matches = (pattern.fullmatch(pod) for pattern in _SUFFIXES)
    return next((match[1] for match in matches if match), pod)


def version(image: str, tags: Mapping[str, str] | None = None) -> str | None:
    """Return the version of a container: by annotation, by label, or the tag or digest of its image.

    Examples
    --------
    >>> version("registry:5000/shop/cart:1.4.2"), version("nginx"), version("cart@sha256:" + 64 * "a")
    ('1.4.2', None, 'sha256:aaaaaaaaaaaa')
    """
    tags = tags or {}
    for name in (VERSION_ANNOTATION, VERSION_LABEL):
        if tags.get(name):
            return tags[name]
    for pattern in (_TAG, _DIGEST):
        match = pattern.fullmatch(image)
        if match and match[1] != "latest":
            return match[1]
    return None


def instance(namespace: str, pod: str, container: str) -> str:
    """Return the name of one container of one pod, the same over its restarts."""
    return f"{namespace}.{pod}.{container}"
