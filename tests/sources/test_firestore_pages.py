"""Collections of Firestore that are too large for one request, or change between two."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from google.cloud.firestore_v1.types import RunQueryResponse

from shared import instant
from shared.entry import LogEntry
from shared.query import LogQuery
from shared.sources.documents import DocumentLogs
from shared.sources.firestore import CloudDocuments
from shared.sources.firestore_ahead import HEAD_BYTES
from shared.sources.source import Budget, Page
from tests.contract.shelf_firestore import client
from tests.servers.firestore_emulator import FirestoreEmulator, missing
from tests.servers.firestore_proxy import FirestoreProxy
from tests.servers.required import require
from tests.sources.firestore_world import NOW, World, ask, source_of, world_in

OLD = {"timestamp": "2020-01-01T00:00:00Z"}
ALERTS = "live_alerts/{doc}"


@pytest.fixture(scope="module")
def emulator() -> Iterator[FirestoreEmulator]:
    """One emulator for the module, a project for each test."""
    require("the Firestore emulator", missing() is None)
    with FirestoreEmulator() as running:
        yield running


@pytest.fixture
def world(emulator: FirestoreEmulator) -> Iterator[World]:
    """An empty Firestore."""
    with world_in(emulator) as made:
        yield made


def alert(number: int, size: int = 0) -> dict[str, Any]:
    """An alert of some second of the last two hours, in no order."""
    at = NOW - (number * 7919 % 7000 + 1) * instant.SECOND
    return {"timestamp": instant.to_text(at), "message": str(number), "text": "x" * size}


def following(source: DocumentLogs, query: LogQuery, max_bytes: int) -> Iterator[Page]:
    """Every page of a query, each with a budget of so many bytes."""
    for _ in range(200):
        page = source.read(query, Budget(60, max_bytes=max_bytes))
        yield page
        if page.resume is None:
            return
        query = query.with_resume(query.window, page.resume)
    raise AssertionError("the pages never end")


def messages(entries: Iterable[LogEntry]) -> list[str]:
    """The messages in their order."""
    return sorted((entry.message for entry in entries), key=int)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_large_collection_is_told_once_over_many_requests(world: World, order: str) -> None:
    """Each request goes on behind the last document of the one before, and reads no more than its part."""
    world.put({f"live_alerts/a{n:05d}": alert(n) for n in range(1500)})
    query = ask(f"since=2h&order={order}&page_size=50")

    found = list(following(world.source(ALERTS), query, 20_000))

    told = [entry for page in found for entry in page.entries]
    assert messages(told) == [str(n) for n in range(1500)]
    assert found[0].partial
    part = found[0].scanned.documents
    assert part < 400
    assert max(page.scanned.documents for page in found) <= part + 10


def test_what_lies_behind_a_part_is_not_read_for_it(world: World) -> None:
    """Though none of the rest is of the window, pages of the first part stop at its end."""
    world.put({f"live_alerts/a{n:05d}": alert(n) | ({} if n < 100 else OLD) for n in range(1500)})

    first, second, *_ = following(world.source(ALERTS), ask("since=2h&page_size=50"), 20_000)

    assert (len(first.entries), len(second.entries)) == (50, 50)
    assert second.scanned.documents <= first.scanned.documents + 1


def test_documents_that_come_meanwhile_shift_nothing(world: World) -> None:
    """New documents, before and behind those already read, make no other told twice or not at all."""
    world.put({f"live_alerts/m{n:05d}": alert(n) for n in range(600)})
    told: list[str] = []

    for count, page in enumerate(following(world.source(ALERTS), ask("since=2h&page_size=50"), 12_000)):
        told += [entry.message for entry in page.entries if int(entry.message) < 600]
        late = {"timestamp": instant.to_text(NOW - instant.MINUTE), "message": str(1000 + count)}
        world.put({f"live_alerts/a{count}": late, f"live_alerts/z{count}": late})
        world.client.document(f"live_alerts/a{count - 1}").delete()

    assert sorted(told, key=int) == [str(n) for n in range(600)]


def test_a_document_updated_between_pages_appears_once(world: World) -> None:
    """A trade that closes meanwhile is told open or closed, never both."""
    trade = {"symbol": "TCS", "quantity": 1, "entry_price": 1, "status": "open"}
    paths = [f"gpt_runner_trades/alpha/2026-11-20/t{n:02d}" for n in range(20)]
    world.put(
        {p: trade | {"entry_time": f"2026-11-20T09:{n:02d}:00", "trade_id": p} for n, p in enumerate(paths)}
    )
    query = ask("since=6h&page_size=6&order=asc")
    told: list[LogEntry] = []

    for page in following(world.source(), query, 1 << 30):
        told += page.entries
        for path in paths:
            world.client.document(path).update({"status": "closed", "exit_time": "2026-11-20T10:00:00"})

    assert [entry.payload["trade_id"] for entry in told] == paths
    assert [entry.payload["status"] for entry in told] == ["open"] * 6 + ["closed"] * 14


def endless(size: int) -> Iterator[bytes]:
    """A collection without end."""
    root = "projects/p/databases/(default)/documents/live_alerts"
    for number in range(10_000_000):
        fields = {name: {"string_value": value} for name, value in alert(number, size).items()}
        document = {"name": f"{root}/a{number:09d}", "fields": fields}
        yield RunQueryResponse.serialize(RunQueryResponse(document=document))


def test_a_collection_is_never_held_whole() -> None:
    """Of a collection without end what the budget allows is read, and what is on its way is bounded."""
    with FirestoreProxy(rows=lambda _: endless(1000)) as proxy:
        store = CloudDocuments(lambda: client(proxy.host, "p"))
        page = source_of(store, ALERTS).read(ask("since=3h&page_size=10"), Budget(60, max_bytes=12_000_000))
        store.close()

        assert page.partial
        assert 10_000 < page.scanned.documents < 12_000
        assert proxy.documents < page.scanned.documents + 10_000


def test_what_is_read_ahead_is_bounded_in_bytes() -> None:
    """Of collections of large documents the heads alone are read before their turn comes."""
    with FirestoreProxy(rows=lambda _: endless(100_000)) as proxy:
        store = CloudDocuments(lambda: client(proxy.host, "p"))
        names = [f"c{n}/{{doc}}" for n in range(20)]
        budget = Budget(60, max_bytes=3_000_000)
        source_of(store, *names).read(ask("since=3h&page_size=10"), budget)
        store.close()

        # The one in turn, and eight heads.
        assert len(proxy.made("RunQuery")) <= 9
        most = HEAD_BYTES // 100_000 + 2
        assert budget.scanned.documents <= 30 + 8 * most


def test_nanoseconds_are_kept() -> None:
    """Firestore keeps microseconds today; what it would send beyond is told."""
    root = "projects/p/databases/(default)/documents/live_alerts"
    at = {"seconds": NOW // instant.SECOND - 60, "nanos": 123_456_789}
    row = {"name": f"{root}/a", "fields": {"timestamp": {"timestamp_value": at}}, "update_time": at}
    with FirestoreProxy(rows=lambda _: [RunQueryResponse.serialize(RunQueryResponse(document=row))]) as proxy:
        store = CloudDocuments(lambda: client(proxy.host, "p"))
        (entry,) = source_of(store, ALERTS).read(ask(), Budget(60)).entries
        store.close()

    assert entry.payload == {"timestamp": "2026-11-20T11:59:00.123456789Z"}
    assert (entry.timestamp, entry.origin["update_time"]) == (
        NOW - 60 * instant.SECOND + 123_456_789,
        "2026-11-20T11:59:00.123456789Z",
    )
