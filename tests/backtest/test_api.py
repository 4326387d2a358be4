"""The query API: what is asked again, what is asked in halves, and what people are told."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fleetleak.settings import BadSetting
from fleetleak.settings.tree import PrometheusSettings
from producers.prometheus.api import Api, ApiFailed, TooMuch
from producers.prometheus.series import Window
from tests.backtest import fleet
from tests.backtest.proxy import (
    Behaviour,
    Proxy,
    cut,
    empty,
    good,
    half_sent,
    longer_than,
    marked,
    proxied,
    real,
    says,
    slow,
    truncated,
)
from tests.backtest.real import RealPrometheus
from tests.certificates import self_signed
from tests.notify.servers import free_port

WINDOW = Window(1_790_000_000, 60, 8)
QUERY = "last_over_time(up[59999ms])"
SECRET = "Tr0ub4dor"


@pytest.fixture
def server() -> Iterator[Proxy]:
    """A server that has no data."""
    with proxied(empty) as running:
        yield running


@contextmanager
def asking(url: str, pauses: list[float] | None = None, **settings: Any) -> Iterator[Api]:
    """Yield an API that does not wait: its pauses are recorded."""
    made = PrometheusSettings(url=url, timeout_seconds=1, **settings)
    with closing(Api(made, sleep=(pauses if pauses is not None else []).append)) as api:
        yield api


def refused(server: Proxy, window: Window = WINDOW, **settings: Any) -> str:
    """Return why a query fails; this is one line."""
    with asking(server.url, **settings) as api, pytest.raises(ApiFailed) as failed:
        api.range(QUERY, window)
    message = str(failed.value)
    assert message.isprintable(), message
    assert len(message) < 500
    return message


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_a_busy_server_is_asked_again_after_the_time_it_names(server: Proxy, status: int) -> None:
    server.misbehave(says(status, headers={"Retry-After": "7"}), times=2)
    pauses: list[float] = []
    with asking(server.url, pauses) as api:
        assert api.range(QUERY, WINDOW) == []
    assert pauses == [7, 7]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("named", "pauses"),
    [
        ("0", [0, 0, 0, 0]),
        ("3600", [60, 60, 60, 60]),
        ("-5", [0, 0, 0, 0]),
        ("Wed, 21 Oct 2026 07:28:00 GMT", [1, 2, 4, 8]),
        (None, [1, 2, 4, 8]),
    ],
)
def test_pauses_grow_where_the_server_names_no_time(
    server: Proxy, named: str | None, pauses: list[float]
) -> None:
    server.misbehave(says(503, headers={"Retry-After": named} if named else {}))
    slept: list[float] = []
    with asking(server.url, slept) as api, pytest.raises(ApiFailed):
        api.range(QUERY, WINDOW)
    assert slept == pauses


def test_after_five_attempts_the_last_answer_is_shown(server: Proxy) -> None:
    server.misbehave(says(503, b"first"), times=4)
    server.misbehave(says(502, b"<h1>Bad gateway</h1>\nnginx"))
    message = refused(server)
    assert len(server.requests) == 5
    assert message == f"{server.url}, asked 5 times: answered 502 <h1>Bad gateway</h1> nginx"


@pytest.mark.parametrize("behaviour", [cut, half_sent])
def test_a_connection_that_is_cut_is_made_again(server: Proxy, behaviour: Behaviour) -> None:
    server.misbehave(behaviour, times=2)
    pauses: list[float] = []
    with asking(server.url, pauses) as api:
        assert api.range(QUERY, WINDOW) == []
    assert pauses == [1, 2]


def test_a_server_that_is_not_there_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with asking(url) as api, pytest.raises(ApiFailed) as failed:
        api.range(QUERY, WINDOW)
    # Asked once: before the first answer it is a wrong address rather than an outage.
    assert str(failed.value).startswith(f"{url} cannot be reached: ")
    assert str(failed.value).endswith("is it running there?")


REFUSALS = {
    "too many samples": says(422, b'{"status":"error","errorType":"execution","error":"too many samples"}'),
    "a body that is too large": says(413, b"too large"),
    "the proxy's timeout": says(504),
    "the server's timeout": says(503, b'{"status":"error","errorType":"timeout","error":"timed out"}'),
    "no answer in time": slow,
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_too_much_is_asked_in_halves_and_is_the_same(prometheus: RealPrometheus, name: str) -> None:
    query = f"last_over_time(container_memory_rss[{fleet.STEP * 1000 - 1}ms])"
    # A window of an odd length, in which the series of a killed container ends and another one begins.
    window = Window(prometheus.begin + 26 * 3600, fleet.STEP, 721)
    with proxied(real(prometheus.url)) as proxy, asking(proxy.url) as api:
        whole = api.range(query, window)
        proxy.misbehave(REFUSALS[name], when=longer_than(400))
        halves = api.range(query, window)
    assert len(proxy.requests) == 1 + 3
    assert len(halves) > len(whole)
    assert joined(halves) == joined(whole)
    assert len(joined(whole)) > 5  # there is a restart in it


def test_what_was_too_much_once_is_not_asked_for_again(prometheus: RealPrometheus) -> None:
    """A slow server needs its whole timeout to refuse."""
    window = Window(prometheus.begin + 26 * 3600, fleet.STEP, 720)
    with proxied(real(prometheus.url)) as proxy, asking(proxy.url) as api:
        proxy.misbehave(REFUSALS["too many samples"], when=longer_than(400))
        first = api.range("container_memory_rss", window)
        proxy.forget()
        assert joined(api.range("container_memory_rss", window)) == joined(first)
    assert [one.steps for one in proxy.requests] == [360, 360]


def test_labels_that_are_too_many_are_asked_for_in_halves(prometheus: RealPrometheus) -> None:
    begin, end = prometheus.begin + 3600, prometheus.begin + 90 * 3600
    with proxied(real(prometheus.url)) as proxy, asking(proxy.url) as api:
        whole = api.series("container_memory_rss", begin, end)
        proxy.misbehave(
            REFUSALS["too many samples"],
            when=lambda one: float(one.params["end"]) - float(one.params["start"]) > 50 * 3600,
        )
        halves = api.series("container_memory_rss", begin, end)
    assert len(proxy.requests) == 1 + 3
    assert {json.dumps(one, sort_keys=True) for one in halves} == {
        json.dumps(one, sort_keys=True) for one in whole
    }


def joined(every: list[Any]) -> dict[str, list[tuple[int, float]]]:
    """Return the points of each series, in the order in which they came."""
    series: dict[str, list[tuple[int, float]]] = {}
    for one in every:
        own = series.setdefault(json.dumps(one.labels, sort_keys=True), [])
        own += zip(one.at, one.values, strict=True)
    return series


@pytest.mark.parametrize("name", REFUSALS)
def test_one_step_that_is_too_much_is_refused(server: Proxy, name: str) -> None:
    server.misbehave(REFUSALS[name])
    with asking(server.url) as api, pytest.raises(TooMuch, match=server.url):
        api.range(QUERY, WINDOW._replace(steps=1))
    assert len(server.requests) == 1


def test_halving_ends_at_single_steps(server: Proxy) -> None:
    server.misbehave(says(422, b'{"status":"error","errorType":"execution","error":"too many samples"}'))
    assert "(422): too many samples" in refused(server)
    assert [request.steps for request in server.requests] == [8, 4, 2, 1]


FAILURES: dict[str, tuple[Behaviour, tuple[str, ...]]] = {
    "401": (says(401, b"no"), ("(401)", "prometheus.user", "token file", "X-Scope-OrgID")),
    "403": (says(403, b"no"), ("(403)", "prometheus.user", "token file", "X-Scope-OrgID")),
    "no tenant": (says(401, b"no org id"), ("X-Scope-OrgID",)),
    "302": (
        says(302, headers={"Location": "https://sso.example/login"}),
        ("https://sso.example/login", "token"),
    ),
    "308": (
        says(308, headers={"Location": "https://127.0.0.1/"}),
        ("https://127.0.0.1/", "give that address"),
    ),
    "404": (says(404, b"404 page not found"), ("no query API", "/api/v1", "/prometheus", "/select/0/")),
    "a login page": (
        says(200, b"<html>\n<title>Sign in</title>", {"Content-Type": "text/html"}),
        ("does not answer as Prometheus does", "Sign in"),
    ),
    "truncated JSON": (truncated, ("does not answer as Prometheus does",)),
    "another API": (says(200, b'{"took": 3, "hits": []}'), ("does not answer as Prometheus does", "hits")),
    "another form": (
        says(200, good({"metric": {}, "values": [[1, 2, 3]]})),
        ("does not answer as Prometheus does", "values"),
    ),
    "no body": (says(200), ("does not answer as Prometheus does",)),
    "no text": (says(200, b"\xff\xfe\x00\x80"), ("does not answer as Prometheus does",)),
    "an error with 200": (
        says(200, b'{"status":"error","errorType":"bad_data","error":"unknown function"}'),
        ("refused a query (200): unknown function",),
    ),
    "400": (
        says(400, b'{"status":"error","errorType":"bad_data","error":"parse error"}'),
        ("refused a query (400): parse error",),
    ),
    "an error of many lines": (
        says(
            400, json.dumps({"status": "error", "error": "line one\nline \x1b[31mtwo" + 999 * "x"}).encode()
        ),
        ("refused a query (400): line one line", "two"),
    ),
    "404 with a reason": (
        says(404, b'{"status":"error","error":"no such tenant"}'),
        ("refused a query (404): no such tenant",),
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_cannot_be_mended_is_said_at_once(server: Proxy, name: str) -> None:
    behaviour, words = FAILURES[name]
    server.misbehave(behaviour)
    message = refused(server)
    assert message.startswith(server.url)
    assert [word for word in words if word not in message] == []
    assert len(server.requests) == 1


def test_a_redirect_is_not_followed(server: Proxy) -> None:
    """Our login would go to another server."""
    server.misbehave(says(302, headers={"Location": f"{server.url}/elsewhere/api/v1/query_range"}), times=1)
    refused(server)
    assert len(server.requests) == 1


def test_partial_answers_are_taken_and_counted(server: Proxy) -> None:
    series = {"metric": {"a": "b"}, "values": [[WINDOW.begin, "1.5"]]}
    server.misbehave(says(200, good(series, warnings=["store a is away"])), times=2)
    server.misbehave(says(200, good(series, isPartial=True, warnings=["store b is away"])), times=1)
    server.misbehave(marked(isPartial=False, warnings=[], infos=["a hint"]))
    with asking(server.url) as api:
        answers = [api.range(QUERY, WINDOW) for _ in range(4)]
        assert api.partial == {"store a is away": 2, "store b is away": 1, "the answer is partial": 1}
    assert [[(one.at, one.values) for one in every] for every in answers] == [*3 * [[([0], [1.5])]], []]


def test_a_warning_is_one_line(server: Proxy) -> None:
    server.misbehave(marked(warnings=["store a\nis \x1b[31maway"]))
    with asking(server.url) as api:
        api.range(QUERY, WINDOW)
        assert api.partial == {"store a is [31maway": 1}


def test_odd_values_are_no_numbers(server: Proxy) -> None:
    values = [
        [WINDOW.begin + 60 * n, text] for n, text in enumerate(["NaN", "+Inf", "-Inf", "1e9", "many", ""])
    ]
    server.misbehave(says(200, good({"metric": {}, "values": values})))
    with asking(server.url) as api:
        (points,) = api.range(QUERY, WINDOW)
    assert points.at == [0, 1, 2, 3, 4, 5]
    assert repr(points.values) == "[nan, inf, -inf, 1000000000.0, nan, nan]"


def test_labels_are_asked_for_a_time(prometheus: RealPrometheus) -> None:
    with proxied(real(prometheus.url)) as proxy, asking(proxy.url) as api:
        every = api.series(
            'kube_pod_owner{owner_kind="StatefulSet"}', prometheus.begin, prometheus.begin + 600
        )
    assert [(one["pod"], one["owner_name"]) for one in every] == [("db-0", "db")]
    (asked,) = proxy.requests
    assert (asked.params["start"], asked.params["end"]) == (
        str(prometheus.begin),
        str(prometheus.begin + 600),
    )


def written(folder: Path, words: str | bytes) -> str:
    """Write a file, and return its name."""
    file = folder / "file"
    file.write_bytes(words if isinstance(words, bytes) else words.encode())
    return str(file)


def sent(server: Proxy, **settings: Any) -> dict[str, str]:
    """Return the headers of a request."""
    with asking(server.url, **settings) as api:
        api.range(QUERY, WINDOW)
    return dict(server.requests[-1].headers)


def test_basic_authentication(server: Proxy, tmp_path: Path) -> None:
    headers = sent(server, user="reader", password_file=written(tmp_path, f"{SECRET}\n"))
    expected = httpx2.BasicAuth("reader", SECRET)
    (request,) = expected.auth_flow(httpx2.Request("GET", server.url))
    assert headers["authorization"] == request.headers["Authorization"]


def test_a_bearer_token_and_a_tenant(server: Proxy, tmp_path: Path) -> None:
    headers = sent(
        server, token_file=written(tmp_path, f"\n{SECRET}\n"), headers={"X-Scope-OrgID": "team-a|team-b"}
    )
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["x-scope-orgid"] == "team-a|team-b"


def test_what_comes_before_the_api_stays(server: Proxy) -> None:
    for path in ("/select/0/prometheus", "/select/0/prometheus/"):
        with asking(f"{server.url}{path}") as api:
            assert api.name == f"{server.url}/select/0/prometheus"
            api.range(QUERY, WINDOW)
        assert server.requests[-1].target.startswith("/select/0/prometheus/api/v1/query_range?")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 500])
def test_secrets_are_in_no_message_and_no_log(
    server: Proxy, tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    server.misbehave(says(status, b"no"))
    with caplog.at_level("DEBUG"):
        message = refused(
            server, user="reader", password_file=written(tmp_path, SECRET), headers={"X-Key": f"{SECRET}2"}
        )
    assert SECRET not in message
    assert SECRET not in caplog.text
    assert "query_range" not in caplog.text


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def guarded(certificate: tuple[Path, Path]) -> Iterator[Proxy]:
    """A server with a certificate that nobody knows, and that asks for one."""
    key, public = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, key)
    context.load_verify_locations(public)
    context.verify_mode = ssl.CERT_OPTIONAL
    with proxied(empty, tls=context) as running:
        yield running


def test_an_unknown_certificate_is_refused(guarded: Proxy) -> None:
    assert "CERTIFICATE_VERIFY_FAILED" in refused(guarded)
    assert guarded.requests == []


def test_an_authority_of_our_own(guarded: Proxy, certificate: tuple[Path, Path]) -> None:
    key, public = certificate
    ours: dict[str, Any] = {"certificate_file": str(public), "key_file": str(key)}
    for own in ({}, ours):
        with asking(guarded.url, ca_file=str(public), **own) as api:
            assert api.range(QUERY, WINDOW) == []


def test_a_server_that_needs_a_certificate_of_ours(certificate: tuple[Path, Path]) -> None:
    key, public = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, key)
    context.load_verify_locations(public)
    context.verify_mode = ssl.CERT_REQUIRED
    ours: dict[str, Any] = {"certificate_file": str(public), "key_file": str(key)}
    with proxied(empty, tls=context) as running:
        refused(running, ca_file=str(public))
        assert running.requests == []
        trusts: list[dict[str, Any]] = [{"ca_file": str(public)}, {"verify": False}]
        for trust in trusts:
            with asking(running.url, **trust, **ours) as api:
                assert api.range(QUERY, WINDOW) == []


def test_a_certificate_is_not_checked_on_demand(guarded: Proxy) -> None:
    with asking(guarded.url, verify=False) as api:
        assert api.range(QUERY, WINDOW) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": None}, "begins with http://"),
        ({"url": ""}, "begins with http://"),
        ({"url": "prometheus:9090"}, "begins with http://"),
        ({"url": "ftp://prometheus"}, "begins with http://"),
        ({"url": "http://"}, "begins with http://"),
        ({"url": "http://[::1"}, "begins with http://"),
        ({"url": f"http://reader:{SECRET}@prometheus"}, "prometheus.password_file"),
        ({"url": f"http://{SECRET}@prometheus"}, "prometheus.password_file"),
        ({"url": f"http://prometheus/?token={SECRET}"}, "prometheus.url"),
        ({"url": f"http://prometheus/#{SECRET}"}, "prometheus.url"),
        ({"user": "reader", "password_file": "/absent"}, "prometheus.password_file: /absent cannot be read"),
        ({"token_file": "/absent"}, "prometheus.token_file: /absent cannot be read"),
        ({"token_file": "/"}, "prometheus.token_file: / cannot be read"),
        ({"ca_file": "/absent"}, "prometheus.ca_file"),
        ({"certificate_file": "/absent", "key_file": "/absent"}, "certificate_file"),
        ({"headers": {"X-Key": f"{SECRET}\nX-Other: 1"}}, "prometheus.headers: 'X-Key'"),
        ({"headers": {"X-Key": f"{SECRET}\N{EURO SIGN}"}}, "prometheus.headers: 'X-Key'"),
        ({"headers": {"X Key": SECRET}}, "prometheus.headers: 'X Key'"),
        ({"headers": {"X:Key": SECRET}}, "prometheus.headers: 'X:Key'"),
        ({"headers": {"X\nKey": SECRET}}, "prometheus.headers: 'X\\nKey'"),
        ({"headers": {"": SECRET}}, "prometheus.headers: ''"),
    ],
)
def test_what_cannot_be_used_is_a_bad_setting(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSetting) as bad:
        Api(PrometheusSettings(**{"url": "http://127.0.0.1", **settings}))
    assert words in str(bad.value)
    assert str(bad.value).isprintable()
    assert SECRET not in str(bad.value)


@pytest.mark.parametrize("words", [f"{SECRET}\n{SECRET}", f"{SECRET}\N{EURO SIGN}"])
def test_a_token_that_no_header_can_have_is_named_by_its_setting(tmp_path: Path, words: str) -> None:
    with pytest.raises(BadSetting, match=r"prometheus\.token_file") as bad:
        Api(PrometheusSettings(url="http://127.0.0.1", token_file=written(tmp_path, words)))
    assert SECRET not in str(bad.value)


def test_files_that_are_no_text_are_bad_settings(tmp_path: Path) -> None:
    file = written(tmp_path, b"\xff\xfe\x80")
    bad: list[dict[str, Any]] = [
        {"token_file": file},
        {"ca_file": file},
        {"user": "reader", "password_file": file},
    ]
    for settings in bad:
        with pytest.raises(BadSetting, match=r"prometheus\."):
            Api(PrometheusSettings(url="http://127.0.0.1", **settings))


@pytest.mark.parametrize("value", [f" {SECRET}", f"{SECRET} ", f" {SECRET} "])
def test_blanks_around_a_header_do_not_count(server: Proxy, value: str) -> None:
    assert sent(server, headers={"X-Key": value})["x-key"] == SECRET
