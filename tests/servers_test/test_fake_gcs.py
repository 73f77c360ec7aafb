"""The fake of Cloud Storage, judged by Google's own client and by raw HTTP where the client hides things."""

import gzip
import io
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from typing import Any

import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client
from google.cloud.storage.exceptions import DataCorruption

from tests.servers.fake_gcs import FakeGcs

TEXT = b"".join(b'{"n": %d, "message": "Order placed"}\n' % n for n in range(2000))
PACKED = gzip.compress(TEXT, mtime=0)


@pytest.fixture
def gcs() -> Iterator[FakeGcs]:
    with FakeGcs() as server:
        yield server


@pytest.fixture
def client(gcs: FakeGcs) -> Iterator[Any]:
    made = Client(
        project="p",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options=ClientOptions(api_endpoint=gcs.url),
    )
    yield made
    made.close()


def names(listing: Any) -> list[str]:
    return [blob.name for blob in listing]


def get(gcs: FakeGcs, target: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    """One raw request without the Accept-Encoding that clients add."""
    connection = HTTPConnection(gcs.host, timeout=10)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


# Listing


def test_a_listing_is_in_name_order_and_inside_the_prefix(gcs: FakeGcs, client: Any) -> None:
    """Only names under the prefix are listed, sorted, whatever order they were written in."""
    for name in ("b/2", "a/9", "b/1", "b", "c", "b/₹"):
        gcs.put("logs", name, b"x")

    assert names(client.list_blobs("logs", prefix="b/")) == ["b/1", "b/2", "b/₹"]


def test_offsets_are_whole_names_and_the_end_is_exclusive(gcs: FakeGcs, client: Any) -> None:
    """start_offset is included, end_offset is not, and both compare with the whole name."""
    for day in range(10, 20):
        gcs.put("logs", f"t/2026/{day}", b"x")

    found = names(client.list_blobs("logs", prefix="t/", start_offset="t/2026/12", end_offset="t/2026/15"))

    assert found == ["t/2026/12", "t/2026/13", "t/2026/14"]
    assert names(client.list_blobs("logs", prefix="t/", start_offset="2026/12")) == [
        f"t/2026/{d}" for d in range(10, 20)
    ]


def test_a_delimiter_rolls_names_up_into_prefixes(gcs: FakeGcs, client: Any) -> None:
    """What lies below the delimiter appears once, as a prefix; objects at the level stay objects."""
    for name in ("t/x.json", "t/2025/a", "t/2026/01/a", "t/2026/01/b", "t/2026/02/a", "u/1"):
        gcs.put("logs", name, b"x")

    listing = client.list_blobs("logs", prefix="t/", delimiter="/")

    assert names(listing) == ["t/x.json"]
    assert listing.prefixes == {"t/2025/", "t/2026/"}


def test_offsets_choose_before_the_delimiter_rolls_up(gcs: FakeGcs, client: Any) -> None:
    """A folder is listed exactly when one of its objects lies between the offsets."""
    for day in range(1, 6):
        gcs.put("logs", f"t/{day:02}/a", b"x")
        gcs.put("logs", f"t/{day:02}/b", b"x")

    listing = client.list_blobs("logs", prefix="t/", delimiter="/", start_offset="t/02/b", end_offset="t/04/")
    list(listing)

    assert listing.prefixes == {"t/02/", "t/03/"}


def test_pages_of_objects_and_prefixes_concatenate_to_the_whole(gcs: FakeGcs, client: Any) -> None:
    """Objects and prefixes count together towards max_results; nothing is lost or told twice."""
    for day in range(7):
        gcs.put("logs", f"t/{day}/a", b"x")
        gcs.put("logs", f"t/{day}/b", b"x")
        gcs.put("logs", f"t/f{day}", b"x")

    pages = list(client.list_blobs("logs", prefix="t/", delimiter="/", page_size=3).pages)

    assert gcs.calls["list"] == 5
    assert [len(list(page)) + len(page.prefixes) for page in pages] == [3, 3, 3, 3, 2]
    assert sorted(p for page in pages for p in page.prefixes) == [f"t/{day}/" for day in range(7)]
    assert gcs.rows == 7


def test_a_page_never_has_more_than_1000_names(gcs: FakeGcs, client: Any) -> None:
    """A larger page_size is cut to 1000, as by the service, and the counters tell calls and rows."""
    for number in range(2500):
        gcs.put("logs", f"n{number:05}", b"")

    assert len(names(client.list_blobs("logs", page_size=5000))) == 2500
    assert (gcs.calls["list"], gcs.rows) == (3, 2500)


def test_fields_leave_out_what_was_not_asked_for(gcs: FakeGcs, client: Any) -> None:
    """Only the selected fields travel; without nextPageToken in them a client sees one page."""
    for number in range(3):
        gcs.put("logs", f"n{number}", b"abc")

    some = client.list_blobs("logs", page_size=2, fields="items(name,size),nextPageToken")
    one_page = client.list_blobs("logs", page_size=2, fields="items/name")

    assert [(blob.name, blob.size, blob.generation) for blob in some] == [
        (f"n{n}", 3, None) for n in range(3)
    ]
    assert names(one_page) == ["n0", "n1"]


def test_fields_that_do_not_exist_are_a_400(gcs: FakeGcs, client: Any) -> None:
    """A misspelled or unbalanced selection is refused instead of answering with nothing."""
    gcs.put("logs", "n", b"")

    for fields in ("items(nmae)", "items(name", "itmes", "items(name))", ""):
        if fields:
            with pytest.raises(exceptions.BadRequest):
                list(client.list_blobs("logs", fields=fields))


def test_match_glob_stops_at_slashes_unless_doubled(gcs: FakeGcs, client: Any) -> None:
    """One star stays inside a folder, two cross folders, braces choose."""
    for name in ("a/x.json", "a/x.csv", "a/b/x.json", "c/x.json"):
        gcs.put("logs", name, b"")

    assert names(client.list_blobs("logs", match_glob="a/*.json")) == ["a/x.json"]
    assert names(client.list_blobs("logs", match_glob="**/x.{json,csv}")) == sorted(
        ["a/x.json", "a/x.csv", "a/b/x.json", "c/x.json"]
    )


def test_an_object_deleted_between_two_pages_is_simply_missing(gcs: FakeGcs, client: Any) -> None:
    """Tokens are positions, so that changes between pages neither shift nor repeat names."""
    for number in range(4):
        gcs.put("logs", f"n{number}", b"")

    pages = client.list_blobs("logs", page_size=2).pages
    first = names(next(pages))
    gcs.delete("logs", "n1")
    gcs.put("logs", "n11", b"")

    assert first + [name for page in pages for name in names(page)] == ["n0", "n1", "n11", "n2", "n3"]


def test_an_invented_page_token_is_refused(gcs: FakeGcs, client: Any) -> None:
    """A token that the server never gave is a 400."""
    gcs.put("logs", "n", b"")

    with pytest.raises(exceptions.BadRequest):
        list(client.list_blobs("logs", page_token="!!nonsense"))


def test_what_is_not_served_says_so(gcs: FakeGcs, client: Any) -> None:
    """Asking for versions is a 501 instead of a listing that lacks them."""
    gcs.put("logs", "n", b"")

    with pytest.raises(exceptions.MethodNotImplemented):
        list(client.list_blobs("logs", versions=True, retry=None))


# Metadata


def test_metadata_tells_what_was_stored(gcs: FakeGcs, client: Any) -> None:
    """The client reads size, times, hashes, types and generation back as they were put."""
    updated = datetime(2026, 11, 20, 4, 31, 7, 250_000, tzinfo=UTC)
    gcs.put(
        "logs",
        "a b/ü%2F.gz",
        PACKED,
        content_type="application/gzip",
        content_encoding="gzip",
        updated=updated,
    )

    blob = client.bucket("logs").get_blob("a b/ü%2F.gz")

    assert (blob.size, blob.updated, blob.time_created) == (len(PACKED), updated, updated)
    assert (blob.content_type, blob.content_encoding) == ("application/gzip", "gzip")
    assert blob.generation == 1_795_149_067_250_000
    assert blob.etag
    assert client.get_bucket("logs").name == "logs"


def test_missing_things_are_404_of_the_right_kind(gcs: FakeGcs, client: Any) -> None:
    """A bucket, an object, and an object's download that do not exist each say which."""
    gcs.create_bucket("logs")

    assert client.bucket("logs").get_blob("none") is None
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist"):
        list(client.list_blobs("other"))
    with pytest.raises(exceptions.NotFound, match="No such object: logs/none"):
        client.bucket("logs").blob("none").download_as_bytes()
    with pytest.raises(exceptions.NotFound):
        client.get_bucket("other")


def test_json_errors_have_googles_shape(gcs: FakeGcs) -> None:
    """Code, message and reason are where every Google client looks for them."""
    gcs.create_bucket("logs")

    answer, body = get(gcs, "/storage/v1/b/logs/o/none")

    error = json.loads(body)["error"]
    assert (answer.status, error["code"], error["message"]) == (404, 404, "No such object: logs/none")
    assert error["errors"][0]["reason"] == "notFound"


# Media


def test_a_raw_download_gives_the_stored_bytes(gcs: FakeGcs, client: Any) -> None:
    """raw_download returns the gzip bytes, and the client's checksum over them holds."""
    gcs.put("logs", "a.gz", PACKED, content_encoding="gzip")

    assert (
        client.bucket("logs").blob("a.gz").download_as_bytes(raw_download=True, checksum="crc32c") == PACKED
    )
    assert client.bucket("logs").blob("a.gz").download_as_bytes(raw_download=True, checksum="md5") == PACKED
    assert gcs.bytes_sent == 2 * len(PACKED)


def test_the_client_decompresses_what_is_encoded(gcs: FakeGcs, client: Any) -> None:
    """Without raw_download the client asks for gzip, gets it, and hands out the plain text."""
    gcs.put("logs", "a.gz", PACKED, content_encoding="gzip")
    gcs.put("logs", "unlabelled.gz", PACKED)

    assert client.bucket("logs").blob("a.gz").download_as_bytes() == TEXT
    assert client.bucket("logs").blob("unlabelled.gz").download_as_bytes() == PACKED


def test_a_caller_that_does_not_accept_gzip_gets_plain_bytes(gcs: FakeGcs) -> None:
    """The service decompresses: no length, no encoding, the stored encoding named beside."""
    gcs.put("logs", "a.gz", PACKED + gzip.compress(b"second member\n"), content_encoding="gzip")

    for headers in ({}, {"Accept_Encoding": "br, gzip;q=0"}):
        answer, body = get(gcs, "/storage/v1/b/logs/o/a.gz?alt=media", **headers)

        assert body == TEXT + b"second member\n"
        assert (answer.status, answer.getheader("Content-Encoding"), answer.getheader("Content-Length")) == (
            200,
            None,
            None,
        )
        assert answer.getheader("X-Goog-Stored-Content-Encoding") == "gzip"
        assert answer.getheader("Warning") == "214 UploadServer gunzipped"


def test_a_range_is_ignored_where_the_service_decompresses(gcs: FakeGcs) -> None:
    """A range of a decompressed object is all of it; with gzip accepted it counts stored bytes."""
    gcs.put("logs", "a.gz", PACKED, content_encoding="gzip")
    target = "/download/storage/v1/b/logs/o/a.gz?alt=media"

    plain, whole = get(gcs, target, Range="bytes=10-19")
    raw, part = get(gcs, target, Range="bytes=10-19", Accept_Encoding="gzip")

    assert (plain.status, whole) == (200, TEXT)
    assert (raw.status, part) == (206, PACKED[10:20])
    assert raw.getheader("Content-Range") == f"bytes 10-19/{len(PACKED)}"
    assert raw.getheader("Content-Encoding") == "gzip"


def test_a_truncated_gzip_breaks_off_when_decompressed_on_the_way(gcs: FakeGcs) -> None:
    """What could be decompressed arrives, then the transfer ends without its last chunk."""
    gcs.put("logs", "a.gz", PACKED[:-40], content_encoding="gzip")

    with pytest.raises(IncompleteRead):
        get(gcs, "/storage/v1/b/logs/o/a.gz?alt=media")


def test_a_bomb_is_decompressed_piece_by_piece(gcs: FakeGcs) -> None:
    """40 MB from 40 kB arrive whole, although the server never holds more than a piece."""
    gcs.put("logs", "bomb.gz", gzip.compress(bytes(40_000_000), 9), content_encoding="gzip")

    _, body = get(gcs, "/storage/v1/b/logs/o/bomb.gz?alt=media")

    assert len(body) == gcs.bytes_sent == 40_000_000


@pytest.mark.parametrize(
    ("header", "status", "part"),
    [
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=1990-5000000", 206, slice(1990, None)),
        ("bytes=7-3", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=1-2,5-6", 200, slice(None)),
    ],
)
def test_ranges_follow_http(gcs: FakeGcs, header: str, status: int, part: slice) -> None:
    """A single satisfiable range is 206 with exactly those bytes; a malformed one is as if absent."""
    gcs.put("logs", "a.txt", TEXT)

    answer, body = get(gcs, "/storage/v1/b/logs/o/a.txt?alt=media", Range=header)

    assert (answer.status, body) == (status, TEXT[part])


def test_a_range_behind_the_end_is_416(gcs: FakeGcs, client: Any) -> None:
    """The client sees RequestRangeNotSatisfiable, of an empty object too."""
    gcs.put("logs", "a.txt", b"abc")
    gcs.put("logs", "empty", b"")

    for name, start in (("a.txt", 3), ("empty", 0)):
        with pytest.raises(exceptions.RequestRangeNotSatisfiable):
            client.bucket("logs").blob(name).download_as_bytes(start=start, end=start + 5, raw_download=True)
    assert (
        get(gcs, "/storage/v1/b/logs/o/a.txt?alt=media", Range="bytes=3-")[0].getheader("Content-Range")
        == "bytes */3"
    )


def test_generations_change_and_only_kept_ones_stay(gcs: FakeGcs, client: Any) -> None:
    """Replacing an object makes a later generation; the old one is readable only when it was kept."""
    first = gcs.put("logs", "a", b"one").generation
    second = gcs.put("logs", "a", b"two", keep_old=True).generation
    third = gcs.put("logs", "a", b"three").generation
    bucket = client.bucket("logs")

    assert first < second < third
    assert bucket.blob("a").download_as_bytes() == b"three"
    assert bucket.blob("a", generation=first).download_as_bytes() == b"one"
    with pytest.raises(exceptions.NotFound):
        bucket.blob("a", generation=second).download_as_bytes()


def test_preconditions_hold_or_are_412(gcs: FakeGcs, client: Any) -> None:
    """if_generation_match guards metadata and media; if_generation_not_match is 304."""
    generation = gcs.put("logs", "a", b"one").generation
    blob = client.bucket("logs").blob("a")

    assert blob.download_as_bytes(if_generation_match=generation) == b"one"
    blob.reload(if_generation_match=generation)
    for call in (blob.download_as_bytes, blob.reload):
        with pytest.raises(exceptions.PreconditionFailed):
            call(if_generation_match=generation + 1)
    with pytest.raises(exceptions.NotModified):
        blob.download_as_bytes(if_generation_not_match=generation)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.download_as_bytes(if_etag_match="other")


def test_headers_name_generation_and_hashes(gcs: FakeGcs) -> None:
    """Every media answer tells which generation it is and the hashes of the stored bytes."""
    stored = gcs.put("logs", "a.gz", PACKED, content_encoding="gzip", content_type="application/gzip")

    answer, _ = get(gcs, "/download/storage/v1/b/logs/o/a.gz?alt=media", Accept_Encoding="gzip")

    assert answer.getheader("X-Goog-Generation") == str(stored.generation)
    assert answer.getheader("X-Goog-Hash") == f"crc32c={stored.crc32c},md5={stored.md5_base64}"
    assert answer.getheader("X-Goog-Stored-Content-Length") == str(len(PACKED))
    assert answer.getheader("ETag") == stored.etag
    assert answer.getheader("Content-Type") == "application/gzip"


# The XML API


def test_the_xml_api_reads_an_object_by_generation(gcs: FakeGcs) -> None:
    """GET /bucket/object serves the same bytes; its errors are XML with S3-like codes."""
    old = gcs.put("logs", "t/a b.txt", b"one").generation
    gcs.put("logs", "t/a b.txt", b"two", keep_old=True)

    assert get(gcs, f"/logs/t/a%20b.txt?generation={old}")[1] == b"one"
    assert get(gcs, "/logs/t/a%20b.txt", Range="bytes=1-1")[1] == b"w"
    head, nothing = get(gcs, "/logs/t/a%20b.txt", method="HEAD")
    assert (head.status, head.getheader("Content-Length"), nothing) == (200, "3", b"")
    missing, body = get(gcs, "/logs/none")
    assert (missing.status, b"<Code>NoSuchKey</Code>" in body) == (404, True)
    assert b"<Code>NoSuchBucket</Code>" in get(gcs, "/other/none")[1]
    unmet, _ = get(gcs, "/logs/t/a%20b.txt", x_goog_if_generation_match="1")
    assert unmet.status == 412


# Connections, faults, counters


def test_connections_are_kept_alive(gcs: FakeGcs) -> None:
    """Several answers, errors among them, come over one connection."""
    gcs.put("logs", "a", b"abc")
    connection = HTTPConnection(gcs.host, timeout=5)

    seen = []
    for target in ("/storage/v1/b/logs/o/a?alt=media", "/storage/v1/b/logs/o/none", "/storage/v1/b/logs/o"):
        connection.request("GET", target)
        answer = connection.getresponse()
        answer.read()
        seen.append((answer.status, connection.sock is not None))
    connection.close()

    assert seen == [(200, True), (404, True), (200, True)]


@pytest.mark.parametrize("how", ["cut", "reset"])
def test_a_broken_download_is_resumed_by_the_client_to_the_same_bytes(
    gcs: FakeGcs, client: Any, how: str
) -> None:
    """The client asks for the rest by Range, of the same generation, though the object was replaced."""
    stored = gcs.put("logs", "a", TEXT)
    gcs.fail(
        "media",
        name="a",
        after_bytes=50_000,
        how=how,
        then=lambda: gcs.put("logs", "a", b"new", keep_old=True),
    )
    out = io.BytesIO()

    client.bucket("logs").blob("a").download_to_file(out, raw_download=True)

    first, second = (request for request in gcs.requests if request.kind == "media")
    assert out.getvalue() == TEXT
    assert "range" not in first.headers
    assert second.headers["range"] in ("bytes=49152-", "bytes=50000-")  # whole pieces of 8 KiB, or all
    assert second.params["generation"] == str(stored.generation)


def test_a_cut_is_seen_after_exactly_that_many_bytes(gcs: FakeGcs) -> None:
    """The whole length is announced, the planned bytes arrive, and only for the planned times."""
    gcs.put("logs", "a", TEXT)
    gcs.fail("media", after_bytes=300, how="cut", times=2, skip=1)
    target = "/storage/v1/b/logs/o/a?alt=media"

    assert get(gcs, target)[1] == TEXT
    for _ in range(2):
        with pytest.raises(IncompleteRead) as broken:
            get(gcs, target)
        assert len(broken.value.partial) == 300
    assert get(gcs, target)[1] == TEXT


def test_a_stall_lasts_until_the_client_gives_up_or_the_server_stops(gcs: FakeGcs) -> None:
    """A stalled answer runs into the client's timeout, and does not keep the server from stopping."""
    gcs.put("logs", "a", TEXT)
    gcs.fail("media", after_bytes=10, how="stall")
    connection = HTTPConnection(gcs.host, timeout=0.2)
    connection.request("GET", "/storage/v1/b/logs/o/a?alt=media")
    answer = connection.getresponse()

    with pytest.raises(TimeoutError):
        answer.read()
    connection.close()
    answer.close()
    before = threading.active_count()
    gcs.stop()

    assert threading.active_count() < before


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, exceptions.Forbidden),
        (429, exceptions.TooManyRequests),
        (503, exceptions.ServiceUnavailable),
    ],
)
def test_a_status_is_answered_to_the_named_kind_only(
    gcs: FakeGcs, client: Any, status: int, error: type[Exception]
) -> None:
    """Lists fail while downloads go on; then lists work again."""
    gcs.put("logs", "t/a", b"abc")
    gcs.fail("list", name="t/", how=status)

    assert client.bucket("logs").blob("t/a").download_as_bytes() == b"abc"
    with pytest.raises(error):
        list(client.list_blobs("logs", prefix="t/", retry=None))
    assert names(client.list_blobs("logs", prefix="t/", retry=None)) == ["t/a"]


