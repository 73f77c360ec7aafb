"""A body as a question: its defaults, its bounds, what makes two bodies equal, and whose policy it has."""

import json
from typing import Any

import pytest

from shared import instant
from shared.entry import Severity
from shared.errors import Forbidden, InvalidRequest
from shared.policy import UNRESTRICTED, Grant, Policy
from shared.summary.request import SummaryRequest, parse

NOW = 1_795_600_003 * instant.SECOND
BOTH = frozenset({"slack", "webhook"})


def asked(body: Any = None, policy: Policy = UNRESTRICTED) -> SummaryRequest:
    """A checked request; `body` is text, or becomes JSON."""
    data = body.encode() if isinstance(body, str) else json.dumps(body or {}).encode()
    return parse(data, now=NOW, policy=policy, deliverable=BOTH)


def test_what_is_not_said_is_the_default() -> None:
    """Everything of the last 24 h, general, 4,000 tokens, stored, sent nowhere."""
    request = asked()

    assert request.sources == ("gcs", "firestore", "pods")
    assert (request.type, request.max_tokens, request.deliver, request.store) == ("general", 4000, (), True)
    window = request.query.window
    assert window.end == instant.ceil_10s(NOW)
    assert (window.end - window.start, window.defaulted) == (instant.DAY, True)


def test_what_is_said_is_asked() -> None:
    """Every field there is, into the query that the sources get."""
    request = asked(
        {
            "start": "2026-11-20T00:00:00Z", "end": "2026-11-21T00:00:00+05:30", "min_severity": "warning",
            "q": "x", "regex": "a|b", "exclude": "c", "bot": "one", "strategy": ["s1", "s2"], "symbol": "TCS",
            "trade_id": "T1", "label.segment": "fno", "prefix": "trades/", "bucket": "b-1",
            "collection": "gpt_runner_trades", "namespace": "gpt", "pod": "a-*", "container": "c",
            "cluster": "k", "sources": ["pods", "gcs", "firestore"], "type": "trading", "max_tokens": 900,
            "deliver": ["webhook", "slack"], "store": False,
        }
    )  # fmt: skip

    query = request.query
    assert query.window.document()["end"] == "2026-11-20T18:30:00.000000Z"
    assert query.min_severity is Severity.WARNING
    assert (query.q, query.regex, query.exclude) == ("x", "a|b", "c")
    assert query.labels == {
        "bot": ("one",), "strategy": ("s1", "s2"), "symbol": ("TCS",), "trade_id": ("T1",),
        "segment": ("fno",),
    }  # fmt: skip
    assert query.scope["prefix"] == ("trades/",)
    assert query.scope["pod"] == ("a-*",)
    assert query.order == "desc"
    assert request.sources == ("gcs", "firestore", "pods")
    assert (request.type, request.max_tokens, request.store) == ("trading", 900, False)
    assert request.deliver == ("slack", "webhook")


def test_redaction_is_whoever_s() -> None:
    """The query of an admin has secrets taken out too."""
    assert asked(policy=UNRESTRICTED).query.policy == Policy((Grant(redact=True),))


def test_equal_bodies_have_equal_hashes() -> None:
    """However they are written; another value, or another spelling of a value, is another body."""
    one = asked('{"type": "errors", "q": "\\u00e4", "max_tokens": 900}')
    same = asked('{ "max_tokens":900,\n"q":"ä","type":"errors"}')
    others = [
        asked({"type": "errors", "q": "ä", "max_tokens": 901}),
        asked({"type": "errors", "q": "a", "max_tokens": 900}),
        asked({"type": "errors", "q": "ä"}),
    ]

    assert one.body_hash == same.body_hash
    assert len({one.body_hash, *(other.body_hash for other in others)}) == 4


def test_a_body_is_equal_to_itself_later() -> None:
    """A relative window is another window at another time, and the same body."""
    early = parse(b'{"since": "1h"}', now=NOW, policy=UNRESTRICTED, deliverable=BOTH)
    late = parse(b'{"since": "1h"}', now=NOW + instant.HOUR, policy=UNRESTRICTED, deliverable=BOTH)

    assert early.body_hash == late.body_hash
    assert early.query.window != late.query.window


@pytest.mark.parametrize(
    ("grant", "body", "sources"),
    [
        (Grant(sources=frozenset({"gcs"})), {}, ("gcs",)),
        (Grant(sources=frozenset({"gcs", "pods"})), {"type": "errors"}, ("gcs", "pods")),
        (Grant(sources=frozenset({"gcs", "pods"})), {"sources": ["pods"]}, ("pods",)),
        (Grant(bots=frozenset({"a"})), {"bot": "a"}, ("gcs", "firestore", "pods")),
    ],
)
def test_sources_are_those_that_the_policy_shows(grant: Grant, body: Any, sources: tuple[str, ...]) -> None:
    """What is not named is narrowed; what is named and shown is asked."""
    assert asked(body, Policy((grant,))).sources == sources


def test_what_is_refused_is_refused_before_what_is_wrong() -> None:
    """A caller learns nothing about parameters of what they may not ask for."""
    with pytest.raises(Forbidden):
        asked({"sources": ["gcs"], "max_tokens": 1}, Policy((Grant(sources=frozenset({"pods"})),)))
    with pytest.raises(Forbidden):
        asked({}, Policy(()))


def test_targets_that_are_not_set_up_are_refused() -> None:
    """With the field, and the target's name."""
    with pytest.raises(InvalidRequest) as caught:
        parse(
            b'{"deliver": ["slack", "webhook"]}',
            now=NOW,
            policy=UNRESTRICTED,
            deliverable=frozenset({"slack"}),
        )

    ((fault),) = caught.value.faults
    assert (fault.pointer, "webhook" in fault.detail) == ("/deliver", True)


@pytest.mark.parametrize("tokens", [500, 31_999, 32_000])
def test_tokens_within_bounds_are_taken(tokens: int) -> None:
    """As they are; above they are the most."""
    assert asked({"max_tokens": tokens}).max_tokens == tokens
    assert asked({"max_tokens": tokens + 32_000}).max_tokens == 32_000


def outcome(body: Any) -> str:
    """ "asked", or the places of its faults."""
    try:
        return "asked" if asked(body) else ""
    except InvalidRequest as exc:
        return " ".join(str(fault.pointer) for fault in exc.faults)


@pytest.mark.parametrize(
    "name",
    ["sources", "type", "max_tokens", "deliver", "store", "start", "since", "q", "bot", "label.x", "pod"],
)
def test_any_json_is_answered_or_refused(name: str) -> None:
    """Values of every kind in every field: a request, or a fault that points at the field."""
    values: list[Any] = [None, True, 0, -1, 1.5, 2**70, "", "x", "\u0000", [], [[]], [None], {}, {"a": []}]

    assert {outcome({name: value}) for value in [*values, "x" * 10_000]} <= {"asked", f"/{name}"}
