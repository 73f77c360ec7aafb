"""The filter for Cloud Logging, parsed back: what was meant, and nothing else."""

import json
from typing import Any

import pytest
from google.cloud.logging_v2.types import LogEntry as StoredEntry
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import instant
from shared.entry import Severity
from shared.errors import InvalidRequest
from shared.policy import UNRESTRICTED, Grant, Policy
from shared.query import LogQuery, Window
from shared.redact import Redactor
from shared.sources.containers import Places, entry_of, line_of
from shared.sources.pod_filter import MAX_CHARACTERS, pod_filter, quoted
from shared.sources.scan import Matcher
from tests.servers.logging_filter import And, Comparison, Node, Or, Present, matches, parse
from tests.sources.cloud_pods import NOON, line

HOSTILE = 'x" OR resource.type="gce_instance'
LABELS = ("resource", "labels")
hostile = st.text(max_size=30) | st.sampled_from(
    [
        HOSTILE,
        'x") OR (severity>=DEFAULT',
        "\\",
        '\\"',
        "a\nAND b",
        "--",
        "\x00",
        "*",
        "\ud800",
        "{",
        "$^.*",
        "é₹",
    ]
)
values = st.lists(hostile.filter(bool), max_size=3, unique=True).map(tuple)


def query_of(**fields: Any) -> LogQuery:
    """A query that has not been through the front door's checks."""
    return LogQuery(window=Window(NOON, NOON + 1), policy=fields.pop("policy", UNRESTRICTED), **fields)


def one_of(nodes: list[Node]) -> list[Node]:
    """One clause, or none."""
    return [nodes[0] if len(nodes) == 1 else Or(tuple(nodes))] if nodes else []


def equal(name: str, wanted: tuple[str, ...]) -> list[Node]:
    """A label of the resource has one of these values."""
    return one_of([Comparison((*LABELS, name), "=", value) for value in wanted])


@settings(max_examples=300, deadline=None)
@given(namespaces=values, containers=values, clusters=values, pods=values)
def test_hostile_values_stay_inside_of_their_literals(
    namespaces: tuple[str, ...], containers: tuple[str, ...], clusters: tuple[str, ...], pods: tuple[str, ...]
) -> None:
    """Parsed back, the filter has exactly the intended clauses, with exactly the values given."""
    pods = tuple(pod.replace("*", "+") for pod in pods)
    places = Places(namespaces, pods, containers, clusters)

    tree = parse(pod_filter(query_of(), places, NOON, NOON + instant.HOUR))

    assert tree == And(
        (
            Comparison(("resource", "type"), "=", "k8s_container"),
            *equal("namespace_name", namespaces),
            *equal("pod_name", pods),
            *equal("container_name", containers),
            *equal("cluster_name", clusters),
            Comparison(("timestamp",), ">=", "2026-11-20T12:00:00.000000Z"),
            Comparison(("timestamp",), "<", "2026-11-20T13:00:00.000000Z"),
        )
    )


@settings(max_examples=300, deadline=None)
@given(bot=hostile.filter(bool))
def test_a_hostile_bot_narrows_to_containers_of_that_name(bot: str) -> None:
    """A bot's two spellings are values; every other alternative is a fixed one."""
    tree = parse(pod_filter(query_of(labels={"bot": (bot,)}), Places(("gpt",), (), (), ()), NOON, NOON + 1))

    assert isinstance(tree, And)
    clause = tree.parts[-1]
    assert isinstance(clause, Or)
    names = [
        p.value for p in clause.parts if isinstance(p, Comparison) and p.path == (*LABELS, "container_name")
    ]
    assert names == list(dict.fromkeys([bot.replace("_", "-"), bot]))
    fixed = [
        p for p in clause.parts if not (isinstance(p, Comparison) and p.path == (*LABELS, "container_name"))
    ]
    assert all(
        isinstance(p, Present) or p.value == "^[{]" for p in fixed if isinstance(p, Present | Comparison)
    )
    assert len(tree.parts) == 5


