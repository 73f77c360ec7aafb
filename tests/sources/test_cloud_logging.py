"""Container logs through Cloud Logging: calls counted, quota kept, errors told, equal to the mirror."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from shared import instant
from shared.config import PodSettings
from shared.errors import SourceError, SourceMisconfigured, SourceTimeout, Unavailable
from shared.policy import Grant, Policy
from shared.sources.call_budget import MinuteBudget
from shared.sources.source import Budget, Page
from tests.conftest import Serve, bearer
from tests.servers.black_hole import BlackHole
from tests.servers.fake_logging import FakeLogging
from tests.sources.cloud_pods import (
    CHAINED,
    NOON,
    SECOND,
    TRACEBACK,
    SmallPages,
    ask,
    cloud,
    line,
    mirror,
    read,
    read_all,
    seeded_lines,
)


@pytest.fixture
def logging() -> Iterator[FakeLogging]:
    with FakeLogging() as server:
        yield server


def seed(server: FakeLogging, count: int, *, apart: int = SECOND) -> None:
    """Numbered lines before noon, the newest is number 0."""
    server.add(*(line(NOON - (n + 1) * apart, f"[line {n}]", n) for n in range(count)))


def numbers(page: Page) -> list[int]:
    """The numbers of the lines of a page."""
    return [int(entry.message[6:-1]) for entry in page.entries]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_call_for_every_thousand_lines(logging: FakeLogging, order: str) -> None:
    """Looking through 2,500 lines costs three calls, each with both bounds and a deadline."""
    seed(logging, 2500)

    page = read(cloud(logging.host), f"q=line+1234]&order={order}", deadline_s=20)

    assert numbers(page) == [1234]
    assert (page.resume, page.scanned.api_calls) == (None, 3)
    for call in logging.calls:
        assert call.request.page_size == 1000
        assert call.deadline_s is not None
        assert call.deadline_s < 11  # ten, which gRPC rounds up on its way
        assert 'timestamp>="' in call.request.filter
        assert 'timestamp<"' in call.request.filter


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_following_large_pages_costs_hardly_more(logging: FakeLogging, order: str) -> None:
    """5,500 lines that lie a microsecond apart, told in pages of 1,000: the cursor reads nothing twice."""
    seed(logging, 5500, apart=1000)

    entries = read_all(cloud(logging.host), f"page_size=1000&order={order}")

    assert len(entries) == 5500
    assert len(logging.calls) <= 7


def test_a_first_page_costs_one_call(logging: FakeLogging) -> None:
    """Reading stops as soon as nothing unread can be on the page."""
    seed(logging, 3000)

    page = read(cloud(logging.host), "page_size=100")

    assert numbers(page) == list(range(100))
    assert page.resume is not None
    assert not page.partial
    assert len(logging.calls) == 1


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_same_answer_as_the_mirror(tmp_path: Path, number: int, order: str) -> None:
    """Of any lines, read in small pages of the service, in every way of paging, and through filters."""
    lines = seeded_lines(number)
    local = mirror(tmp_path, lines)
    window = "&start=2026-11-20T11:56:00Z&end=2026-11-20T11:58:30Z"
    filters = ["", window, "&min_severity=ERROR", "&min_severity=WARNING" + window, "&bot=stock_trader",
               "&container=options-trader", "&pod=stock-trader-*&q=broker", "&exclude=order"]  # fmt: skip
    with SmallPages() as server:
        server.add(*lines)
        source = cloud(server.host)
        for more in filters:
            asked = f"order={order}{more}"
            whole = read_all(local, asked + "&page_size=1000")
            assert read_all(source, asked + "&page_size=1000") == whole
            assert read_all(source, asked + "&page_size=6") == whole
            assert read_all(source, asked + "&page_size=11", bare_cursors=True) == whole
        assert len(read_all(local, "page_size=1000")) > 100


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_tracebacks_are_whole_across_pages_of_the_service(order: str) -> None:
    """A chained traceback of ten lines over pages of seven, of two containers mixed, is one entry each."""
    with SmallPages() as server:
        for n, text in enumerate(CHAINED):
            for m, container in enumerate(["stock-trader", "dashboard"]):
                server.add(line(NOON - 60 * SECOND + n * 1000, text, 10 * n + m, container=container))
        server.add(line(NOON - 10 * SECOND, "after", 999))

        page = read(cloud(server.host), f"order={order}")

    assert sorted(entry.message for entry in page.entries) == sorted(["\n".join(CHAINED)] * 2 + ["after"])


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_traceback_belongs_to_the_window_of_its_first_line(logging: FakeLogging, order: str) -> None:
    """Whole when it begins before `end`, absent when it began before `start`."""
    for n, text in enumerate(TRACEBACK):
        logging.add(line(NOON - 60 * SECOND + n * SECOND, text, n))
    cut = instant.to_text(NOON - 59 * SECOND)
    source = cloud(logging.host)

    before = read(source, f"order={order}&start=2026-11-20T11:00:00Z&end={cut}")
    behind = read(source, f"order={order}&start={cut}&end=2026-11-20T12:00:00Z")

    assert [entry.message for entry in before.entries] == ["\n".join(TRACEBACK)]
    assert behind.entries == []


def test_every_field_of_a_stored_entry(logging: FakeLogging) -> None:
    """Nanoseconds, whole numbers, null for what is no number, the trace, the labels: as in its JSON form."""
    payload = {
        "message": "m",
        "n": 5,
        "x": 2.5,
        "big": 1e300,
        "deep": {"list": [1, None, True]},
        "trade_id": "T1",
    }
    logging.add(line(NOON - SECOND + 123_456_789, payload, 1, severity="ERROR", trace="projects/p/traces/t"))

    (entry,) = read(cloud(logging.host)).entries

    assert entry.payload == payload
    assert type(entry.payload["n"]) is int
    assert instant.to_text(entry.timestamp) == "2026-11-20T11:59:59.123456789Z"
    assert entry.id == "pods:projects/p/logs/stdout/2026-11-20T11:59:59.123456789Z/i000001"
    assert (entry.severity.name, entry.severity_from, entry.trace) == (
        "ERROR",
        "field",
        "projects/p/traces/t",
    )
    assert entry.labels == {
        "bot": "stock_trader", "trade_id": "T1", "namespace": "gpt", "pod": "stock-trader-7d9f",
        "container": "stock-trader", "cluster": "runner",
    }  # fmt: skip
    assert entry.origin == {"log_name": "projects/p/logs/stdout", "insert_ids": ["i000001"]}


def test_names_that_differ_by_case_are_others(logging: FakeLogging) -> None:
    """The service compares without regard to case; what it gives too much is dropped."""
    logging.add(line(NOON - SECOND, "[mine]", 1), line(NOON - SECOND, "[other]", 2, container="STOCK-trader"))

    page = read(cloud(logging.host), "container=stock-trader")

    assert [entry.message for entry in page.entries] == ["[mine]"]


def test_only_the_cluster_of_the_settings_unless_another_is_asked_for(logging: FakeLogging) -> None:
    """GKE_CLUSTER narrows, and the parameter goes before it."""
    logging.add(line(NOON - SECOND, "[runner]", 1))
    source = cloud(logging.host, settings=PodSettings(gke_cluster="other"))

    assert read(source).entries == []
    assert len(read(source, "cluster=runner").entries) == 1


def test_a_policy_without_these_namespaces_reads_nothing(logging: FakeLogging) -> None:
    """There is nothing to ask the service for."""
    seed(logging, 3)
    query = ask(policy=Policy((Grant(namespaces=frozenset({"elsewhere"})),)))

    page = cloud(logging.host).read(query, Budget(60))

    assert (page.entries, page.resume, page.partial, logging.calls) == ([], None, False, [])


def test_a_log_view_is_read_when_it_is_set(logging: FakeLogging) -> None:
    """It takes the project's place."""
    seed(logging, 1)
    view = "projects/p/locations/global/buckets/b/views/v"

    assert len(read(cloud(logging.host, view=view)).entries) == 1
    assert list(logging.calls[0].request.resource_names) == [view]


