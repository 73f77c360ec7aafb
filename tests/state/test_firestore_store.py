"""What the Firestore store does when Firestore is slow or gone, and when a value's parts do not fit."""

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.state import FirestoreStore, StoreTimeout, StoreUnavailable
from tests.contract.state_backings import Firestore
from tests.servers.black_hole import BlackHole
from tests.servers.required import require


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    from tests.servers.firestore_emulator import FirestoreEmulator, find_jar

    require("the Firestore emulator", find_jar())
    with FirestoreEmulator() as emulator:
        yield emulator.host


@pytest.fixture
def backing(host: str) -> Firestore:
    return Firestore(host, f"test-{uuid.uuid4().hex}")


def documents(client: Any, backing: Firestore) -> dict[str, Any]:
    return {found.id: found for found in client.collection(backing.collection).stream()}


def test_a_value_with_a_part_missing_or_of_another_write_is_absent(backing: Firestore) -> None:
    """A large value is read whole or not at all, and a write heals it."""
    store, client, value = backing.open(), backing.client(), os.urandom(2_000_000)
    store.set("large", value, 60)
    first, *_ = sorted(part for part in documents(client, backing) if "-" in part)
    part = client.collection(backing.collection).document(first)
    whole = part.get().to_dict()

    for broken in ({"data": whole["data"][:-1]}, {"data": "text"}, {"data": os.urandom(900_000)}, {}):
        part.set(broken)
        assert store.get("large") is None
    part.delete()
    assert (store.get("large"), list(store.scan(""))) == (None, [])
    assert store.create("large", b"new", 60)
    assert store.get("large") == b"new"
    store.close()
    client.close()


@pytest.mark.parametrize(
    "strange",
    [{"generation": "a/b", "parts": 1}, {"parts": 10**6, "generation": "a"}, {"parts": "2"}, {"key": 1}],
)
def test_a_head_that_is_not_ours_is_absent(backing: Firestore, strange: dict[str, Any]) -> None:
    """Fields of any type and size in a value's document are a miss, never an error."""
    store, client = backing.open(), backing.client()
    store.set("k", b"x", 60)
    [head] = documents(client, backing).values()
    head.reference.set({"key": b"vk", **strange})

    assert (store.get("k"), list(store.scan(""))) == (None, [])
    assert store.create("k", b"new", 60)
    store.close()
    client.close()


def test_delete_leaves_no_part(backing: Firestore) -> None:
    """The parts of a deleted value go with it."""
    store, client = backing.open(), backing.client()
    store.set("large", os.urandom(4_000_000), 60)
    assert len(documents(client, backing)) == 6

    store.delete("large")

    assert documents(client, backing) == {}
    store.close()
    client.close()


def test_every_document_of_a_mortal_thing_says_when_it_ends(backing: Firestore) -> None:
    """The time-to-live policy on `expires_at` can remove heads, parts and counters."""
    store, client = backing.open(lambda: 1_795_000_000.0), backing.client()
    store.set("large", os.urandom(2_000_000), 60)
    store.increment("hits", {"n": 1}, 60)

    ends = [found.get("expires_at").timestamp() for found in documents(client, backing).values()]

    assert ends == [1_795_000_060.0] * 5
    store.close()
    client.close()


def test_a_silent_server_costs_its_deadline() -> None:
    """Connecting is inside of the deadline, for each method."""
    with BlackHole() as silent:
        backing = Firestore(silent.host, "anything")
        store = FirestoreStore(backing.client, time.time, read_deadline_s=0.2, write_deadline_s=0.2)
        with pytest.raises(StoreTimeout):  # the vendor's modules may be imported in this one
            store.get("k")
        for call in (
            lambda: store.get("k"),
            lambda: store.set("k", b"", 60),
            lambda: store.create("k", b"", 60),
            lambda: store.increment("k", {"n": 1}),
            lambda: list(store.scan("")),
            lambda: list(store.counters("")),
            lambda: store.delete("k"),
        ):
            started = time.monotonic()
            with pytest.raises(StoreTimeout):
                call()
            assert time.monotonic() - started < 1
        store.close()


def test_a_refused_connection_is_unavailable() -> None:
    """Nobody listening is an error of ours, for a query too."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host = f"127.0.0.1:{closed.getsockname()[1]}"
    store = FirestoreStore(Firestore(host, "anything").client, time.time, read_deadline_s=10)

    for call in (lambda: store.get("k"), lambda: list(store.scan(""))):
        with pytest.raises(StoreUnavailable):
            call()
    store.close()


def test_a_query_that_breaks_off_is_unavailable() -> None:
    """A stream that fails after its first document is an error of ours, not of the client's code."""
    import grpc
    from google.cloud.firestore_v1.types import Document, RunQueryRequest, RunQueryResponse

    def half_an_answer(request: Any, context: Any) -> Iterator[Any]:
        collection = f"{request.parent}/{request.structured_query.from_[0].collection_id}"
        yield RunQueryResponse(document=Document(name=f"{collection}/v0"))
        context.abort(grpc.StatusCode.UNAVAILABLE, "went away")

    method = grpc.unary_stream_rpc_method_handler(
        half_an_answer, RunQueryRequest.deserialize, RunQueryResponse.serialize
    )
    server = grpc.server(ThreadPoolExecutor(2))
    service = grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", {"RunQuery": method})
    server.add_generic_rpc_handlers((service,))
    backing = Firestore(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", "anything")
    server.start()
    store = FirestoreStore(backing.client, time.time, read_deadline_s=10)
    try:
        with pytest.raises(StoreUnavailable):
            list(store.scan(""))
    finally:
        store.close()
        server.stop(None).wait(5)


def test_a_client_that_takes_long_to_build_costs_its_deadline(backing: Firestore) -> None:
    """Calls give up while it is built, and use it when it is there; a failed one is built again."""
    go_on = threading.Event()
    tries: list[int] = []

    def build() -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("no credentials: sekrit")
        go_on.wait(10)
        return backing.client()

    store = FirestoreStore(build, time.time, read_deadline_s=0.1, write_deadline_s=20)
    with pytest.raises(StoreUnavailable) as caught:
        store.get("k")
    assert "sekrit" not in str(caught.value)
    for _ in range(2):
        with pytest.raises(StoreTimeout):
            store.get("k")
    go_on.set()
    assert store.set("k", b"x", 60)
    assert len(tries) == 2
    store.close()