def test_a_fault_for_ever_ends_when_cleared(gcs: FakeGcs, client: Any) -> None:
    """times=None refuses every request of the kind until the plan is cleared."""
    gcs.put("logs", "a", b"abc")
    gcs.fail("media", bucket="logs", how=403, times=None)

    for _ in range(3):
        with pytest.raises(exceptions.Forbidden):
            client.bucket("logs").blob("a").download_as_bytes()
    gcs.faults.clear()
    assert client.bucket("logs").blob("a").download_as_bytes() == b"abc"


def test_corruption_is_caught_by_the_clients_checksum(gcs: FakeGcs, client: Any) -> None:
    """One flipped byte arrives in an answer that looks whole, and the hash tells."""
    gcs.put("logs", "a", TEXT)
    gcs.fail("media", how="corrupt", after_bytes=77)

    with pytest.raises(DataCorruption):
        client.bucket("logs").blob("a").download_as_bytes(raw_download=True)


def test_retries_of_the_client_are_counted(gcs: FakeGcs, client: Any) -> None:
    """The client's own retry of a 503 shows as two calls."""
    gcs.put("logs", "a", b"abc")
    gcs.fail("get", how=503)

    assert client.bucket("logs").get_blob("a").size == 3
    assert gcs.calls["get"] == 2
    gcs.reset()
    assert (gcs.calls["get"], gcs.rows, gcs.bytes_sent) == (0, 0, 0)


