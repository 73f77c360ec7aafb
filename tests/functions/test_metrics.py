"""GET /metrics, and what every request tells about itself: in the counts, in a header, in a line."""

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared import log, wiring
from shared.metrics import process
from shared.state import StoreError, StoreTimeout, StoreUnavailable
from tests.conftest import Serve, bearer

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def counted() -> dict[tuple[str, ...], float]:
    """What this process has counted."""
    return {tuple(json.loads(field)): amount for field, amount in process.totals().items()}


def line(printed: str) -> dict[str, Any]:
    """The last request's line."""
    lines = [json.loads(each) for each in printed.splitlines()]
    found: dict[str, Any] = [each for each in lines if each.get("message") == "request"][-1]
    return found


@pytest.mark.parametrize(
    ("role", "status"),
    [("metrics", 200), ("admin", 200), ("viewer", 403), ("analyst", 403), ("scheduler", 403)],
)
def test_who_may_scrape(serve: Serve, role: str, status: int) -> None:
    """The roles metrics and admin, nobody else."""
    assert serve("metrics").get("/metrics", headers=bearer(role)).status_code == status


def test_without_a_token_nobody_scrapes(serve: Serve) -> None:
    """401, as everywhere."""
    assert serve("metrics").get("/metrics").status_code == 401


def test_the_text_is_prometheus_own(serve: Serve) -> None:
    """Format 0.0.4, whatever Accept says."""
    openmetrics = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
    answer = serve("metrics").get("/metrics", headers=bearer("metrics") | openmetrics)

    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# TYPE log_aggregator_build_info gauge" in answer.text
    assert "log_aggregator_metrics_shards 0.0" in answer.text


def test_the_fleet_is_the_store_and_the_instance_is_this_process(serve: Serve) -> None:
    """What others folded is shown once; `scope=instance` shows what this process has counted itself."""
    client = serve("metrics")
    field = json.dumps(["requests_total", "pods", "/logs/pods", "200"], separators=(",", ":"))
    for shard in range(3):
        wiring.state_store().store.increment(f"metrics/1/pods/{shard}", {field: 2})
    fleet = client.get("/metrics", headers=bearer("metrics")).text
    instance = client.get("/metrics?scope=instance", headers=bearer("metrics")).text

    pods = 'log_aggregator_requests_total{function="pods",route="/logs/pods",status="200"} 6.0'
    assert pods in fleet.splitlines()
    assert 'function="pods"' not in instance
    assert 'log_aggregator_requests_total{function="metrics",route="/metrics",status="200"} 1.0' in instance


@pytest.mark.parametrize("query", ["scope=all", "scope=", "scope=fleet&scope=instance", "name=x"])
def test_other_parameters_are_refused(serve: Serve, query: str) -> None:
    """By name."""
    answer = serve("metrics").get(f"/metrics?{query}", headers=bearer("metrics"))

    assert (answer.status_code, answer.json["code"]) == (400, "invalid_request")


def test_a_store_that_is_down_is_a_503(serve: Serve, tmp_path: Path) -> None:
    """Never sums without a part of them; the instance's own are still shown."""
    (tmp_path / "state.db").write_bytes(b"no database, and long enough to be taken for one" * 100)
    client = serve("metrics")
    answer = client.get("/metrics", headers=bearer("metrics"))

    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert str(tmp_path) not in answer.text
    assert client.get("/metrics?scope=instance", headers=bearer("metrics")).status_code == 200


class Breaking:
    """Its listings end in an error after two counters, the first few times."""

    def __init__(self, store: Any, error: StoreError, times: int) -> None:
        self._store, self._error, self._times = store, error, times

    def counters(self, prefix: str) -> Iterator[Any]:
        """As a store's."""
        for number, found in enumerate(self._store.counters(prefix)):
            if number == 2 and self._times:
                self._times -= 1
                raise self._error
            yield found


@pytest.mark.parametrize(
    ("error", "times", "status"),
    [
        (StoreUnavailable("refused"), 1, 503),
        (StoreTimeout("no answer"), 1000, 503),
        (StoreTimeout("no answer"), 3, 200),
    ],
)
def test_a_listing_that_breaks_half_way(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, error: StoreError, times: int, status: int
) -> None:
    """Is never shown by half: it is a 503, or read again when the store only was not ready in time."""
    client = serve("metrics")
    store = wiring.state_store().store
    field = json.dumps(["requests_total", "gcs", "/logs/gcs", "200"], separators=(",", ":"))
    for shard in range(8):
        store.increment(f"metrics/1/gcs/{shard}", {field: 1})
    monkeypatch.setattr(wiring.state_store(), "store", Breaking(store, error, times))
    answer = client.get("/metrics", headers=bearer("metrics"))

    assert answer.status_code == status
    assert status == 503 or 'route="/logs/gcs",status="200"} 8.0' in answer.text


def test_a_directory_that_cannot_be_written_fails_nothing(serve: Serve, tmp_path: Path) -> None:
    """The logs are answered; the counts stay in the process."""
    client = serve("gcs", LOCAL_DATA_DIR="/proc/nothing")
    answers = [client.get("/logs/gcs", headers=bearer()).status_code for _ in range(3)]
    wiring._folder("gcs", os.getpid()).fold_all()

    assert answers == [200, 200, 200]
    assert counted()["requests_total", "gcs", "/logs/gcs", "200"] == 3
    assert serve("metrics").get("/metrics", headers=bearer("metrics")).status_code == 503


