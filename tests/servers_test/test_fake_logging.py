"""The fake of Cloud Logging, judged by Google's generated client."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.services.logging_service_v2.transports import LoggingServiceV2GrpcTransport
from google.cloud.logging_v2.types import LogEntry
from google.protobuf import json_format

from tests.servers.fake_logging import FakeLogging

START = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


@pytest.fixture
def logging() -> Iterator[FakeLogging]:
    with FakeLogging() as server:
        yield server


@pytest.fixture
def client(logging: FakeLogging) -> Iterator[Any]:
    channel = grpc.insecure_channel(logging.host)
    yield LoggingServiceV2Client(transport=LoggingServiceV2GrpcTransport(channel=channel))
    channel.close()


def line(number: int, text: str = "line", **fields: Any) -> dict[str, Any]:
    """A container's text line as gcloud prints it, `number` seconds after START."""
    return {
        "insertId": f"i{number:06}",
        "logName": "projects/p/logs/stdout",
        "resource": {
            "type": "k8s_container",
            "labels": {"namespace_name": "gpt", "pod_name": "stock-trader-1"},
        },
        "timestamp": (START + timedelta(seconds=number)).isoformat().replace("+00:00", "Z"),
        "severity": "INFO",
        "textPayload": f"{text} {number}",
    } | fields


def page(client: Any, *, retry: Any = None, timeout: float = 10, **request: Any) -> Any:
    """One call of entries.list, without the client's own paging."""
    listing = client.list_log_entries(
        {"resource_names": ["projects/p"]} | request, retry=retry, timeout=timeout
    )
    return next(iter(listing.pages))


def ids(entries: Any) -> list[str]:
    return [entry.insert_id for entry in entries]


def test_the_client_reads_all_pages_in_time_order(logging: FakeLogging, client: Any) -> None:
    """2,500 lines at 1,000 a page are three calls, oldest first unless asked otherwise."""
    logging.add(*(line(number) for number in reversed(range(2500))))

    listing = client.list_log_entries({"resource_names": ["projects/p"], "page_size": 1000})

    assert ids(listing) == [f"i{number:06}" for number in range(2500)]
    assert len(logging.calls) == 3
    newest = client.list_log_entries(
        {"resource_names": ["projects/p"], "page_size": 1000, "order_by": "timestamp desc"}
    )
    assert ids(newest) == [f"i{number:06}" for number in reversed(range(2500))]


def test_the_default_page_has_50_entries(logging: FakeLogging, client: Any) -> None:
    """Without page_size fifty come, with a token for the rest."""
    logging.add(*(line(number) for number in range(60)))

    first = page(client)

    assert (len(first.entries), bool(first.next_page_token)) == (50, True)
    rest = page(client, page_token=first.next_page_token)
    assert (len(rest.entries), rest.next_page_token) == (10, "")


def test_entries_come_back_as_they_were_given(logging: FakeLogging, client: Any) -> None:
    """Every field of a JSON entry survives; nanoseconds, payload types and labels too."""
    given = line(
        1,
        timestamp="2026-11-20T04:31:07.123456789Z",
        receiveTimestamp="2026-11-20T04:31:08Z",
        labels={"k8s-pod/app": "stock-trader"},
        trace="projects/p/traces/1",
        jsonPayload={"message": "Order ₹", "price": 1.5, "ok": True, "none": None, "legs": [1, {"a": "b"}]},
    )
    del given["textPayload"]
    logging.add(given)

    entry = page(client).entries[0]

    assert json_format.MessageToDict(LogEntry.pb(entry)) == given


def test_filters_are_interpreted(logging: FakeLogging, client: Any) -> None:
    """OR binds tighter than AND, severities are ordered, both time bounds hold."""
    logging.add(
        *(line(n, severity=s) for n, s in enumerate(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]))
    )

    def found(text: str) -> list[str]:
        return ids(page(client, filter=text).entries)

    assert found("severity>=ERROR") == ["i000003", "i000004"]
    assert found('textPayload:"line 0" OR textPayload:"line 3" AND severity>DEBUG') == ["i000003"]
    assert found('(timestamp>="2026-11-20T04:00:01Z") AND (timestamp<"2026-11-20T04:00:03Z")') == [
        "i000001",
        "i000002",
    ]
    assert found('resource.labels.pod_name=~"^futures-"') == []