def test_empty_pages_are_followed(logging: FakeLogging) -> None:
    """An empty page with a token is not the end."""
    seed(logging, 1500)
    logging.empty_pages = 2

    page = read(cloud(logging.host), "q=line+1400]")

    assert numbers(page) == [1400]
    assert page.resume is None


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_too_many_empty_pages_are_partial_and_go_on(logging: FakeLogging, order: str) -> None:
    """After twenty there is a cursor, which goes on behind them with the service's own token."""
    seed(logging, 5)
    logging.empty_pages = 1
    source = cloud(logging.host)

    first = read(source, f"order={order}")

    assert (first.entries, first.partial, len(logging.calls)) == ([], True, 20)
    assert [warning.code for warning in first.warnings] == ["budget_spent"]
    assert first.resume is not None
    logging.empty_pages = 0
    query = ask(f"order={order}")
    rest = source.read(query.with_resume(query.window, first.resume), Budget(60))
    assert len(rest.entries) == 5
    assert rest.resume is None
    tokens = [call.request.page_token for call in logging.calls]
    assert len(set(tokens)) == 21


def test_empty_pages_without_end_never_give_the_same_cursor_again(logging: FakeLogging) -> None:
    """The next page of a query moves on even when only empty pages come."""
    seed(logging, 3)
    source = cloud(logging.host)
    query = ask("page_size=2")
    page = source.read(query, Budget(60))
    assert page.resume is not None
    logging.empty_pages = 1
    again = source.read(query.with_resume(query.window, page.resume), Budget(60))

    assert again.partial
    assert again.resume not in (None, page.resume)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("max_calls", [1, 2])
