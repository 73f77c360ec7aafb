"""Firestore in trouble: each failure has a name and a setting to check, in time, and no inner words."""

import time
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.auth.exceptions import DefaultCredentialsError

from shared.errors import AggregatorError, SourceError, SourceMisconfigured, SourceTimeout
from shared.policy import UNRESTRICTED
from shared.sources.documents import DocumentLogs
from shared.sources.firestore import CloudDocuments
from shared.sources.source import Budget
from tests.conftest import Serve, bearer
from tests.contract.shelf_firestore import client
from tests.servers.black_hole import BlackHole
from tests.servers.firestore_emulator import FirestoreEmulator, missing
from tests.servers.firestore_proxy import Failure, FirestoreProxy
from tests.servers.required import require
from tests.sources.firestore_world import ALL_TEMPLATES, World, ask, read, source_of, world_in

TRADES = "gpt_runner_trades/alpha/2026-11-20"
Use = Callable[[DocumentLogs, Budget], object]
USES: dict[str, Use] = {
    "read": lambda source, budget: source.read(ask(), budget),
    "long": lambda source, budget: source.read(ask("since=90d"), budget),
    "plan": lambda source, budget: source.plan(ask(), budget),
    "collections": lambda source, budget: source.collections(ask(), budget),
    "document": lambda source, budget: source.document(f"{TRADES}/t", UNRESTRICTED, budget),
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[FirestoreEmulator]:
    """One emulator for the module, a project for each test."""
    require("the Firestore emulator", missing() is None)
    with FirestoreEmulator() as running:
        yield running


@pytest.fixture
def world(emulator: FirestoreEmulator) -> Iterator[World]:
    """Ten trades of one bot."""
    with world_in(emulator) as made:
        made.put(
            {f"{TRADES}/t{n}": {"timestamp": f"2026-11-20T09:0{n}:00", "message": str(n)} for n in range(10)}
        )
        yield made


@pytest.mark.parametrize("use", USES)
def test_silence_is_a_timeout(use: str) -> None:
    """A server that accepts and says nothing costs the deadline and not more."""
    with BlackHole() as hole:
        store = CloudDocuments(lambda: client(hole.host, "p"))
        began = time.monotonic()

        with pytest.raises(SourceTimeout):
            USES[use](source_of(store), Budget(0.7))

        assert time.monotonic() - began < 1.7
        store.close()


@pytest.mark.parametrize(
    "path", ["/logs/firestore", "/logs/firestore/collections", f"/logs/firestore/document?path={TRADES}/t"]
)
def test_every_route_answers_in_time_when_firestore_is_silent(serve: Serve, path: str) -> None:
    """The front door says 504 within the deadline and a second, whatever else hangs with it."""
    with BlackHole() as hole:
        place = {"LOCAL_DATA_DIR": "", "GOOGLE_CLOUD_PROJECT": "p", "FIRESTORE_EMULATOR_HOST": hole.host}
        function = serve("firestore", REQUEST_DEADLINE_S="1", **place)
        began = time.monotonic()

        answer = function.get(path, headers=bearer("admin"))

        assert (answer.status_code, answer.json["code"]) == (504, "source_timeout")
        assert time.monotonic() - began < 2


def test_a_long_silence_is_a_timeout_before_the_deadline() -> None:
    """A call waits no longer than its patience, below the time after which gRPC would call it a failure."""
    with BlackHole() as hole:
        store = CloudDocuments(lambda: client(hole.host, "p"), patience_s=0.5)

        with pytest.raises(SourceTimeout):
            read(source_of(store))

        store.close()


def test_every_call_has_a_deadline_within_the_budget(world: World) -> None:
    """Whatever is asked, Firestore is told how long we wait, and it is no longer than the request has."""
    source = world.source(*ALL_TEMPLATES)
    for use in USES.values():
        try:
            use(source, Budget(5))
        except AggregatorError as exc:
            assert exc.code == "not_found"  # noqa: PT017 - one of the uses asks for what is not there

    assert {call.method for call in world.proxy.calls} == {
        "ListDocuments", "ListCollectionIds", "RunQuery", "BatchGetDocuments",
    }  # fmt: skip
    # gRPC rounds what it sends up.
    assert {call.deadline_s for call in world.proxy.calls if not 0 < (call.deadline_s or 0) < 5.1} == set()


FAILURES: dict[grpc.StatusCode, tuple[str, str, bool]] = {
    grpc.StatusCode.PERMISSION_DENIED: ("source_misconfigured", "GOOGLE_CLOUD_PROJECT", False),
    grpc.StatusCode.UNAUTHENTICATED: ("source_misconfigured", "GOOGLE_CLOUD_PROJECT", False),
    grpc.StatusCode.NOT_FOUND: ("source_misconfigured", "GOOGLE_CLOUD_PROJECT", False),
    grpc.StatusCode.FAILED_PRECONDITION: ("source_misconfigured", "FIRESTORE_COLLECTIONS", False),
    grpc.StatusCode.INVALID_ARGUMENT: ("source_misconfigured", "FIRESTORE_COLLECTIONS", False),
    grpc.StatusCode.RESOURCE_EXHAUSTED: ("source_failed", "", True),
    grpc.StatusCode.UNAVAILABLE: ("source_failed", "", True),
    grpc.StatusCode.INTERNAL: ("source_failed", "", True),
    grpc.StatusCode.DEADLINE_EXCEEDED: ("source_timeout", "", False),
    grpc.StatusCode.CANCELLED: ("source_failed", "", False),
}


@pytest.mark.parametrize("method", ["ListDocuments", "ListCollectionIds", "RunQuery", "BatchGetDocuments"])
@pytest.mark.parametrize("code", FAILURES, ids=lambda code: code.name)
def test_a_failure_has_our_words(world: World, code: grpc.StatusCode, method: str) -> None:
    """Code, setting, and when to ask again; at most two tries; nothing of what the service said."""
    expected, setting, passing = FAILURES[code]
    world.proxy.failures.append(Failure(method, code, times=1000))
    use = {"ListCollectionIds": "long", "BatchGetDocuments": "document"}.get(method, "read")

    with pytest.raises(SourceError) as caught:
        USES[use](world.source(), Budget(20))

    assert caught.value.code == expected
    assert (caught.value.retry_after_s is not None) is passing
    assert setting in caught.value.detail
    if isinstance(caught.value, SourceMisconfigured):
        assert caught.value.setting == setting
    assert "sekrit" not in caught.value.detail
    assert "inner" not in caught.value.detail
    places = 9 if method == "RunQuery" else 1
    assert len(world.proxy.made(method)) <= places * (2 if passing else 1)


@pytest.mark.parametrize("method", ["ListDocuments", "ListCollectionIds", "RunQuery"])
def test_a_passing_failure_is_tried_once_more(world: World, method: str) -> None:
    """One failure that may pass costs a moment and no entry."""
    world.proxy.failures.append(Failure(method, grpc.StatusCode.UNAVAILABLE))

    found = read(world.source(), "since=30d" if method == "ListCollectionIds" else "")

    assert [entry.message for entry in found] == [str(n) for n in reversed(range(10))]


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_a_stream_that_breaks_off_goes_on_where_it_was(world: World, code: grpc.StatusCode) -> None:
    """However often it breaks, as long as it gets on, each document comes once."""
    world.proxy.failures.append(Failure("RunQuery", code, times=3, after=3))

    found = read(world.source(f"{TRADES}/{{doc}}"))

    assert [entry.message for entry in found] == [str(n) for n in reversed(range(10))]


def test_a_failure_in_the_middle_is_a_failure(world: World) -> None:
    """An answer without the rest would look whole: there is none."""
    world.proxy.failures.append(Failure("RunQuery", grpc.StatusCode.PERMISSION_DENIED, after=3))

    with pytest.raises(SourceMisconfigured):
        read(world.source(f"{TRADES}/{{doc}}"))


def test_missing_credentials_name_their_setting() -> None:
    """The answer says where credentials are looked for; the next request looks again."""
    looked = 0

    def connect() -> object:
        nonlocal looked
        looked += 1
        raise DefaultCredentialsError("/home/sekrit")  # type: ignore[no-untyped-call]

    store = CloudDocuments(connect)
    for _ in range(2):
        with pytest.raises(SourceMisconfigured) as caught:
            read(source_of(store))
        assert caught.value.setting == "GOOGLE_APPLICATION_CREDENTIALS"
        assert "sekrit" not in caught.value.detail
    assert looked == 2
    store.close()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (None, "ok"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "degraded"),
        (grpc.StatusCode.UNAVAILABLE, "down"),
        (grpc.StatusCode.PERMISSION_DENIED, "down"),
    ],
)
def test_a_check_says_how_it_is(world: World, code: grpc.StatusCode | None, status: str) -> None:
    """One call, whatever comes of it."""
    if code is not None:
        world.proxy.failures.append(Failure("BatchGetDocuments", code, times=10))

    health = world.store.check(5)

    assert (health.name, health.status) == ("firestore", status)
    assert health.latency_ms > 0
    assert len(world.proxy.calls) == 1


def test_a_check_of_silence_is_down_in_time() -> None:
    """A check keeps its own deadline."""
    with BlackHole() as hole:
        store = CloudDocuments(lambda: client(hole.host, "p"))

        health = store.check(0.5)

        assert health.status == "down"
        assert 400 < health.latency_ms < 1500
        store.close()


def test_nobody_listening_is_a_failure_to_ask_again() -> None:
    """A refused connection is no timeout, and says when to try again."""
    with FirestoreProxy() as proxy:
        host = proxy.host
    store = CloudDocuments(lambda: client(host, "p"))

    with pytest.raises(SourceError) as caught:
        read(source_of(store))

    assert (caught.value.code, caught.value.retry_after_s) == ("source_failed", 5)
    store.close()
