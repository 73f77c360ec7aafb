"""Reading Cloud Storage when things go wrong: cut, stalled, replaced, refused, silent, inflated."""

import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from shared import instant
from shared.arguments import Arguments
from shared.config import GcsSettings
from shared.errors import AggregatorError, NotFound, SourceError, SourceMisconfigured, SourceTimeout
from shared.policy import UNRESTRICTED
from shared.query import LogQuery
from shared.redact import Redactor
from shared.sources.gcs import CloudObjects
from shared.sources.gcs_calls import Calls
from shared.sources.objects import ObjectLogs
from shared.sources.source import Budget, Page
from tests.conftest import Serve, bearer
from tests.servers.black_hole import BlackHole
from tests.servers.fake_gcs import FakeGcs

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
BUCKETS = count(1)
MIB = 1 << 20


def lines(number: int, *, size: int = 40, minute: int = 0) -> bytes:
    """JSON lines that do not compress to nothing; their messages are 0, 1, 2 …"""
    at = (NOON - timedelta(hours=1) + timedelta(minutes=minute)).isoformat()
    noise = [f"{zlib.crc32(n.to_bytes(4)):08x}" * (size // 8) for n in range(number)]
    records = [{"timestamp": at, "message": str(n), "noise": text} for n, text in enumerate(noise)]
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def question(text: str = "page_size=1000") -> LogQuery:
    """A query of the day before noon."""
    now = instant.from_datetime(NOON)
    return LogQuery.from_args(
        Arguments(text), route="/logs/gcs", now=now, policy=UNRESTRICTED, sources=("gcs",)
    )


class Bench:
    """A bucket of its own on the server, and the source over it."""

    def __init__(self, gcs: FakeGcs, opened: ExitStack) -> None:
        self.gcs = gcs
        self.bucket = f"bucket-{next(BUCKETS)}"
        self._opened = opened
        gcs.create_bucket(self.bucket)
        gcs.reset()

    def put(self, name: str, data: bytes, **kwargs: Any) -> None:
        """An object under `trades/`."""
        self.gcs.put(self.bucket, f"trades/{name}", data, updated=NOON, **kwargs)

    def fail(self, how: str | int, *, kind: str = "media", **kwargs: Any) -> None:
        """A fault on this bucket."""
        self.gcs.fail(kind, how=how, bucket=self.bucket, **kwargs)

    def store(self, *further: str, patience_s: float = 0.2) -> CloudObjects:
        """The store of this bucket and further ones."""
        settings = GcsSettings(gcs_bucket_name=self.bucket, gcs_buckets=further)
        made = CloudObjects(
            settings, Calls("p", endpoint=self.gcs.url, patience_s=patience_s, first_wait_s=0.001)
        )
        self._opened.callback(made.close)
        return made

    def source(self, *further: str, patience_s: float = 0.2) -> ObjectLogs:
        """The source over them."""
        settings = GcsSettings(gcs_bucket_name=self.bucket, gcs_buckets=further)
        return ObjectLogs(self.store(*further, patience_s=patience_s), settings, UTC, Redactor(b"k" * 32))

    def read(self, budget: Budget | None = None) -> Page:
        """The newest thousand entries of the day."""
        return self.source().read(question(), budget or Budget(20))


@pytest.fixture(scope="module")
def gcs() -> Iterator[FakeGcs]:
    """One server for the module."""
    with FakeGcs() as server:
        yield server


@pytest.fixture
def bench(gcs: FakeGcs) -> Iterator[Bench]:
    """A fresh bucket; faults of other tests are forgotten."""
    gcs.faults.clear()
    with ExitStack() as opened:
        yield Bench(gcs, opened)


def told(page: Page) -> list[tuple[str, str]]:
    """Ids and messages."""
    return [(entry.id, entry.message) for entry in page.entries]


def codes(page: Page) -> list[str]:
    """The codes of the warnings."""
    return [warning.code for warning in page.warnings]


# Interrupted

FORMS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "plain": (lines(900, size=800), {}),
    "gzip": (gzip.compress(lines(900, size=800), mtime=0), {}),
    "gzip, declared": (
        gzip.compress(lines(900, size=800), mtime=0),
        {"content_encoding": "gzip", "content_type": "application/gzip"},
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("how", ["cut", "reset", "stall"])
@pytest.mark.parametrize("place", [0, 1, 17, 0.3, 262144, -1])
def test_an_interrupted_download_goes_on_at_the_same_byte(
    bench: Bench, form: str, how: str, place: float
) -> None:
    """Wherever the connection breaks, and however, exactly the same entries come, without a warning."""
    data, headers = FORMS[form]
    bench.put("x", data, **headers)
    whole = bench.read()
    at = int(len(data) * place) if 0 < place < 1 else int(place) % len(data)

    bench.gcs.reset()
    bench.fail(how, after_bytes=at)
    page = bench.read()

    assert len(whole.entries) == 900
    assert told(page) == told(whole)
    assert (page.warnings, page.partial) == ([], False)
    assert bench.gcs.calls["media"] == 2
    assert all(r.params["generation"] for r in bench.gcs.requests if r.kind == "media")


def test_a_download_that_breaks_often_but_gets_on_is_whole(bench: Bench) -> None:
    """Breaks are counted from the last progress on, not over the whole object."""
    bench.put("x", lines(900, size=4000))
    bench.fail("cut", after_bytes=300_000, times=9)

    page = bench.read()

    assert len(page.entries) == 900
    assert page.warnings == []


@pytest.mark.parametrize("form", FORMS)
def test_a_download_that_never_gets_further_is_reported(bench: Bench, form: str) -> None:
    """What was whole is told, no half line is made an entry, and the object is named."""
    data, headers = FORMS[form]
    bench.put("a", lines(5, minute=1))
    bench.put("x", data, **headers)
    bench.put("y", lines(5, minute=2))
    bench.fail("cut", name="trades/x", after_bytes=len(data) // 2)
    bench.fail("cut", name="trades/x", after_bytes=0, times=None)

    page = bench.read()

    of_x = [entry for entry in page.entries if "/x#" in entry.id]
    assert len(page.entries) - len(of_x) == 10
    assert 100 < len(of_x) < 900
    assert all(entry.timestamp_from == "field" for entry in page.entries)
    assert page.partial
    assert [w.object for w in page.warnings if w.code == "object_unreadable"] == [f"{bench.bucket}/trades/x"]


def test_an_object_that_stalls_for_ever_does_not_stop_the_others(bench: Bench) -> None:
    """Its attempts end within the deadline: it is warned about, and the rest is told."""
    bench.put("x", lines(50))
    bench.put("y", lines(5))
    bench.fail("stall", name="trades/x", after_bytes=100, times=None)
    source = bench.source(patience_s=10)

    began = time.monotonic()
    page = source.read(question(), Budget(3))

    assert time.monotonic() - began < 4
    assert len(page.entries) >= 5
    assert "object_unreadable" in codes(page)


# Replaced


def test_an_object_replaced_meanwhile_is_read_as_it_was_listed(bench: Bench) -> None:
    """While its old generation exists, all of the bytes are of that one."""
    old, new = lines(900, size=800), lines(900, size=800).replace(b'"message": "', b'"message": "new ')
    bench.put("x", old)
    whole = bench.read()
    bench.fail("cut", after_bytes=400_000, then=lambda: bench.put("x", new, keep_old=True))

    page = bench.read()

    assert told(page) == told(whole)
    assert page.warnings == []


@pytest.mark.parametrize("at", [0, 400_000])
def test_an_object_whose_generation_is_gone_is_reported_and_never_mixed(bench: Bench, at: int) -> None:
    """Once the listed generation is gone nothing of another one is told."""
    new = lines(900, size=800).replace(b'"message": "', b'"message": "new ')
    bench.put("x", lines(900, size=800))
    bench.fail("cut", after_bytes=at, then=lambda: bench.put("x", new))

    page = bench.read()

    assert page.partial
    assert "object_gone" in codes(page)
    assert not any("new" in entry.message for entry in page.entries)
    assert bool(page.entries) == bool(at)


def test_an_object_deleted_after_it_was_listed_is_reported(bench: Bench) -> None:
    """The other objects are told."""
    bench.put("x", lines(1))
    bench.put("y", lines(1))
    bench.fail(404, name="trades/x")

    page = bench.read()

    assert (len(page.entries), codes(page), page.partial) == (1, ["object_gone"], True)


# Refused


@pytest.mark.parametrize("kind", ["list", "media"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_setting_and_nothing_else(bench: Bench, kind: str, status: int) -> None:
    """A stable code and the variable to check: no bucket, no text of the vendor, no second try."""
    bench.put("x", lines(1))
    bench.fail(status, kind=kind, times=None)

    with pytest.raises(SourceMisconfigured) as caught:
        bench.read()

    assert (caught.value.code, caught.value.setting) == ("source_misconfigured", "GCS_BUCKET_NAME")
    assert bench.bucket not in caught.value.detail
    assert "caller" not in caught.value.detail
    assert bench.gcs.calls[kind] == 1


def test_a_missing_bucket_names_the_setting_it_came_from(bench: Bench) -> None:
    """The main bucket and the further ones are different variables."""
    with pytest.raises(SourceMisconfigured) as caught:
        bench.source("no-such-bucket").read(question(), Budget(5))

    assert caught.value.setting == "GCS_BUCKETS"
    assert "no-such-bucket" not in caught.value.detail


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("kind", ["list", "media"])
def test_a_passing_failure_is_tried_again(bench: Bench, kind: str, status: int) -> None:
    """The caller does not notice."""
    bench.put("x", lines(3))
    bench.fail(status, kind=kind, times=2)

    page = bench.read()

    assert (len(page.entries), page.warnings) == (3, [])


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("kind", ["list", "media"])
def test_a_lasting_failure_is_an_error_after_a_few_tries(bench: Bench, kind: str, status: int) -> None:
    """It says when to come again, and is no storm of retries."""
    bench.put("x", lines(3))
    bench.fail(status, kind=kind, times=None)

    with pytest.raises(SourceError) as caught:
        bench.read()

    assert (caught.value.code, caught.value.retry_after_s) == ("source_failed", 5)
    assert bench.gcs.calls[kind] == 5


def test_nobody_there_is_an_error(bench: Bench) -> None:
    """A refused connection is a failed source."""
    settings = GcsSettings(gcs_bucket_name=bench.bucket)
    store = CloudObjects(settings, Calls("p", endpoint="http://127.0.0.1:9", first_wait_s=0.01))

    with pytest.raises(SourceError) as caught:
        ObjectLogs(store, settings, UTC, Redactor(b"k" * 32)).read(question(), Budget(10))

    assert caught.value.code == "source_failed"
    assert "127.0.0.1" not in caught.value.detail
    assert store.check(2).status == "down"


# Silence


def test_a_server_that_never_answers_is_a_timeout_in_time() -> None:
    """Listing, one object, its text and the check all end with the deadline."""
    with BlackHole() as hole:
        settings = GcsSettings(gcs_bucket_name="logs-bucket")
        store = CloudObjects(settings, Calls("p", endpoint=f"http://{hole.host}"))
        source = ObjectLogs(store, settings, UTC, Redactor(b"k" * 32))
        asked: list[Callable[[], object]] = [
            lambda: source.read(question(), Budget(0.5)),
            lambda: source.objects(question(), Budget(0.5)),
            lambda: source.plan(question(), Budget(0.5)),
            lambda: source.text(None, "trades/x", 100, UNRESTRICTED, Budget(0.5)),
        ]
        for ask in asked:
            began = time.monotonic()
            with pytest.raises(SourceTimeout):
                ask()
            assert time.monotonic() - began < 1.5

        began = time.monotonic()
        assert source.check(0.5).status == "down"
        assert time.monotonic() - began < 1.5
        store.close()


def test_objects_that_never_come_are_a_timeout(bench: Bench) -> None:
    """When listing works and no object answers, nothing was read: 504, in time, not an empty page."""
    for name in "abc":
        bench.put(name, lines(3))
    bench.fail("stall", after_bytes=0, times=None)

    began = time.monotonic()
    with pytest.raises(SourceTimeout):
        bench.source(patience_s=10).read(question(), Budget(1))

    assert time.monotonic() - began < 2


def test_running_out_of_time_after_something_was_read_is_a_page(bench: Bench) -> None:
    """What was read is told, with a token, and the next page tells the rest."""
    bench.put("a", lines(5, minute=9))
    bench.put("b", lines(300, size=4000))
    bench.fail("stall", name="trades/b", after_bytes=700_000, times=1)
    source = bench.source(patience_s=10)

    first = source.read(question("order=asc&page_size=1000"), Budget(1))
    found = told(first)
    query = question("order=asc&page_size=1000")
    page = first
    while page.resume:
        query = query.with_resume(query.window, page.resume)
        page = source.read(query, Budget(20))
        found += told(page)

    assert len(found) == len(set(found)) == 305


# Bodies


def test_compressed_objects_come_as_they_are_stored(bench: Bench) -> None:
    """The service is asked not to decompress: what is sent is what is stored."""
    data = gzip.compress(lines(500, size=400), mtime=0)
    bench.put("x", data, content_encoding="gzip", content_type="application/gzip")

    page = bench.read()

    assert len(page.entries) == 500
    assert bench.gcs.bytes_sent == len(data)


def test_an_encoding_that_is_only_claimed_does_no_harm(bench: Bench) -> None:
    """The first two bytes are believed, not the header."""
    bench.put("x", lines(3), content_encoding="gzip")

    assert len(bench.read().entries) == 3


def test_a_bomb_is_cut_and_memory_stays_bounded(bench: Bench) -> None:
    """300 MB in 0.3 MB: cut at 64 MiB with a warning, a few MB held; the next object is read."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b"0" * MIB
    bomb = b"".join(packer.compress(block) for _ in range(300)) + packer.flush()
    bench.put("bomb", bomb, content_encoding="gzip")
    bench.put("x", lines(3, minute=-5))
    assert len(bomb) < 0.35 * MIB
    source = bench.source()

    tracemalloc.start()
    page = source.read(question(), Budget(60))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert "inflated_too_far" in codes(page)
    assert page.partial
    assert sum("/x#" in entry.id for entry in page.entries) == 3
    assert page.scanned.bytes < 70 * MIB
    assert peak < 40 * MIB


def test_a_large_object_is_a_stream(bench: Bench) -> None:
    """64 MiB are read with a few MB in memory (the server's own copy is not counted)."""
    bench.put("x", lines(1000, size=64_000))
    source = bench.source()
    query = question("page_size=5&q=nothing-has-this")

    tracemalloc.start()
    page = source.read(query, Budget(60))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert page.scanned.bytes > 60 * MIB
    assert peak < 12 * MIB


# Many small ones


def test_small_objects_are_on_their_way_before_they_are_read(bench: Bench) -> None:
    """A hundred objects at 20 ms each take less than half of what one after the other would."""
    for number in range(100):
        bench.put(f"{number:03}", lines(2))
    bench.fail("corrupt", after_bytes=10**9, times=None, then=lambda: time.sleep(0.02))

    began = time.monotonic()
    page = bench.read()

    assert time.monotonic() - began < 1.0
    assert len(page.entries) == 200
    assert bench.gcs.calls["media"] == 100
    assert page.scanned.api_calls == bench.gcs.calls["media"] + bench.gcs.calls["list"]


def test_a_page_that_is_full_with_the_first_object_reads_no_other(bench: Bench) -> None:
    """Nothing is fetched ahead of the first object."""
    for hour in range(10):
        day = NOON - timedelta(hours=hour)
        data = lines(50, minute=60 - 60 * hour - 1)
        bench.gcs.put(bench.bucket, f"trades/{hour}", data, updated=day - timedelta(minutes=30))

    page = bench.source().read(question("page_size=20"), Budget(5))

    assert len(page.entries) == 20
    assert bench.gcs.calls["media"] == 1


def test_what_was_fetched_in_vain_is_counted(bench: Bench) -> None:
    """The calls that a page tells are those that were made."""
    for hour in range(12):
        day = NOON - timedelta(hours=hour)
        data = lines(10, minute=60 - 60 * hour - 1)
        bench.gcs.put(bench.bucket, f"trades/{hour:02}", data, updated=day - timedelta(minutes=30))
    source = bench.source()

    page = source.read(question("page_size=35"), Budget(5))
    source._store.close()  # type: ignore[attr-defined]

    assert len(page.entries) == 35
    assert page.scanned.api_calls >= bench.gcs.calls["media"] + bench.gcs.calls["list"]
    assert bench.gcs.calls["media"] < 12


# Other questions


def test_several_buckets_are_one_source(bench: Bench) -> None:
    """All configured buckets are read; `bucket` chooses."""
    bench.put("x", lines(2))
    bench.gcs.put(f"{bench.bucket}-other", "trades/x", lines(3), updated=NOON)
    source = bench.source(f"{bench.bucket}-other")

    assert len(source.read(question(), Budget(5)).entries) == 5
    only = question(f"bucket={bench.bucket}-other")
    assert len(source.read(only, Budget(5)).entries) == 3


def test_one_object_is_found_by_name(bench: Bench) -> None:
    """Its metadata and text come from the bucket that has it; a missing one is not found."""
    bench.put("a b/₹#?.txt", b"hello", content_type="text/plain", generation=7)
    source = bench.source()

    found = source.text(None, "trades/a b/₹#?.txt", 100, UNRESTRICTED, Budget(5))

    assert (found.text, found.cut, found.info.generation, found.info.size) == ("hello", False, 7, 5)
    assert found.info.content_type == "text/plain"
    assert found.info.updated == instant.from_datetime(NOON)
    with pytest.raises(NotFound):
        source.text(None, "trades/none", 100, UNRESTRICTED, Budget(5))


def test_one_object_of_a_missing_bucket_names_the_setting(bench: Bench) -> None:
    """A bucket that does not exist is not an object that does not exist."""
    with pytest.raises(SourceMisconfigured):
        bench.source("no-such-bucket").text("no-such-bucket", "trades/x", 9, UNRESTRICTED, Budget(5))


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_would_leave_the_bucket_are_not_asked_for(bench: Bench, name: str) -> None:
    """A path's own dots mean nothing to an object store, and must not become another call."""
    with pytest.raises(NotFound):
        bench.store().stat(bench.bucket, name, Budget(5))

    assert bench.gcs.requests == []


def test_a_text_that_breaks_off_says_so(bench: Bench) -> None:
    """What came is shown, marked as cut."""
    bench.put("x", b"a" * 1000)
    bench.fail("cut", after_bytes=400)
    bench.fail("cut", after_bytes=0, times=None)

    found = bench.source().text(None, "trades/x", 10_000, UNRESTRICTED, Budget(20))

    assert (found.text, found.cut) == ("a" * 400, True)


def test_health_is_of_all_buckets(bench: Bench) -> None:
    """ok: each can be listed; degraded: some; down: none. Only the permission to list is needed."""
    store = bench.store(f"{bench.bucket}-other")

    assert store.check(2).status == "degraded"
    bench.gcs.create_bucket(f"{bench.bucket}-other")
    assert store.check(2).status == "ok"
    assert set(bench.gcs.calls) == {"list"}
    bench.gcs.fail("list", how=403, times=None)
    assert store.check(2).status == "down"


def test_the_emulator_of_the_environment_is_used(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """STORAGE_EMULATOR_HOST is honoured, without credentials, with and without its scheme."""
    bench.put("x", lines(2))
    settings = GcsSettings(gcs_bucket_name=bench.bucket)
    for host in (bench.gcs.url, bench.gcs.host):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", host)
        store = CloudObjects(settings, Calls("p"))
        source = ObjectLogs(store, settings, UTC, Redactor(b"k" * 32))
        assert len(source.read(question(), Budget(5)).entries) == 2
        store.close()
    assert not any("authorization" in request.headers for request in bench.gcs.requests)


def test_without_credentials_the_setting_is_named(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    """A key file that is not there is a setting to check, not a crash."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    store = CloudObjects(GcsSettings(gcs_bucket_name=bench.bucket), Calls("p"))

    with pytest.raises(AggregatorError) as caught:
        list(store.open(store_info(bench), Budget(5)))

    assert caught.value.code == "source_misconfigured"
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.detail
    assert "nowhere" not in caught.value.detail
    assert store.check(1).status == "down"


def store_info(bench: Bench) -> Any:
    """An object as it is listed."""
    bench.put("x", b"1")
    return bench.store().stat(bench.bucket, "trades/x", Budget(5))


def test_the_routes_read_cloud_storage_without_a_local_directory(bench: Bench, serve: Serve) -> None:
    """Entries, objects and one object's text, with the environment as the only difference."""
    bench.put("stock_trader/x", gzip.compress(lines(2)), content_encoding="gzip", generation=7)
    front = serve(
        "gcs",
        LOCAL_DATA_DIR="",
        GOOGLE_CLOUD_PROJECT="p",
        STORAGE_EMULATOR_HOST=bench.gcs.url,
        GCS_BUCKET_NAME=bench.bucket,
    )
    window = "start=2026-01-15T00:00:00Z&end=2026-01-15T12:00:00Z"

    entries = front.get(f"/logs/gcs?{window}", headers=bearer())
    objects = front.get(f"/logs/gcs/objects?{window}", headers=bearer())
    text = front.get("/logs/gcs/object?name=trades/stock_trader/x", headers=bearer())
    bench.fail(403, kind="list", times=None)
    refused = front.get(f"/logs/gcs?{window}&q=again", headers=bearer())

    assert [e["id"] for e in entries.json["entries"]] == [
        f"gcs:{bench.bucket}/trades/stock_trader/x#7:{line}" for line in (2, 1)
    ]
    assert [(o["name"], o["generation"]) for o in objects.json["objects"]] == [("trades/stock_trader/x", "7")]
    assert text.data.count(b"\n") == 2
    assert (refused.status_code, refused.json["code"]) == (502, "source_misconfigured")
    assert "GCS_BUCKET_NAME" in refused.json["detail"]