def test_a_budget_of_calls_loses_nothing(order: str, max_calls: int) -> None:
    """Each page says that it is partial, moves on, and together they are the whole."""
    lines = seeded_lines(99, 200)
    with SmallPages() as server:
        server.add(*lines)
        source = cloud(server.host)
        query = ask(f"order={order}&page_size=50")
        whole = [entry.id for entry in read_all(source, f"order={order}&page_size=1000")]
        found: list[str] = []
        partial = 0
        for _ in range(400):
            page = source.read(query, Budget(60, max_calls=max_calls + 2))
            found += [entry.id for entry in page.entries]
            partial += page.partial
            if page.resume is None:
                break
            assert page.resume != query.resume
            query = query.with_resume(query.window, page.resume)

    assert found == whole
    assert partial > 5


def test_beyond_the_quota_what_was_read_is_partial(logging: FakeLogging) -> None:
    """Two calls a minute of three: two thousand lines, and a cursor for the rest, without waiting in vain."""
    seed(logging, 2500)
    began = time.monotonic()

    page = read(cloud(logging.host, slots=MinuteBudget(2)), "q=line+1]", deadline_s=10)

    assert page.partial
    assert page.resume is not None
    assert page.entries[0].message == "[line 1]"
    assert len(logging.calls) == 2
    assert time.monotonic() - began < 5


def test_beyond_the_quota_nothing_is_a_503(logging: FakeLogging) -> None:
    """With Retry-After, and without a call."""
    slots = MinuteBudget(1)
    slots.take(0)

    with pytest.raises(Unavailable) as caught:
        read(cloud(logging.host, slots=slots), deadline_s=5)

    assert caught.value.retry_after_s in (59, 60)
    assert logging.calls == []


def test_a_slot_is_waited_for_when_there_is_time(logging: FakeLogging) -> None:
    """The quota delays a query rather than to cut it."""
    seed(logging, 2500)
    slept: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    slots = MinuteBudget(2, monotonic=lambda: now[0], sleep=sleep)

    page = read(cloud(logging.host, slots=slots), "q=line+2400]", deadline_s=100)

    assert (numbers(page), page.partial, slept) == ([2400], False, [60])


def test_a_429_is_no_storm(logging: FakeLogging) -> None:
    """One refusal is heeded by everyone: one call upstream, then 503 with Retry-After until it is over."""
    logging.fail(grpc.StatusCode.RESOURCE_EXHAUSTED, times=None)
    source = cloud(logging.host)
    for number in range(10):
        with pytest.raises(Unavailable) as caught:
            read(source, f"q={number}&since={number + 1}h")
        assert caught.value.retry_after_s in (9, 10)

    assert len(logging.calls) == 1


