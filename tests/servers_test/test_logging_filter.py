"""The filter language of the fake of Cloud Logging, as Google's documentation describes it."""

from typing import Any

import pytest
from google.cloud.logging_v2.types import LogEntry
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.logging_filter import (
    And,
    Comparison,
    FilterError,
    FilterUnsupported,
    Node,
    Not,
    Or,
    Present,
    Term,
    matches,
    parse,
)


def entry(**fields: Any) -> Any:
    """A plain LogEntry from Cloud Logging's JSON fields, over those of a container's text line."""
    whole = {
        "logName": "projects/p/logs/stdout",
        "resource": {
            "type": "k8s_container",
            "labels": {"namespace_name": "gpt", "pod_name": "stock-trader-5d9f", "cluster_name": "c"},
        },
        "timestamp": "2026-11-20T04:31:07.123456789Z",
        "severity": "WARNING",
        "insertId": "i1",
        "labels": {"k8s-pod/app": "stock-trader"},
        "textPayload": "[ERROR] Insufficient margin for TCS ₹",
    } | fields
    if "jsonPayload" in fields:
        del whole["textPayload"]
    return json_format.ParseDict(whole, LogEntry.pb()())


LINE = entry()
RECORD = entry(
    jsonPayload={
        "message": "Order placed",
        "price": 12.5,
        "filled": True,
        "note": None,
        "context": {"symbol": "TCS", "legs": [{"side": "BUY"}, {"side": "SELL"}]},
        "tags": ["alpha", "beta"],
        "odd key": "x",
    },
    severity="ERROR",
)

A, B, C, D = (Term(letter) for letter in "abcd")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", And(())),
        ("  -- only a remark\n ", And(())),
        ("a b", And((A, B))),
        ("a AND b", And((A, B))),
        ("a OR b AND c OR d", And((Or((A, B)), Or((C, D))))),
        ("a OR NOT b AND NOT c OR d", And((Or((A, Not(B))), Or((Not(C), D))))),
        ("NOT a OR b", Or((Not(A), B))),
        ("a b OR c d", And((A, Or((B, C)), D))),
        ("(a AND b) OR c", Or((And((A, B)), C))),
        ("-a", Not(A)),
        ("NOT (a OR b)", Not(Or((A, B)))),
        ("NOT NOT a", Not(Not(A))),
        ("a -- the rest is a remark\nAND b", And((A, B))),
        ("a and b", And((A, Term("and"), B))),
        ('resource.type="k8s_container"', Comparison(("resource", "type"), "=", "k8s_container")),
        ("resource.type = k8s_container", Comparison(("resource", "type"), "=", "k8s_container")),
        ('labels."k8s-pod/app":x', Comparison(("labels", "k8s-pod/app"), ":", "x")),
        ('jsonPayload."odd key".b."c.d">=1', Comparison(("jsonPayload", "odd key", "b", "c.d"), ">=", "1")),
        ("jsonPayload.x > -5", Comparison(("jsonPayload", "x"), ">", "-5")),
        ('textPayload=~"a\\d+\\"\\\\."', Comparison(("textPayload",), "=~", 'a\\d+"\\.')),
        ('jsonPayload."a"."b".c:*', Present(("jsonPayload", "a", "b", "c"))),
        ('textPayload:"\\u20b9\\x41\\n"', Comparison(("textPayload",), ":", "₹A\n")),
        ("trace:*", Present(("trace",))),
        ('trace:"*"', Comparison(("trace",), ":", "*")),
        (
            "severity=(ERROR OR NOTICE)",
            Or((Comparison(("severity",), "=", "ERROR"), Comparison(("severity",), "=", "NOTICE"))),
        ),
        (
            'textPayload:("x" AND NOT "y")',
            And((Comparison(("textPayload",), ":", "x"), Not(Comparison(("textPayload",), ":", "y")))),
        ),
    ],
)
def test_a_filter_has_one_meaning(text: str, tree: Node) -> None:
    """NOT binds tighter than OR, OR tighter than AND, said or implied; values are unescaped."""
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "a AND", "OR a", "NOT", "(a", "a)", "()", "a OR OR b", "=x", "a\x00", "textPayload='x'",
        'textPayload="open', "textPayload=", "textPayload:x:y", "insertId = abc:def", 'textPayload=~"("',
        "timestamp>=2026-11-20T04:31:07Z", 'timestamp>="yesterday"', 'timestamp>="2026-13-01T00:00:00Z"',
        "thud=1", "resource.thud=1", "textPayload.thud=1", "resource=x", '"resource".type=x',
        "jsonPayload..a=1", "labels.a.b=1", "labels.k8s-pod/app=x", 'labels."a"', 'labels."a".=1',
        'labels."a"b=1', "a..b=1", "severity>=LOUD", 'severity=~"ERR"', "traceSampled=maybe",
        "sourceLocation.line=many", "(" * 200 + "a" + ")" * 200, "NOT " * 5000 + "a",
    ],
)  # fmt: skip
def test_what_the_service_refuses_is_refused(text: str) -> None:
    """Bad syntax, unknown fields and values that do not fit a field's type are errors, not empty answers."""
    with pytest.raises(FilterError):
        parse(text)


@pytest.mark.parametrize("text", ['SEARCH("x")', "sample(insertId, 0.1)", "protoPayload.methodName=x"])
def test_what_the_fake_lacks_is_said_aloud(text: str) -> None:
    """Functions and the inside of protoPayload are not mistaken for something else."""
    with pytest.raises((FilterUnsupported, FilterError)):
        parse(text)
    if not text.startswith("sample"):
        with pytest.raises(FilterUnsupported):
            parse(text)


