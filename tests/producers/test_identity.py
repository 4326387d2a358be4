"""Names from cgroup paths of the platforms, and the rules that override them."""

from __future__ import annotations

import pytest

from producers.identity import Identifier, classify, safe
from producers.procfs import Stat
from producers.rules import Rule

ID = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
UID = "0f6f5cd1-7b0a-4b2c-9d1e-2f3a4b5c6d7e"
STATIC = "0123456789abcdef0123456789abcdef"
SLICE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice"


@pytest.mark.parametrize(
    ("path", "pod"),
    [
        (f"/docker/{ID}", None),
        (f"/system.slice/docker-{ID}.scope", None),
        (f"/system.slice/nerdctl-{ID}.scope", None),
        (f"/machine.slice/libpod-{ID}.scope", None),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", None),
        (f"/kubepods/besteffort/pod{UID}/{ID}", UID),
        (f"/kubepods/pod{STATIC}/{ID}", STATIC),
        (f"{SLICE}/cri-containerd-{ID}.scope", UID),
        (f"{SLICE}/crio-{ID}.scope", UID),
        (f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/docker-{ID}.scope", UID),
        (f"/docker/{OTHER}/kubelet/kubepods/burstable/pod{UID}/{ID}", UID),
        (f"/system.slice/containerd.service{SLICE}:cri-containerd:{ID}", None),
    ],
)
def test_containers(path: str, pod: str | None) -> None:
    kind = classify(path)
    assert kind is not None
    assert (kind.scope, kind.name, kind.pod) == ("container", ID, pod)


@pytest.mark.parametrize(
    ("path", "uid"),
    [(SLICE, UID), (f"/kubepods/burstable/pod{UID}", UID), (f"/kubepods/pod{STATIC}", STATIC)],
)
def test_pods(path: str, uid: str) -> None:
    kind = classify(path)
    assert kind is not None
    assert (kind.scope, kind.name) == ("pod", uid)


@pytest.mark.parametrize(
    ("path", "service", "instance"),
    [
        ("/system.slice/nginx.service", "unit/nginx.service", "h/nginx.service"),
        (
            "/system.slice/system-getty.slice/getty@tty1.service",
            "unit/getty@.service",
            "h/getty@tty1.service",
        ),
        ("/team.slice/api.service", "unit/api.service", "h/api.service"),
        ("/system.slice/run-u12.service", "unit/run.service", "h/run-u12.service"),
        ("/system.slice/my\\x2dapp.service", "unit/my_x2dapp.service", "h/my\\x2dapp.service"),
        (
            f"/docker/{ID}/system.slice/kubelet.service",
            "unit/kubelet.service",
            f"h/{ID[:12]}/kubelet.service",
        ),
    ],
)
def test_units(path: str, service: str, instance: str) -> None:
    kind = classify(path)
    assert kind is not None
    identity = Identifier("h").cgroup(path, kind, "comm", "")
    assert identity is not None
    assert (identity.scope, identity.service, identity.instance) == ("unit", service, instance)


@pytest.mark.parametrize(
    "path",
    [
        "/system.slice",
        "/init.scope",
        "/system.slice/boot.mount",
        "/system.slice/nginx.service/inner",
        "/user.slice/user-1000.slice/session-3.scope",
        "/user.slice/user-1000.slice/user@1000.service",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service",
        "/kubepods.slice/kubepods-burstable.slice",
        f"{SLICE}/crio-conmon-{ID[:63]}.scope",
        f"/jobs/{ID[:32]}",
    ],
)
def test_what_is_not_published_on_its_own(path: str) -> None:
    assert classify(path) is None


def test_container_names() -> None:
    path = f"{SLICE}/cri-containerd-{ID}.scope"
    kind = classify(path)
    assert kind is not None
    name = Identifier("h").cgroup
    named = name(path, kind, "my app", "")
    assert named is not None
    assert (named.service, named.instance) == ("container/my_app", "h/0123456789ab")
    assert named.labels == {"container_id": ID, "pod_uid": UID}
    nameless = name(path, kind, None, "")
    assert nameless is not None
    assert nameless.service == "container/0123456789ab"
    assert name(path, kind, "pause", "/pause") is None
    assert name(path, kind, "runc:[2:INIT]", "") is None


def test_a_process_is_named_by_pid_and_start() -> None:
    identity = Identifier("h").process(42, Stat("kworker/0:1", 0, 0, 0, 777), "")
    assert (identity.service, identity.instance, identity.labels) == (
        "process/kworker_0:1",
        "h/42-777",
        {"pid": "42"},
    )


def test_the_first_rule_that_fits_wins() -> None:
    rules = ["python => scripts/any", r"python3 -m (\w+) => apps/\1 version=\1-1 tier=web"]
    process = Identifier("h", [Rule.parse(text) for text in reversed(rules)]).process
    stat = Stat("python3", 0, 0, 0, 1)
    chosen = process(1, stat, "python3 -m shop")
    assert (chosen.service, chosen.version, chosen.labels) == (
        "apps/shop",
        "shop-1",
        {"pid": "1", "tier": "web"},
    )
    assert process(1, stat, "python other.py").service == "scripts/any"
    assert process(1, stat, "ruby").service == "process/python3"


def test_a_rule_may_fit_a_cgroup_path() -> None:
    path = f"/kubepods/pod{UID}/{ID}"
    kind = classify(path)
    assert kind is not None
    identity = Identifier("h", [Rule.parse(f"pod{UID}/ => shop/cart")]).cgroup(path, kind, "node", "")
    assert identity is not None
    assert (identity.service, identity.instance) == ("shop/cart", "h/0123456789ab")


def test_a_rule_that_yields_no_name_keeps_the_given_one() -> None:
    identity = Identifier("h", [Rule.parse(r"python3?(\d*) => \1 version=\1")]).process(
        1, Stat("py", 0, 0, 0, 1), "python"
    )
    assert (identity.service, identity.version) == ("process/py", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no arrow", "expected `pattern => service"),
        ("pattern => ", "expected `pattern => service"),
        (" => service", "expected `pattern => service"),
        ("pattern => version=1", "expected `pattern => service"),
        ("( => service", r"^rules: '\(' is not a regular expression"),
        ("a => service b", "'b' is not name=value"),
        ("a => service b=", "'b=' is not name=value"),
        (r"a => service/\1", "invalid group reference 1"),
        (r"a => service version=\g<x>", "unknown group name 'x'"),
    ],
)
def test_bad_rules_are_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        Rule.parse(text)
    assert "\n" not in str(refused.value)


def test_long_names_are_cut_to_what_a_record_may_hold() -> None:
    rule = Rule.parse(r"(x+) => \1 version=\1 label=\1")
    identity = Identifier("h" * 300, [rule]).process(1, Stat("c", 0, 0, 0, 1), "x" * 400)
    assert identity.version is not None
    assert {len(identity.service), len(identity.instance), len(identity.version)} == {256}
    assert len(identity.labels["label"]) == 256


@pytest.mark.parametrize(("name", "expected"), [("", "_"), ("ünï/é", "_n___"), ("a.b-c@1:2", "a.b-c@1:2")])
def test_safe_names(name: str, expected: str) -> None:
    assert safe(name) == expected