def test_emulator_variable_points_the_client_here(gcs: FakeGcs, monkeypatch: pytest.MonkeyPatch) -> None:
    """STORAGE_EMULATOR_HOST with the server's url is all that a client needs."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
    gcs.put("logs", "a", b"abc")
    made = Client(project="p")

    assert names(made.list_blobs("logs")) == ["a"]
    assert next(iter(made.list_blobs("logs"))).download_as_bytes() == b"abc"
    made.close()


def test_many_readers_at_once_each_get_their_own_bytes(gcs: FakeGcs) -> None:
    """Thirty connections at the same time do not mix their answers."""
    for number in range(30):
        gcs.put("logs", f"n{number}", b"%d" % number * 10_000)
    wrong: list[int] = []

    def read(number: int) -> None:
        if get(gcs, f"/storage/v1/b/logs/o/n{number}?alt=media")[1] != b"%d" % number * 10_000:
            wrong.append(number)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (wrong, gcs.calls["media"]) == ([], 30)


def test_names_and_times_that_the_service_cannot_hold_are_refused(gcs: FakeGcs) -> None:
    """A test that stores the impossible learns it at once."""
    for name in ("", "a\nb", "ü" * 513):
        with pytest.raises(ValueError, match="1 to 1024 bytes"):
            gcs.put("logs", name, b"")
    with pytest.raises(ValueError, match="offset"):
        gcs.put("logs", "a", b"", updated=datetime(2026, 1, 1))
    assert gcs.put("logs", "a", b"", updated=datetime.now(UTC) - timedelta(days=400)).generation > 10**15