def test_a_filter_has_at_most_20000_characters() -> None:
    """Characters count, not bytes; the limit itself is allowed."""
    fits = 'textPayload:"' + "₹" * (20_000 - 14) + '"'

    assert parse(fits)
    with pytest.raises(FilterError, match="20001"):
        parse(fits + " ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        'resource.type="K8S_container"',
        'textPayload:"INSUFFICIENT margin"',
        'textPayload:"₹"',
        'textPayload=~"margin for [A-Z]+"',
        'textPayload!~"MARGIN"',
        'textPayload=~"(?i)MARGIN"',
        'textPayload!="x"',
        "severity>=NOTICE AND severity<error",
        "severity=400",
        'severity:"warning"',
        "severity!=ERROR",
        'timestamp="2026-11-20T04:31:07.123456789Z"',
        'timestamp>"2026-11-20T04:31:07.123456788Z"',
        'timestamp<"2026-11-20T04:31:07.12345679Z"',
        'timestamp>="2026-11-20T10:01:07.123456789+05:30"',
        'timestamp>="2026-11-20" timestamp<"2026-11-21"',
        "resource.labels.namespace_name=gpt",
        'resource.labels.pod_name=~"^stock-"',
        'labels."k8s-pod/app"="stock-trader"',
        'labels."k8s-pod/app":*',
        'log_name:"stdout" LOGNAME:"stdout"',
        'logName="projects/p/logs/stdout"',
        "insufficient",
        '"margin for tcs"',
        "stock-trader-5d9f",
        "WARNING",
        "resource.labels:stock-trader",
        "NOT jsonPayload.x=1",
        "NOT trace:*",
        'trace=""',
        "traceSampled=false",
        "sourceLocation.line=0",
        "httpRequest.status<500",
        "textPayload:*",
        "resource.labels.pod_name>=stock",
        'insertId=("i0" OR "i1")',
    ],
)
def test_a_text_line_is_selected(text: str) -> None:
    """Text ignores case except in patterns, severities are ordered, times compare to the nanosecond."""
    assert matches(parse(text), LINE)
    assert not matches(parse(f"NOT ({text})") if text else Not(And(())), LINE)


@pytest.mark.parametrize(
    "text",
    [
        "jsonPayload.x=1",
        "jsonPayload.x!=1",
        'jsonPayload.message!~"x"',
        "jsonPayload.x:*",
        "labels.other=x",
        "labels.other!=x",
        'labels."K8S-POD/APP"=stock-trader',
        "trace:*",
        "httpRequest:*",
        "severity<WARNING",
        'timestamp>"2026-11-20T04:31:07.123456789Z"',
        'textPayload=~"MARGIN"',
        'textPayload="margin"',
        "gold",
        "textPayload:margin AND textPayload:gold",
        "textPayload:gold OR textPayload:silver AND textPayload:margin",
        "textPayload:margin OR textPayload:gold AND textPayload:silver",
    ],
)
def test_a_text_line_is_not_selected(text: str) -> None:
    """A missing key of a payload or of labels satisfies no comparison at all, not even != and !~."""
    assert not matches(parse(text), LINE)


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ('jsonPayload.message="order PLACED"', True),
        ("jsonPayload.price>12", True),
        ('jsonPayload.price="12.5"', True),
        ("jsonPayload.price:12.5", True),
        ("jsonPayload.price<9", False),
        ("jsonPayload.price=cheap", False),
        ("jsonPayload.price!=cheap", False),
        ('jsonPayload.price=~"12"', False),
        ("jsonPayload.filled=TRUE", True),
        ("jsonPayload.filled!=true", False),
        ("jsonPayload.note=NULL_VALUE", True),
        ("jsonPayload.note!=NULL_VALUE", False),
        ("jsonPayload.note:*", True),
        ("jsonPayload.context.symbol=tcs", True),
        ("jsonPayload.Context.symbol=tcs", False),
        ("json_payload.context.symbol=tcs", True),
        ("jsonPayload.context:TCS", True),
        ("jsonPayload.context=TCS", False),
        ("jsonPayload:SELL", True),
        ("jsonPayload.context.legs.side=SELL", True),
        ("jsonPayload.context.legs.side!=SELL", True),
        ("NOT jsonPayload.context.legs.side=SELL", False),
        ("jsonPayload.tags=beta", True),
        ("jsonPayload.tags:gam", False),
        ('jsonPayload.tags=~"^b"', True),
        ('jsonPayload."odd key"=x', True),
        ("12.5", True),
        ('textPayload!="x"', True),
        ('textPayload:"x"', False),
        ("textPayload:*", False),
    ],
)
def test_a_payloads_values_have_their_own_types(text: str, selected: bool) -> None:
    """Numbers, booleans, nulls, objects compare as what they are; of a list one element suffices."""
    assert matches(parse(text), RECORD) is selected


def test_the_clients_own_type_matches_too() -> None:
    """matches takes proto-plus entries as they come out of the client."""
    assert matches(parse("severity=WARNING"), LogEntry.wrap(LINE))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_quoted_value_is_one_literal_whatever_it_holds(value: str) -> None:
    """Backslash and double quote escaped, any text stays inside of its quotes."""
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    assert parse(f"textPayload={quoted}") == Comparison(("textPayload",), "=", value)
    assert parse(f"labels.{quoted}:*") == Present(("labels", value))


@given(st.text(alphabet='ab "\\()=~!<>:.-*/AND\nOR', max_size=30))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """No input ends in anything but a tree or one of the two errors."""
    try:
        node = parse(text)
    except (FilterError, FilterUnsupported):
        return
    assert matches(node, LINE) in (True, False)