def test_a_429_in_the_middle_is_partial(logging: FakeLogging) -> None:
    """What was read before it is told, and the cursor goes on."""
    seed(logging, 2500)
    logging.fail(grpc.StatusCode.RESOURCE_EXHAUSTED, skip=1)

    page = read(cloud(logging.host), "q=line+1]")

    assert page.partial
    assert page.resume is not None
    assert numbers(page) == [1]
    assert len(logging.calls) == 2


def test_fifty_equal_questions_cost_what_one_costs(logging: FakeLogging) -> None:
    """At once, from fifty threads: three calls for 2,500 lines, and fifty equal answers."""
    seed(logging, 2500)
    source = cloud(logging.host, keep_s=5.0)
    logging.delay_s = 0.05
    start = threading.Barrier(50)
    answers: list[tuple[int, ...]] = []

    def one() -> None:
        start.wait(10)
        answers.append(tuple(numbers(read(source, "q=line+1]"))))

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(answers) == 50
    assert len(set(answers)) == 1
    assert len(logging.calls) == 3


@pytest.mark.parametrize(
    ("code", "view", "setting"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "", "GOOGLE_CLOUD_PROJECT"),
        (grpc.StatusCode.UNAUTHENTICATED, "", "GOOGLE_CLOUD_PROJECT"),
        (grpc.StatusCode.NOT_FOUND, "", "GOOGLE_CLOUD_PROJECT"),
        (grpc.StatusCode.NOT_FOUND, "projects/p/locations/l/buckets/b/views/v", "LOGGING_VIEW"),
        (grpc.StatusCode.PERMISSION_DENIED, "projects/p/locations/l/buckets/b/views/v", "LOGGING_VIEW"),
    ],
)
def test_what_is_not_set_up_names_the_setting(
    logging: FakeLogging, code: grpc.StatusCode, view: str, setting: str
) -> None:
    """And nothing of what the vendor said."""
    logging.fail(code, "sekrit 10.0.0.7", times=None)

    with pytest.raises(SourceMisconfigured) as caught:
        read(cloud(logging.host, view=view))

    assert caught.value.setting == setting
    assert "sekrit" not in caught.value.detail
    assert len(logging.calls) == 1


@pytest.mark.parametrize(
    ("code", "error", "calls"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, SourceError, 1),
        (grpc.StatusCode.INTERNAL, SourceError, 1),
        (grpc.StatusCode.UNAVAILABLE, SourceError, 2),
        (grpc.StatusCode.DEADLINE_EXCEEDED, SourceTimeout, 1),
    ],
)
def test_each_failure_has_its_error(
    logging: FakeLogging, code: grpc.StatusCode, error: type[SourceError], calls: int
) -> None:
    """A service that is away is asked once more, others not at all."""
    logging.fail(code, "sekrit 10.0.0.7", times=None)

    with pytest.raises(SourceError) as caught:
        read(cloud(logging.host))

    assert type(caught.value) is error
    assert "sekrit" not in caught.value.detail
    assert len(logging.calls) == calls


def test_a_service_that_is_back_at_once_is_no_failure(logging: FakeLogging) -> None:
    """One retry is enough for a connection that was lost."""
    seed(logging, 3)
    logging.fail(grpc.StatusCode.UNAVAILABLE)

    assert len(read(cloud(logging.host)).entries) == 3


def test_a_service_that_never_answers_is_a_504_in_time() -> None:
    """Within the deadline plus a second, whether it is a hole or a stall."""
    with BlackHole() as hole:
        began = time.monotonic()
        with pytest.raises(SourceTimeout):
            read(cloud(hole.host), deadline_s=0.5)
        assert time.monotonic() - began < 1.5
        health = cloud(hole.host).check(0.3)

    assert (health.name, health.status) == ("pods", "down")
    assert health.latency_ms < 1300