@pytest.mark.parametrize("prefix", ["stock-trader-", "a.b", "s+(x)[", 'q"\\', "é"])
def test_a_prefix_is_a_pattern_of_itself_only(prefix: str) -> None:
    """What means something in a pattern is escaped: only names that begin so are selected."""
    node = parse(pod_filter(query_of(), Places(("gpt",), (prefix + "*",), (), ()), NOON, NOON + 1))

    def takes(pod: str) -> bool:
        stored = line(NOON, "x", 1)
        stored["resource"]["labels"]["pod_name"] = pod
        return matches(node, StoredEntry.from_json(json.dumps(stored)))

    assert takes(prefix + "7d9f")
    assert not takes("x" + prefix)
    assert not takes(prefix.replace(".", "x").replace("+", "ss") + "z") or prefix in (
        "stock-trader-",
        'q"\\',
        "é",
    )


def test_all_pods_is_no_clause() -> None:
    """`pod=*` asks for every pod."""
    assert "pod_name" not in pod_filter(query_of(), Places(("gpt",), ("a", "*"), (), ()), NOON, NOON + 1)


def test_a_filter_that_is_too_long_names_the_longest_parameter() -> None:
    """More than 20,000 characters are refused here, not by the service."""
    clusters = tuple("c" * 200 + str(n) for n in range(100))
    query = query_of(scope={"cluster": clusters, "pod": ("short",)})

    with pytest.raises(InvalidRequest) as caught:
        pod_filter(query, Places(("gpt",), ("short",), (), clusters), NOON, NOON + 1)

    assert [fault.parameter for fault in caught.value.faults] == ["cluster"]


def test_a_policy_of_very_many_bots_is_not_pushed_down() -> None:
    """It narrows after reading, rather than to make its callers' every question impossible."""
    policy = Policy((Grant(bots=frozenset(f"bot_{n:050}" for n in range(1000))),))

    text = pod_filter(query_of(policy=policy), Places(("gpt",), (), (), ()), NOON, NOON + 1)

    assert len(text) <= MAX_CHARACTERS
    assert "bot_0" not in text


payloads = st.dictionaries(
    st.sampled_from(["level", "severity", "bot", "bot_type", "data", "metadata", "message", "error_message"]),
    st.sampled_from(
        [
            "ERROR",
            "info",
            "stock_trader",
            "",
            None,
            5,
            {"bot": "stock_trader"},
            "{'bot': 'stock_trader'}",
            {"x": 1},
        ]
    ),
    max_size=4,
)


@settings(max_examples=600, deadline=None)
@given(
    what=payloads
    | st.sampled_from(["[ERROR] no", "[INFO] yes", "Traceback (most recent call last):", "words"]),
    stored_severity=st.sampled_from(["DEFAULT", "INFO", "ERROR", "CRITICAL"]),
    container=st.sampled_from(["stock-trader", "options-trader", "stock_trader"]),
    least=st.sampled_from([Severity.DEFAULT, Severity.INFO, Severity.WARNING, Severity.ERROR]),
    bots=st.sampled_from([(), ("stock_trader",), ("stock_trader", "nobody"), ("nobody",)]),
    by_policy=st.booleans(),
)
def test_nothing_that_a_query_wants_is_left_behind(
    what: Any, stored_severity: str, container: str, least: Severity, bots: tuple[str, ...], by_policy: bool
) -> None:
    """Every entry that the query's own filters take is selected by the text that is pushed down."""
    stored = line(NOON, what, 1, container=container, severity=stored_severity)
    policy = Policy((Grant(bots=frozenset(bots)),)) if by_policy and bots else UNRESTRICTED
    labels = {"bot": bots} if bots and not by_policy else {}
    query = query_of(min_severity=least, labels=labels, policy=policy)
    found = line_of(stored, 1)
    assert found is not None
    wanted = Matcher(query, Redactor(b"k" * 32))(entry_of([found])) is not None

    node = parse(pod_filter(query, Places(("gpt",), (), (), ()), NOON, NOON + 1))

    assert not wanted or matches(node, StoredEntry.from_json(json.dumps(stored)))


def test_quoting_leaves_plain_text_alone() -> None:
    """Only what would end or bend the literal is escaped."""
    assert quoted("stock-trader é₹") == '"stock-trader é₹"'
    assert quoted('a"b\\c\n') == '"a\\"b\\\\c\\u000a"'
