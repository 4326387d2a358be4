"""Label matchers: what is read, what they match, and what is asked with them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.prometheus.matchers import BadMatchers, Matcher, newest, parse, selector, unquoted
from producers.prometheus.preset import Source
from tests.unit.strategies import REPEATABLE

ESCAPES = {"\\": r"\\", "\n": r"\n", "\t": r"\t"}


def quoted(value: str, quote: str) -> str:
    """Return a value as PromQL writes it."""
    escapes = {**ESCAPES, quote: "\\" + quote}
    return quote + "".join(escapes.get(sign, sign) for sign in value) + quote


def matcher(text: str) -> Matcher:
    (one,) = parse(text)
    return one


labels = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")
quotes = st.sampled_from("\"'")
plain = st.builds(
    lambda label, sign, value, quote: (Matcher(label, sign, quoted(value, quote)), value),
    labels, st.sampled_from(["=", "!="]), st.text(), quotes,
)  # fmt: skip
patterns = st.builds(
    lambda label, sign, value, quote: (Matcher(label, sign, quoted(re.escape(value), quote)), value),
    labels, st.sampled_from(["=~", "!~"]), st.text(), quotes,
)  # fmt: skip
MATCHERS = st.one_of(plain, patterns)


# Reading.


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("{}", []),
        ("  { } ", []),
        ('namespace="shop"', [("namespace", "=", "shop")]),
        ('{namespace="shop"}', [("namespace", "=", "shop")]),
        ('{namespace="shop",}', [("namespace", "=", "shop")]),
        (' { a = "1" , b != "2" } ', [("a", "=", "1"), ("b", "!=", "2")]),
        ("a=~'x.+',b!~\"y|z\"", [("a", "=~", "x.+"), ("b", "!~", "y|z")]),
        ('a="1,2",b="{3}"', [("a", "=", "1,2"), ("b", "=", "{3}")]),
        (r'a="say \"so\"",b="c:\\d"', [("a", "=", 'say "so"'), ("b", "=", r"c:\d")]),
        (r"a='it\'s'", [("a", "=", "it's")]),
        ("a='\"',b=\"'\"", [("a", "=", '"'), ("b", "=", "'")]),
        (r'a=~"cart-\\d+"', [("a", "=~", r"cart-\d+")]),
        (r'a="one\ntwo\tthree"', [("a", "=", "one\ntwo\tthree")]),
        ('a=""', [("a", "=", "")]),
        ('a="ü"', [("a", "=", "ü")]),
    ],
)
def test_matchers_are_read(text: str, parts: list[tuple[str, str, str]]) -> None:
    assert [(one.label, one.sign, unquoted(one.quoted)) for one in parse(text)] == parts


@pytest.mark.parametrize(
    "text",
    [
        "shop",
        "namespace=shop",
        'namespace="shop',
        "namespace=\"shop'",
        'namespace=="shop"',
        '{namespace="shop"',
        'namespace="shop"}',
        'up{namespace="shop"}',
        'a="1" b="2"',
        'a="1",,b="2"',
        ',a="1"',
        '1a="1"',
        'ä="1"',
        r'a="1\"',
        '"a"="1"',
    ],
)
def test_other_text_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadMatchers) as refused:
        parse(text)
    assert str(refused.value).startswith(repr(text))
    example = str(refused.value).rpartition(" such as ")[2]
    assert len(parse(example.strip("'"))) == 2


@pytest.mark.parametrize("sign", ["=~", "!~"])
def test_a_bad_regular_expression_is_refused_by_its_name(sign: str) -> None:
    with pytest.raises(BadMatchers, match=re.escape(f'pod{sign}"cart-("') + ".*no regular expression"):
        parse(f'{{a="1",pod{sign}"cart-("}}')


def test_what_is_no_regular_expression_may_be_a_value() -> None:
    assert matcher('pod="cart-("').matches({"pod": "cart-("})


@REPEATABLE
@given(st.lists(MATCHERS, max_size=4))
def test_the_text_of_matchers_reads_as_the_same(made: list[tuple[Matcher, str]]) -> None:
    every = [one for one, _ in made]
    text = ",".join(one.text for one in every)
    assert parse(text) == parse(f"{{{text}}}") == every


@REPEATABLE
@given(MATCHERS)
def test_a_matcher_finds_the_value_that_it_was_made_of(made: tuple[Matcher, str]) -> None:
    one, value = made
    assert one.matches({one.label: value}) is not one.sign.startswith("!")
    assert one.matches({one.label: value + "-"}) is one.sign.startswith("!")


# Matching.


@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        ('a="x"', "x", True),
        ('a="x"', "xx", False),
        ('a!="x"', "x", False),
        ('a!="x"', "y", True),
        ('a=~"x"', "x", True),
        ('a=~"x"', "xx", False),
        ('a=~"x"', "yx", False),
        ('a=~"x|yz"', "yz", True),
        ('a=~"x|yz"', "xz", False),
        ('a=~"x.*"', "xyz", True),
        ('a!~"x.*"', "xyz", False),
        ('a!~"x"', "xyz", True),
        ('a="x.*"', "xyz", False),
    ],
)
def test_a_regular_expression_is_for_the_whole_value(text: str, value: str, matches: bool) -> None:
    assert matcher(text).matches({"a": value}) is matches


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('a=""', True),
        ('a!=""', False),
        ('a=~""', True),
        ('a=~".+"', False),
        ('a!~"x"', True),
        ('a!="x"', True),
    ],
)
def test_a_label_that_is_missing_is_empty(text: str, matches: bool) -> None:
    one = matcher(text)
    assert one.matches({"b": "x"}) is matches
    assert one.matches({"a": ""}) is matches


# Queries.


def test_a_selector_has_its_own_matchers_and_those_of_the_user() -> None:
    asked = parse('namespace="shop",team=~"a|b"')
    assert selector("up") == "up"
    assert selector("up", "", "") == "up"
    assert selector("up", 'a="1"', "", 'b="2"') == 'up{a="1",b="2"}'
    assert selector("up", 'a="1"', asked=asked) == 'up{a="1",namespace="shop",team=~"a|b"}'


def test_a_selector_takes_only_labels_that_the_metric_has() -> None:
    asked = parse('namespace="shop",team="a"')
    assert selector("up", asked=asked, takes=frozenset({"namespace"})) == 'up{namespace="shop"}'
    assert selector("up", asked=asked, takes=frozenset()) == "up"


@pytest.mark.parametrize(
    ("step", "slow", "query"),
    [
        (60.0, False, 'last_over_time(up{a="1"}[59999ms])'),
        (0.5, False, 'last_over_time(up{a="1"}[499ms])'),
        (60.0, True, 'up{a="1"}'),
    ],
)
def test_a_sample_is_asked_for_once_and_one_that_seldom_changes_until_its_series_ends(
    step: float, slow: bool, query: str
) -> None:
    assert newest('up{a="1"}', Source("up", "used", slow=slow), step) == query