@pytest.mark.parametrize(
    "request_",
    [
        {"page_size": 1001},
        {"page_size": -1},
        {"filter": "severity>="},
        {"filter": "thud=1"},
        {"filter": 'textPayload:"' + "x" * 20_000 + '"'},
        {"order_by": "severity"},
        {"page_token": "nonsense"},
        {"resource_names": []},
        {"resource_names": ["p"]},
    ],
)
def test_bad_requests_are_invalid_argument(
    logging: FakeLogging, client: Any, request_: dict[str, Any]
) -> None:
    """What the service refuses is refused with its status."""
    with pytest.raises(exceptions.InvalidArgument):
        page(client, **request_)


def test_a_token_belongs_to_its_request(logging: FakeLogging, client: Any) -> None:
    """With another filter or order a token is refused; with another page size it goes on."""
    logging.add(*(line(number) for number in range(5)))
    token = page(client, page_size=2).next_page_token

    assert ids(page(client, page_size=3, page_token=token).entries) == ["i000002", "i000003", "i000004"]
    with pytest.raises(exceptions.InvalidArgument, match="page_token"):
        page(client, page_token=token, filter="severity>=INFO")
    with pytest.raises(exceptions.InvalidArgument, match="page_token"):
        page(client, page_token=token, order_by="timestamp desc")


def test_pages_neither_lose_nor_repeat_while_entries_arrive(logging: FakeLogging, client: Any) -> None:
    """A token is a position: what arrives before it does not shift the next page."""
    logging.add(*(line(number) for number in range(10, 14)))
    first = page(client, page_size=2)
    logging.add(line(1), line(12, "late", insertId="i000012a"))

    rest = page(client, page_size=50, page_token=first.next_page_token)

    assert ids(first.entries) + ids(rest.entries) == ["i000010", "i000011", "i000012", "i000012a", "i000013"]


def test_entries_of_one_time_are_ordered_by_insert_id(logging: FakeLogging, client: Any) -> None:
    """In either direction, as documented; and paging between them is exact."""
    logging.add(*(line(1, insertId=letter) for letter in "bca"), line(2, insertId="z"))

    oldest = client.list_log_entries({"resource_names": ["projects/p"], "page_size": 1})
    newest = client.list_log_entries(
        {"resource_names": ["projects/p"], "page_size": 1, "order_by": "timestamp desc"}
    )

    assert (ids(oldest), ids(newest)) == (["a", "b", "c", "z"], ["z", "a", "b", "c"])


def test_an_entry_sent_twice_is_there_once(logging: FakeLogging, client: Any) -> None:
    """Timestamp, insert id and log name are the entry's identity."""
    logging.add(line(1), line(1), line(1, logName="projects/p/logs/stderr"))

    assert len(page(client).entries) == 2


def test_resource_names_choose_projects_and_views(logging: FakeLogging, client: Any) -> None:
    """Another project's entries are not seen; a log view shows those of its project."""
    logging.add(
        line(1), line(2, logName="projects/other/logs/stdout"), line(3, logName="projects/p2/logs/stdout")
    )

    assert ids(page(client).entries) == ["i000001"]
    assert ids(page(client, resource_names=["projects/p", "projects/other"]).entries) == [
        "i000001",
        "i000002",
    ]
    view = "projects/p/locations/global/buckets/gpt/views/pods"
    assert ids(page(client, resource_names=[view]).entries) == ["i000001"]


def test_empty_pages_with_a_token_are_not_the_end(logging: FakeLogging, client: Any) -> None:
    """Every second call answers nothing but a token; the client that goes on gets everything."""
    logging.add(*(line(number) for number in range(6)))
    logging.empty_pages = 2

    pages = list(client.list_log_entries({"resource_names": ["projects/p"], "page_size": 2}).pages)

    assert [len(each.entries) for each in pages] == [2, 0, 2, 0, 2]
    assert [entry.insert_id for each in pages for entry in each.entries] == [f"i{n:06}" for n in range(6)]


def test_a_full_last_page_may_have_a_token(logging: FakeLogging, client: Any) -> None:
    """With trailing_token the end shows only in an empty page without one."""
    logging.add(line(1), line(2))
    logging.trailing_token = True

    pages = list(client.list_log_entries({"resource_names": ["projects/p"], "page_size": 2}).pages)

    assert [(len(each.entries), bool(each.next_page_token)) for each in pages] == [(2, True), (0, False)]


def test_pages_stay_below_what_a_channel_receives(logging: FakeLogging, client: Any) -> None:
    """Big lines make short pages instead of an answer too large for gRPC."""
    logging.add(*(line(number, "x" * 100_000) for number in range(100)))

    listing = client.list_log_entries({"resource_names": ["projects/p"], "page_size": 1000})

    assert len(ids(listing)) == 100
    assert len(logging.calls) == 3


