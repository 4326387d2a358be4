"""Names from cgroup paths of the platforms, and the rules that override them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetleak.records import Decoder, Snapshot, encode
from producers.host.identity import Identifier, unit_service
from producers.host.procfs import Stat
from producers.host.rules import Rule
from producers.host.workload import classify
from producers.names import fit

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
        (f"/system.slice/containerd.service{SLICE}:cri-containerd:{ID}", UID),
    ],
)
def test_containers(path: str, pod: str | None) -> None:
    workload = classify(path)
    assert workload is not None
    assert (workload.scope, workload.name, workload.pod) == ("container", ID, pod)


@pytest.mark.parametrize(
    ("path", "uid"),
    [(SLICE, UID), (f"/kubepods/burstable/pod{UID}", UID), (f"/kubepods/pod{STATIC}", STATIC)],
)
def test_pods(path: str, uid: str) -> None:
    workload = classify(path)
    assert workload is not None
    assert (workload.scope, workload.name) == ("pod", uid)


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
        ("/system.slice/my\\x2dapp.service", "unit/my-app.service", "h/my\\x2dapp.service"),
        (
            f"/docker/{ID}/system.slice/kubelet.service",
            "unit/kubelet.service",
            f"h/{ID[:12]}/kubelet.service",
        ),
    ],
)
def test_units(path: str, service: str, instance: str) -> None:
    workload = classify(path)
    assert workload is not None
    identity = Identifier("h").cgroup(path, workload, "comm", "")
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
        f"{SLICE}/crio-conmon-{ID}.scope",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/machine.slice/libpod-conmon-{ID}.scope/inner.service",
        f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-conmon-{ID}.scope",
        "/lxc.monitor.web1",
        "/lxc.monitor/web1",
        "/lxc.monitor.web1/system.slice/nginx.service",
        "/lxc",
        "/lxc.payload",
        "/lxc/101/ns",
        "/lxc.payload.web1/init.scope",
        "/lxc.payload.web1/user.slice/user-0.slice/user@0.service",
        "/machine.slice/systemd-nspawn@web1.service/supervisor",
        "/machine.slice/systemd-nspawn@web1.service/payload",
        r"/machine.slice/machine-qemu\x2d3\x2ddb.scope/libvirt",
        r"/machine.slice/machine-qemu\x2d3\x2ddb.scope/libvirt/emulator",
        r"/machine.slice/machine-qemu\x2d3\x2ddb.scope/libvirt/vcpu0",
        r"/machine.slice/machine-qemu\x2d3\x2ddb.scope/system.slice/nginx.service",
        f"/system.slice/docker-{ID}.scope/init.scope",
        f"/jobs/{ID[:32]}",
    ],
)
def test_what_is_not_published_on_its_own(path: str) -> None:
    assert classify(path) is None


@pytest.mark.parametrize(
    ("path", "scope", "service", "instance", "container"),
    [
        ("/lxc/web1", "container", "container/web1", "h/web1", "web1"),
        ("/lxc.payload.web1", "container", "container/web1", "h/web1", "web1"),
        ("/lxc.payload/web1", "container", "container/web1", "h/web1", "web1"),
        ("/lxc/lxc/system.slice/a.service", "unit", "unit/a.service", "h/lxc/a.service", "lxc"),
        (
            "/user.slice/user-1000.slice/user@1000.service/lxc.payload.u1/system.slice/a.service",
            "unit",
            "unit/a.service",
            "h/u1/a.service",
            "u1",
        ),
        (
            "/lxc.payload.web1/system.slice/nginx.service",
            "unit",
            "unit/nginx.service",
            "h/web1/nginx.service",
            "web1",
        ),
        ("/lxc/web1/ns/system.slice/a@1.service", "unit", "unit/a@.service", "h/web1/a@1.service", "web1"),
        (
            "/lxc.payload.out/lxc.payload.in",
            "container",
            "container/out/in",
            "h/out/in",
            "out/in",
        ),
        (
            "/lxc/out/lxc/in/system.slice/nginx.service",
            "unit",
            "unit/nginx.service",
            "h/out/in/nginx.service",
            "out/in",
        ),
        (
            f"/lxc.payload.web1/docker/{ID}",
            "container",
            "container/redis",
            f"h/web1/{ID[:12]}",
            "web1",
        ),
        (
            f"/lxc.payload.web1/system.slice/docker-{ID}.scope/system.slice/a.service",
            "unit",
            "unit/a.service",
            f"h/web1/{ID[:12]}/a.service",
            "web1",
        ),
        (f"/docker/{ID}/lxc.payload.in", "container", "container/in", f"h/{ID[:12]}/in", "in"),
        (
            r"/machine.slice/systemd-nspawn@my\x2dbox.service",
            "container",
            "container/my-box",
            "h/my-box",
            "my-box",
        ),
        (
            "/machine.slice/systemd-nspawn@box.service/payload/system.slice/nginx.service",
            "unit",
            "unit/nginx.service",
            "h/box/nginx.service",
            "box",
        ),
        (r"/machine.slice/machine-my\x2dbox.scope", "container", "container/my-box", "h/my-box", "my-box"),
        (
            r"/machine.slice/machine-lxc\x2d4\x2dweb\x2d1.scope",
            "container",
            "container/web-1",
            "h/web-1",
            "web-1",
        ),
        (
            r"/machine.slice/machine-lxc\x2d4\x2dweb.scope/system.slice/a.service",
            "unit",
            "unit/a.service",
            "h/web/a.service",
            "web",
        ),
        (r"/machine.slice/machine-qemu\x2d3\x2ddb\x2d1.scope", "unit", "vm/db-1", "h/db-1", None),
        (r"/machine.slice/machine-qemu\x2d47\x2ddb\x2d1.scope", "unit", "vm/db-1", "h/db-1", None),
    ],
)
def test_systems_inside(path: str, scope: str, service: str, instance: str, container: str | None) -> None:
    workload = classify(path)
    assert workload is not None
    identity = Identifier("h").cgroup(path, workload, "redis", "")
    assert identity is not None
    assert (identity.scope, identity.service, identity.instance) == (scope, service, instance)
    assert identity.labels.get("container") == container


def test_a_pod_and_its_container_in_one_part() -> None:
    part = f"kubepods-burstable-pod{UID.replace('-', '_')}.slice:cri-containerd:{ID}"
    path = f"/system.slice/containerd.service/{part}"
    workload = classify(path)
    assert workload is not None
    named = Identifier("h").cgroup(path, workload, "java", "")
    assert named is not None
    assert named.labels == {"container_id": ID, "pod_uid": UID}
    assert Identifier("h").cgroup(path, workload, "pause", "") is None


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("run-r5d1f00d5d1f4c0ffee.service", "run.service"),
        ("run-u12.service", "run.service"),
        ("run-u12-timer.service", "run.service"),
        ("run-p48211-i48511.service", "run.service"),
        ("run-p48211-i48511-timer.service", "run.service"),
        ("run-p48211-i48511.scope", "run.scope"),
        ("run-1234.scope", "run.scope"),
        ("run-docker.service", "run-docker.service"),
        ("run-p48211.service.service", "run-p48211.service.service"),
        ("a@b@c.service", "a@b@.service"),
    ],
)
def test_what_instances_of_a_unit_share(unit: str, expected: str) -> None:
    assert unit_service(unit) == expected


@pytest.mark.parametrize(
    ("unit", "service"),
    [
        (r"caf\xc3\xa9.service", "unit/café.service"),
        (r"\xff.service", "unit/_xff.service"),
        ("\udcff.service", "unit/_udcff.service"),
        ("\u540c\u6b65.service", "unit/同步.service"),
    ],
)
def test_units_of_other_scripts(unit: str, service: str) -> None:
    path = f"/system.slice/{unit}"
    workload = classify(path)
    assert workload is not None
    identity = Identifier("h").cgroup(path, workload, None, "")
    assert identity is not None
    assert identity.service == service
    assert identity.instance.encode()


def test_container_names() -> None:
    path = f"{SLICE}/cri-containerd-{ID}.scope"
    workload = classify(path)
    assert workload is not None
    name = Identifier("h").cgroup
    named = name(path, workload, "my app", "")
    assert named is not None
    assert (named.service, named.instance) == ("container/my_app", "h/0123456789ab")
    assert named.labels == {"container_id": ID, "pod_uid": UID}
    nameless = name(path, workload, None, "")
    assert nameless is not None
    assert nameless.service == "container/0123456789ab"
    assert name(path, workload, "pause", "/pause") is None
    assert name(path, workload, "runc:[2:INIT]", "") is None


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
    workload = classify(path)
    assert workload is not None
    identity = Identifier("h", [Rule.parse(f"pod{UID}/ => shop/cart")]).cgroup(path, workload, "node", "")
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


def test_long_names_are_cut_to_what_a_record_may_hold_and_stay_apart() -> None:
    rule = Rule.parse(r"(x+) => \1 version=\1 label=\1")
    first, second = (
        Identifier("h" * 300, [rule]).process(pid, Stat("c", 0, 0, 0, 1), "x" * 400) for pid in (1, 2)
    )
    assert first.version is not None
    assert {len(first.service), len(first.instance), len(first.version)} == {256}
    assert len(first.labels["label"]) == 256
    assert first.service == second.service
    assert first.instance != second.instance


def test_labels_that_no_record_may_hold_are_left_out() -> None:
    rules = ["x => s " + " ".join(f"l{number}=a" for number in range(40))]
    assert len(Identifier("h", [Rule.parse(rules[0])]).process(1, Stat("c", 0, 0, 0, 1), "x").labels) == 32
    empty = Rule.parse(r"x(y?) => s label=\1")
    assert Identifier("h", [empty]).process(1, Stat("c", 0, 0, 0, 1), "x").labels == {"pid": "1"}


@given(st.text(st.characters(exclude_characters="/")), st.text(), st.text())
def test_every_name_fits_a_record(unit: str, comm: str, host: str) -> None:
    path = f"/system.slice/{unit}.service"
    workload = classify(path)
    named = [Identifier(host).host(), Identifier(host).process(1, Stat(comm, 0, 0, 0, 1), "")]
    named += [one for one in [workload and Identifier(host).cgroup(path, workload, comm, "")] if one]
    for one in named:
        snapshot = Snapshot(
            service=one.service, instance=one.instance, timestamp=0.0, host=fit(host), labels=one.labels
        )
        assert Decoder(Snapshot).decode(encode(snapshot)).service == one.service