def test_many_equal_questions_to_a_stall_are_each_in_time(logging: FakeLogging) -> None:
    """Who waits for another's call waits no longer than it has."""
    logging.stall = True
    source = cloud(logging.host)
    took: list[float] = []

    def one() -> None:
        began = time.monotonic()
        with pytest.raises(SourceTimeout):
            read(source, deadline_s=0.6)
        took.append(time.monotonic() - began)

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(took) == 10
    assert max(took) < 1.6


def test_a_stall_after_the_first_page_is_partial(logging: FakeLogging) -> None:
    """What was read is told in time."""
    seed(logging, 2500)
    logging.fail(grpc.StatusCode.DEADLINE_EXCEEDED, skip=1, times=None)

    page = read(cloud(logging.host), "q=line+1]")

    assert numbers(page) == [1]
    assert page.partial
    assert page.resume is not None


@pytest.mark.parametrize(
    ("prepare", "status"),
    [
        (lambda server: None, "ok"),
        (lambda server: server.fail(grpc.StatusCode.PERMISSION_DENIED), "down"),
        (lambda server: server.fail(grpc.StatusCode.UNAVAILABLE), "down"),
        (lambda server: server.fail(grpc.StatusCode.RESOURCE_EXHAUSTED), "degraded"),
    ],
)
def test_health_is_one_small_call(logging: FakeLogging, prepare: Any, status: str) -> None:
    """It tells how the service is, never raises, and reads no lines."""
    prepare(logging)

    assert cloud(logging.host).check(2).status == status
    assert [call.request.page_size for call in logging.calls] == [1]


def test_a_plan_calls_nobody(logging: FakeLogging) -> None:
    """At most the minute's quota."""
    plan = cloud(logging.host).plan(ask(), Budget(60))

    assert (plan.source, plan.api_calls, plan.objects, plan.bytes) == ("pods", 45, 0, 0)
    assert logging.calls == []


def test_names_are_those_of_the_mirror(logging: FakeLogging, tmp_path: Path) -> None:
    """Each container with its first and last time and the number of its lines, of the window only."""
    lines = seeded_lines(7)
    logging.add(*lines)
    query = ask("start=2026-11-20T11:56:00Z&end=2026-11-20T11:58:00Z")

    listing = cloud(logging.host).names(query, Budget(60))

    assert listing.items == mirror(tmp_path, lines).names(query, Budget(60)).items  # type: ignore[attr-defined]
    assert len(listing.items) == 3
    assert not listing.partial


def test_the_function_asks_the_emulator(logging: FakeLogging, serve: Serve) -> None:
    """Without a local directory the settings alone lead the pods function to Cloud Logging."""
    seed(logging, 3)
    client = serve("pods", LOCAL_DATA_DIR="", GOOGLE_CLOUD_PROJECT="p", LOGGING_EMULATOR_HOST=logging.host)
    window = {"start": "2026-11-20T11:00:00Z", "end": "2026-11-20T12:00:00Z"}

    answer = client.get("/logs/pods", query_string=window, headers=bearer())
    names = client.get("/logs/pods/names", query_string=window, headers=bearer())

    assert [entry["message"] for entry in answer.json["entries"]] == ["[line 0]", "[line 1]", "[line 2]"]
    assert [pod["lines"] for pod in names.json["pods"]] == [3]


def test_names_beyond_the_quota_are_partial(logging: FakeLogging) -> None:
    """What was seen is told, with a warning; nothing seen is a 503."""
    seed(logging, 2500)
    source = cloud(logging.host, slots=MinuteBudget(1))

    listing = source.names(ask(), Budget(5))

    assert list(listing.items) == ["runner/gpt/stock-trader-7d9f/stock-trader"]
    assert listing.partial
    assert [warning.code for warning in listing.warnings] == ["budget_spent"]
    with pytest.raises(Unavailable):
        source.names(ask("since=2h"), Budget(5))


def test_names_of_bots_outside_of_the_policy_are_not_told(logging: FakeLogging) -> None:
    """A role that sees one bot learns of no other container."""
    logging.add(*seeded_lines(7))
    query = ask(policy=Policy((Grant(bots=frozenset({"main_runner"})),)))

    listing = cloud(logging.host).names(query, Budget(60))

    assert [item["container"] for item in listing.items.values()] == ["main_runner"]