def test_the_quota_is_per_minute_and_says_nothing_about_when() -> None:
    """Beyond it calls are RESOURCE_EXHAUSTED without RetryInfo, until the minute has passed."""
    now = [0.0]
    with FakeLogging(clock=lambda: now[0]) as server, grpc.insecure_channel(server.host) as channel:
        client = LoggingServiceV2Client(transport=LoggingServiceV2GrpcTransport(channel=channel))
        server.calls_per_minute = 2
        page(client)
        page(client)
        with pytest.raises(exceptions.ResourceExhausted, match="Read requests per minute") as refused:
            page(client)
        now[0] = 60.0
        page(client)

    assert refused.value.details == []


def test_failures_strike_as_planned(logging: FakeLogging, client: Any) -> None:
    """A planned status answers so many calls, after so many good ones, then no more."""
    logging.fail(grpc.StatusCode.PERMISSION_DENIED, "no logging.logEntries.list", times=2, skip=1)

    page(client)
    for _ in range(2):
        with pytest.raises(exceptions.PermissionDenied, match=r"no logging\.logEntries\.list"):
            page(client)
    page(client)


def test_the_clients_own_retry_shows_in_the_journal(logging: FakeLogging, client: Any) -> None:
    """UNAVAILABLE once is two calls with the client's default retry."""
    logging.add(line(1))
    logging.fail(grpc.StatusCode.UNAVAILABLE)

    assert ids(client.list_log_entries({"resource_names": ["projects/p"]})) == ["i000001"]
    assert [call.method for call in logging.calls] == ["ListLogEntries"] * 2


def test_a_stall_ends_with_the_clients_deadline(logging: FakeLogging, client: Any) -> None:
    """A call that is never answered is DEADLINE_EXCEEDED for the client; the journal knows its deadline."""
    logging.stall = True
    begun = time.monotonic()

    with pytest.raises(exceptions.DeadlineExceeded):
        page(client, timeout=0.3)

    assert 0.2 < time.monotonic() - begun < 3
    allowed = logging.calls[0].deadline_s
    assert allowed is not None
    assert 0 < allowed < 0.4
    logging.recover()
    page(client)


def test_stopping_does_not_wait_for_a_stalled_call(client: Any, logging: FakeLogging) -> None:
    """stop() cancels what is in flight and returns."""
    logging.stall = True
    future = client.transport._logged_channel.unary_unary(
        "/google.logging.v2.LoggingServiceV2/ListLogEntries",
        request_serializer=lambda message: message,
        response_deserializer=lambda message: message,
    ).future(b"", timeout=30)
    while not logging.calls:
        time.sleep(0.01)
    begun = time.monotonic()

    logging.stop()

    assert time.monotonic() - begun < 3
    with pytest.raises(grpc.RpcError):
        future.result(timeout=5)


def test_a_delay_is_waited_before_each_answer(logging: FakeLogging, client: Any) -> None:
    """delay_s makes the server slow, not wrong."""
    logging.add(line(1))
    logging.delay_s = 0.15
    begun = time.monotonic()

    assert ids(page(client).entries) == ["i000001"]
    assert time.monotonic() - begun >= 0.15


def test_written_entries_are_listed(logging: FakeLogging, client: Any) -> None:
    """WriteLogEntries fills log name, resource, labels and time from the request and the clock."""
    client.write_log_entries(
        log_name="projects/p/logs/stdout",
        resource={"type": "k8s_container", "labels": {"pod_name": "x"}},
        labels={"a": "b"},
        entries=[LogEntry(text_payload="hello"), LogEntry(text_payload="again", labels={"a": "c"})],
    )

    found = page(client, filter='resource.labels.pod_name="x" AND labels.a="b"').entries

    assert [(entry.text_payload, entry.log_name) for entry in found] == [("hello", "projects/p/logs/stdout")]
    assert found[0].insert_id
    assert abs(found[0].timestamp.timestamp() - time.time()) < 60


def test_what_is_no_log_entry_is_refused(logging: FakeLogging) -> None:
    """A misspelled field or a missing log name fails in the test that wrote it."""
    with pytest.raises(json_format.ParseError):
        logging.add(line(1, textPayLoad="x"))
    with pytest.raises(ValueError, match="log_name"):
        logging.add(LogEntry(text_payload="x"))