def test_a_callers_words_are_never_a_label(serve: Serve) -> None:
    """Paths, methods, parameters and subjects that nobody declared make no series."""
    client = serve("gcs")
    for number in range(20):
        client.get(f"/made/up/{number}")
        client.open("/logs/gcs", method=f"METHOD{number}")
        client.get(f"/logs/gcs?made-up-{number}=1", headers=bearer())
        client.get("/logs/gcs", headers={"Authorization": f"Bearer made.up.{number}"})

    requests = {name: amount for name, amount in counted().items() if name[0] == "requests_total"}
    assert requests == {
        ("requests_total", "gcs", "other", "404"): 20,
        ("requests_total", "gcs", "/logs/gcs", "405"): 20,
        ("requests_total", "gcs", "/logs/gcs", "400"): 20,
        ("requests_total", "gcs", "/logs/gcs", "401"): 20,
    }
    assert not [name for name in counted() if re.search("made|METHOD", "".join(name))]


def test_a_request_is_counted_with_what_it_read(serve: Serve, tmp_path: Path) -> None:
    """Objects, bytes and calls by source; refusals of tokens by reason; one cold start."""
    path = tmp_path / "gcs" / "logs-bucket" / "trades" / "2026" / "11" / "20" / "stock_trader" / "one.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text('{"timestamp": "2026-11-20T04:31:07Z", "message": "hello"}\n')
    client = serve("gcs")
    window = "start=2026-11-20T00:00:00Z&end=2026-11-21T00:00:00Z"
    assert len(client.get(f"/logs/gcs?{window}", headers=bearer()).json["entries"]) == 1
    client.get("/logs/gcs")

    found = counted()
    assert found["scanned_objects_total", "gcs"] == 1
    assert found["scanned_bytes_total", "gcs"] >= path.stat().st_size
    assert found["upstream_calls_total", "gcs"] >= 1
    assert found["auth_failures_total", "missing_token"] == 1
    assert found["cold_starts_total", "gcs"] == 1
    assert (
        sum(n for name, n in found.items() if name[0] == "request_duration_seconds" and name[-1] != "sum")
        == 2
    )


def test_the_answer_says_where_the_time_went(serve: Serve) -> None:
    """Server-Timing: the whole, and the source where one was read."""
    client = serve("gcs")
    read = client.get("/logs/gcs", headers=bearer() | {"Cache-Control": "no-cache"})
    refused = client.get("/logs/gcs")

    assert re.fullmatch(r"total;dur=\d+\.\d, gcs;dur=\d+\.\d", read.headers["Server-Timing"])
    assert re.fullmatch(r"total;dur=\d+\.\d", refused.headers["Server-Timing"])


def test_a_request_is_one_structured_line(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """Route, status, duration, cache, scanned, what is left of the budget, and the trace in its project."""
    client = serve("pods", GOOGLE_CLOUD_PROJECT="proj-1")
    headers = bearer() | {"traceparent": TRACEPARENT, "X-Request-ID": "r-1"}
    client.get("/logs/pods?timeout=5", headers=headers)

    told = line(capsys.readouterr().out)
    assert (told["route"], told["status"], told["request_id"]) == ("/logs/pods", 200, "r-1")
    assert told["cache"] in {"miss", "bypass"}
    assert set(told["scanned"]) == {"objects", "bytes", "documents", "api_calls"}
    assert 0 < told["budget_left_s"] <= 5
    assert told["elapsed_ms"] > 0
    assert told["logging.googleapis.com/trace"] == f"projects/proj-1/traces/{TRACE}"


@pytest.mark.parametrize(
    "header",
    ["", "nonsense", TRACEPARENT.upper(), f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{TRACE}-{'0' * 16}-01"],
)
def test_what_is_no_trace_is_not_continued(
    serve: Serve, capsys: pytest.CaptureFixture[str], header: str
) -> None:
    """By the rules of W3C's Trace Context."""
    serve("health").get("/health", headers={"traceparent": header})

    assert "logging.googleapis.com/trace" not in line(capsys.readouterr().out)


def test_a_trace_is_continued_upstream() -> None:
    """The same trace and flags, a parent id of our own each time; nothing outside of a trace."""
    log.continue_trace(TRACEPARENT)
    sent = [log.traceparent(), log.traceparent()]
    log.continue_trace("")

    assert all(re.fullmatch(rf"00-{TRACE}-(?!b7ad6b7169203331)[0-9a-f]{{16}}-01", one) for one in sent)
    assert sent[0] != sent[1]
    assert log.traceparent() == ""


def test_counts_reach_the_store_at_a_requests_end(serve: Serve, tmp_path: Path) -> None:
    """Through the door: what is due is folded by the request that finds it due."""
    client = serve("health")
    client.get("/health")
    wiring._folder("health", os.getpid())._due = 0.0
    client.get("/health")
    with sqlite3.connect(tmp_path / "state.db") as db:
        ((sums,),) = db.execute("SELECT sums FROM counter").fetchall()
    db.close()

    assert json.loads(sums)['["requests_total","health","/health","200"]'] == 2
