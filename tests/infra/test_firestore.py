"""The queries that are really sent to Firestore, recorded on their way, against the indexes of `infra/`."""

import time
from collections.abc import Iterator

import pytest

from shared.state import FirestoreStore
from tests.contract.shelf_firestore import client
from tests.infra.firestore_indexes import Query, asked, lacking
from tests.infra.terraform import Plan
from tests.servers.firestore_emulator import FirestoreEmulator, missing
from tests.servers.firestore_proxy import FirestoreProxy
from tests.servers.required import require
from tests.sources.firestore_world import ALL_TEMPLATES, World, read, world_in

STATE = "log_aggregator_state"


@pytest.fixture(scope="module")
def emulator() -> Iterator[FirestoreEmulator]:
    """One emulator for the module."""
    require("the Firestore emulator", missing() is None)
    with FirestoreEmulator() as running:
        yield running


@pytest.fixture(scope="module")
def queries(emulator: FirestoreEmulator) -> set[Query]:
    """Every kind of query that sources and store have sent."""
    with world_in(emulator, "indexes") as world:
        fill(world)
        ask_everything(world)
        scan_state(emulator, world.proxy)
        return {asked(call.query()) for call in world.proxy.made("RunQuery")}


def fill(world: World) -> None:
    """A document for every template, and some of the state's."""
    trade = {"timestamp": "2026-11-20T04:00:00", "message": "bought", "symbol": "TCS", "trade_id": "T1"}
    world.put(
        {
            "gpt_runner_trades/stock_trader/2026-11-20/a": trade,
            "gpt_runner_reflections/stock_trader/days/2026-11-20": {"reflection": "calm"},
            "live_alerts/a": trade,
            "thought_journal/a": trade,
            "daily_reflections/stock_trader_2026-11-20": {"reflection": "calm"},
            "cognitive_by_date/2026-11-20/decisions/a": trade,
        }
    )


def ask_everything(world: World) -> None:
    """Reading by window, by label, by text, in both orders, and what the listings ask."""
    source = world.source(*ALL_TEMPLATES)
    for question in (
        "since=24h",
        "since=24h&order=asc",
        "since=24h&symbol=TCS&symbol=INFY",
        "since=24h&trade_id=T1&q=bought",
    ):
        assert read(source, question)


def scan_state(emulator: FirestoreEmulator, proxy: FirestoreProxy) -> None:
    """Values and counters by a prefix, over more than a page of either."""
    writer = FirestoreStore(lambda: client(emulator.host, "indexes"), time.time, write_deadline_s=20.0)
    reader = FirestoreStore(lambda: client(proxy.host, "indexes"), time.time, read_deadline_s=20.0)
    for number in range(20):
        writer.set(f"summary/{number}", b"x", 60.0)
        writer.increment(f"fold/{number}", {"sum": 1.0})
    assert len(list(reader.scan("summary/"))) == len(list(reader.counters("fold/"))) == 20
    writer.close()
    reader.close()


def test_the_record_has_every_collection(queries: set[Query]) -> None:
    """Else it would say nothing of those that are not in it."""
    collections = {query.collection for query in queries}

    assert collections >= {"live_alerts", "thought_journal", "daily_reflections", "decisions", "days", STATE}


def test_every_query_has_its_index(queries: set[Query], prod: Plan) -> None:
    """The emulator serves what has no index, Firestore does not."""
    assert [sentence for query in sorted(queries) if (sentence := lacking(query, prod))] == []


def test_the_state_has_no_index_that_no_query_wants(queries: set[Query], prod: Plan) -> None:
    """Each index is paid for with every write."""
    wanted = {field for query in queries if query.collection == STATE for field in query.fields}
    indexed = {
        one.values["field"]
        for one in prod.of("firestore_field")
        if one.values["index_config"] and one.values["index_config"][0]["indexes"]
    }

    assert indexed == wanted == {"key"}


def test_expired_state_is_deleted(prod: Plan) -> None:
    """The one collection of the store has a time-to-live policy on the field that the store writes."""
    policies = {
        (one.values["collection"], one.values["field"])
        for one in prod.of("firestore_field")
        if one.values["ttl_config"]
    }

    assert policies == {(STATE, "expires_at")}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (Query(STATE, False, ("expires_at",), ()), "wants an index on expires_at"),
        (Query(STATE, False, ("key",), (("key", "DESCENDING"),)), "wants an index on key, DESCENDING"),
        (Query("live_alerts", False, ("symbol",), (("timestamp", "ASCENDING"),)), "wants a composite index"),
        (Query("days", True, ("bot",), ()), "wants a composite index"),
    ],
)
def test_a_query_without_an_index_is_noticed(prod: Plan, query: Query, sentence: str) -> None:
    """The comparison can fail."""
    assert sentence in (lacking(query, prod) or "")
