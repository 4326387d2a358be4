"""What a notice says: its title and its facts, in their order."""

from __future__ import annotations

from base64 import urlsafe_b64decode

import pytest

from fleetleak.records import Forecast, Trend
from sinks.notify.notice import alert_notice, storm_notice
from sinks.notify.sample import sample
from sinks.notify.storm import Storm
from tests.notify.support import START, alert

MIB = 2**20


def test_facts_come_in_the_order_in_which_people_need_them() -> None:
    names = [name for name, _ in sample(START).facts]
    assert names == [
        "severity", "kind", "scope", "since", "limit", "suspect", "restarts", "news", "because", "because",
        "do", "runbook", "explain",
    ]  # fmt: skip


def test_facts_say_what_is_known() -> None:
    growth = 68 * MIB / 3600
    trend = Trend(
        growth=growth, growth_low=growth * 67 / 68, growth_high=growth * 69 / 68, window=7200.0, rise=1.0,
        level=1.0, strength=0.9,
    )  # fmt: skip
    eta = START + 13_300
    forecast = Forecast(
        eta=eta, eta_low=eta - 3600, eta_high=eta + 3600, limit=512 * MIB, limit_name="memory.max",
        limit_used=MIB,
    )  # fmt: skip
    one = alert(
        certainty="sure", urgency="today", trend=trend, forecast=forecast, alive=2, suspect="1.4.2",
        growth_before=MIB / 3600, restarts=3, instances=["node-a/" + "4f1c" * 16], onset=START - 3600,
        onset_low=START - 7200, onset_high=START, reasons=["a", "b", "c"], closed_by="it stopped",
    )  # fmt: skip
    assert dict(alert_notice(one).facts) == {
        "severity": "high, sure, act today",
        "kind": "linear growth of 68 MiB/h (67 to 69)",
        "scope": "1 of 2 instances; node-a/4f1c4f1c4f1c4f1c4f1c4f1c4f1c4f1c…",
        "since": "21 Sep 13:13 UTC (12:13 to 14:13)",
        "limit": "memory.max of 512 MiB on 21 Sep 17:55 UTC (16:55 to 18:55)",
        "suspect": "version 1.4.2; before it 1 MiB/h",
        "restarts": "3",
        "because": "c",
        "do": "take a heap profile",
        "explain": "fleetleak explain shop/cart --at 2026-09-21T14:13:20Z",
        "closed": "it stopped",
    }


def test_what_is_not_known_is_not_a_fact() -> None:
    names = [name for name, _ in alert_notice(alert()).facts]
    assert names == ["severity", "kind", "scope", "since", "do", "explain"]


def test_the_moment_to_explain_is_not_before_the_decision() -> None:
    assert dict(alert_notice(alert(time=0.7)).facts)["explain"].endswith(" --at 2026-09-21T14:13:21Z")


def test_a_service_with_odd_signs_can_be_pasted_into_a_shell() -> None:
    facts = dict(alert_notice(alert("a b; rm -rf /")).facts)
    assert facts["explain"].startswith("fleetleak explain 'a b; rm -rf /' --at ")


def test_a_title_has_at_most_120_characters() -> None:
    notice = alert_notice(alert(summary="x" * 500))
    assert notice.title.endswith("…")
    assert len(notice.title) == 120


def test_a_picture_has_an_address_where_it_is_served() -> None:
    assert alert_notice(alert()).picture_url is None
    url = alert_notice(alert("ünit/a"), public_url="https://leaks.example/").picture_url or ""
    begin, _, name = url.rpartition("/")
    assert begin == "https://leaks.example/pictures"
    assert urlsafe_b64decode(name.removesuffix(".png")).decode() == alert("ünit/a").key


def storm(*services: str, version: str = "2.41.0") -> Storm:
    return Storm(f"storm:{version}", version, services, "high", alert(services[0]), START, None)


@pytest.mark.parametrize(
    ("services", "title"),
    [
        (("shop/cart",), "1 service leaks since release 2.41.0: shop/cart"),
        (("shop/cart", "shop/pay"), "2 services leak since release 2.41.0: shop/cart, shop/pay"),
        (
            ("shop/cart", "shop/pay", *(f"s{n}" for n in range(10))),
            "12 services leak since release 2.41.0: shop/cart, shop/pay and 10 more",
        ),
        (("a" * 60, "b" * 60, "c"), f"3 services leak since release 2.41.0: {'a' * 60} and 2 more"),
        (("a" * 250, "b"), "2 services leak since release 2.41.0"),
    ],
)
def test_a_storm_names_as_many_services_as_fit(services: tuple[str, ...], title: str) -> None:
    assert storm_notice(storm(*services), "firing").title == title


def test_a_storm_with_a_long_version_keeps_to_the_limits() -> None:
    notice = storm_notice(storm("a" * 256, "b", version="v" * 256), "resolved")
    assert len(notice.title) <= 120
    assert notice.title.endswith(": over")
