"""One run for each key and one summary for each content: repeated, at once, from elsewhere, after a crash."""

import json
import os
import signal
import sqlite3
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.summary import service as service_module
from shared.summary.made import MadeSummaries
from tests.conftest import Serve, bearer
from tests.functions.mirror import jsonl
from tests.functions.summary_world import (
    DAY,
    MODEL,
    AtOnce,
    ask,
    by,
    codes,
    counted,
    day_of,
    made,
    record,
    truthful,
)
from tests.metrics.served import Served
from tests.servers.hooks_server import HooksServer
from tests.servers.model_server import ModelServer, Says, model_server

JOB = {
    "X_CloudScheduler_JobName": "nightly",
    "X_CloudScheduler_ScheduleTime": "2026-01-15T12:00:00Z",
}


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model that tells the truth, after a moment in which others may ask."""
    with model_server() as server:
        server.behave(Says(truthful, after_s=0.3))
        yield server


def expire_leases(root: Path) -> None:
    """As if their time had passed."""
    with closing(sqlite3.connect(root / "state.db")) as db, db:
        _forget(db, "once/lease/")
        _forget(db, "summary/making/")


def _forget(db: sqlite3.Connection, prefix: str) -> None:
    gone = db.execute(
        "DELETE FROM value WHERE key >= ? AND key < ?", (prefix.encode(), prefix.encode() + b"\xff")
    )
    assert gone.rowcount > 0, prefix


def post(url: str, body: Any, headers: dict[str, str]) -> Any:
    """A request over the wire."""
    sent = urllib.request.Request(
        f"{url}/logs/summary",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"} | headers,
    )
    with urllib.request.urlopen(sent, timeout=60) as answer:
        return json.load(answer)


def test_the_same_key_five_times_at_once_is_one_run(
    client: Any, model: ModelServer, hooks: HooksServer
) -> None:
    """One call of the model, one delivery, one id for all five, whoever came first."""
    app = client.application

    def call() -> Any:
        headers = bearer("analyst") | {"Idempotency-Key": "k-1"}
        return app.test_client().post("/logs/summary", json=DAY | {"deliver": ["webhook"]}, headers=headers)

    answers = AtOnce([call] * 5).run()

    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sorted(answer.json["cache"] for answer in answers) == ["hit"] * 4 + ["miss"]
    assert {answer.json["deliveries"][0]["state"] for answer in answers} == {"delivered"}
    assert (len(model.journal), len(hooks.received("/in"))) == (1, 1)


def test_the_same_key_at_two_instances_is_one_run(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer, hooks: HooksServer
) -> None:
    """Two processes that share a state store: five requests, one call of the model, one delivery."""
    day_of(serve, tmp_path)
    settings |= {"LOCAL_DATA_DIR": str(tmp_path)}
    headers = bearer("scheduler") | {"Idempotency-Key": "k-1"}
    body = DAY | {"deliver": ["webhook"]}
    with Served("summary", **settings) as one, Served("summary", **settings) as two:
        urls = [one.url, two.url, one.url, two.url, one.url]
        found = AtOnce([partial(post, url, body, headers) for url in urls]).run()

    assert len({summary["id"] for summary in found}) == 1
    assert len(found) == 5
    assert (len(model.journal), len(hooks.received("/in"))) == (1, 1)


def test_a_key_gives_its_answer_for_a_day_whatever_happens_to_the_logs(
    client: Any, tmp_path: Path, model: ModelServer
) -> None:
    """Also when nothing was stored, and when the model failed: what was answered stays the answer."""
    model.behave(Says(status=400))
    first = made(client, {"store": False}, Idempotency_Key="k-1")
    model.behave(Says(truthful))
    path = next((tmp_path / "gcs").rglob("system_logs*"))
    path.write_bytes(jsonl([record(1, "The exchange is closed")]))
    with closing(sqlite3.connect(tmp_path / "state.db")) as db, db:
        _forget(db, "summary/made/")

    again = made(client, {"store": False}, Idempotency_Key="k-1")

    assert (first["generator"], first["cache"], again["cache"]) == ("rules", "miss", "hit")
    assert again == first | {"cache": "hit"}


def test_another_body_under_the_same_key_is_refused(client: Any) -> None:
    """422; the same body in other words of JSON is the same body."""
    made(client, {"type": "errors"}, Idempotency_Key="k-1")

    refused = ask(client, {"type": "trends"}, Idempotency_Key="k-1")
    assert (refused.status_code, refused.json["code"]) == (422, "idempotency_key_reused")
    respelled = json.dumps(dict(reversed((DAY | {"type": "errors"}).items())), indent=4)
    headers = bearer("analyst") | {"Idempotency-Key": "k-1", "Content-Type": "application/json"}
    answer = client.post("/logs/summary", data=respelled, headers=headers)
    assert (answer.status_code, answer.json["cache"]) == (200, "hit")


def test_a_key_belongs_to_its_caller(client: Any) -> None:
    """Two callers with the same key do not meet: another body is no conflict."""
    made(client, {"type": "errors"}, Idempotency_Key="k-1")
    headers = by("analyst", "somebody-else") | {"Idempotency-Key": "k-1"}

    answer = client.post("/logs/summary", json=DAY | {"type": "trends"}, headers=headers)
    assert (answer.status_code, answer.json["type"], answer.json["cache"]) == (200, "trends", "miss")


def test_a_caller_who_may_see_less_by_now_is_not_answered_from_before(
    serve: Serve, tmp_path: Path, settings: dict[str, str]
) -> None:
    """The key's answer was made for another policy: it is made anew, for the one that holds."""
    day_of(serve, tmp_path)
    made(serve("summary", **settings), Idempotency_Key="k-1")
    narrow = serve("summary", ACCESS_POLICY='{"analyst": {"bots": ["options_trader"]}}', **settings)

    assert made(narrow, Idempotency_Key="k-1")["facts"]["by_bot"] == {"options_trader": 30}


def test_a_run_of_the_scheduler_is_known_by_its_planned_time(
    client: Any, model: ModelServer, hooks: HooksServer
) -> None:
    """Tried again it is the same run with the same window, though `now` has moved on."""
    body = {"since": "12h", "deliver": ["webhook"]}
    headers = {name.replace("_", "-"): value for name, value in JOB.items()} | bearer("scheduler")
    first = client.post("/logs/summary", json=body, headers=headers).json
    again = client.post("/logs/summary", json=body, headers=headers).json
    later = client.post(
        "/logs/summary",
        json=body,
        headers=headers | {"X-CloudScheduler-ScheduleTime": "2026-01-15T12:00:10Z"},
    ).json

    assert first["window"]["start"] == "2026-01-15T00:00:00.000000Z"
    assert first["window"]["end"] == "2026-01-15T12:00:00.000000Z"
    assert first["facts"]["entries"] == 73
    assert (again["id"], again["cache"]) == (first["id"], "hit")
    assert later["id"] != first["id"]
    assert (len(model.journal), len(hooks.received("/in"))) == (2, 2)


@pytest.mark.parametrize(
    "planned",
    ["yesterday", "2026-01-15", "2026-01-15T12:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"],
)
def test_a_planned_time_that_is_none_is_refused(client: Any, planned: str) -> None:
    """400, naming the header; never a 500."""
    answer = client.post(
        "/logs/summary",
        json={"since": "1h"},
        headers=bearer("scheduler") | {"X-CloudScheduler-ScheduleTime": planned},
    )

    assert answer.status_code == 400, answer.text
    assert answer.json["errors"][0]["parameter"] == "X-CloudScheduler-ScheduleTime"


def test_who_waits_too_long_is_told_to_come_back(
    client: Any, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """409 with Retry-After while the first still works on it; afterwards its answer is there."""
    monkeypatch.setattr(service_module, "TOTAL_S", 7.0)
    model.behave(Says(truthful, after_s=3.2))
    app, first = client.application, []
    headers = bearer("analyst") | {"Idempotency-Key": "k-1"}
    thread = threading.Thread(
        target=lambda: first.append(app.test_client().post("/logs/summary", json=DAY, headers=headers))
    )
    thread.start()
    wait_until(lambda: bool(model.journal))
    second = ask(client, Idempotency_Key="k-1")
    thread.join()
    third = ask(client, Idempotency_Key="k-1")

    assert (second.status_code, second.json["code"]) == (409, "in_progress")
    assert int(second.headers["Retry-After"]) > 0
    assert (first[0].status_code, first[0].json["generator"]) == (200, MODEL)
    assert (third.status_code, third.json["id"], third.json["cache"]) == (200, first[0].json["id"], "hit")


def wait_until(true: Callable[[], bool], within_s: float = 20.0) -> None:
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)


def test_a_killed_run_is_made_again_by_the_next_request(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer, hooks: HooksServer
) -> None:
    """The instance dies while the model writes: when its lease is over, one more call and one delivery."""
    day_of(serve, tmp_path)
    model.behave(Says(truthful, after_s=30), Says(truthful))
    body, headers = DAY | {"deliver": ["webhook"]}, bearer("analyst") | {"Idempotency-Key": "k-1"}
    with Served("summary", LOCAL_DATA_DIR=str(tmp_path), **settings) as served:
        thread = threading.Thread(target=lambda: _ignoring(lambda: post(served.url, body, headers)))
        thread.start()
        wait_until(lambda: bool(model.journal))
        assert served._process is not None
        os.killpg(served._process.pid, signal.SIGKILL)
        thread.join()
    expire_leases(tmp_path)

    summary = made(serve("summary", **settings), {"deliver": ["webhook"]}, Idempotency_Key="k-1")

    assert (summary["generator"], summary["cache"]) == (MODEL, "miss")
    assert (len(model.journal), len(hooks.received("/in"))) == (2, 1)


def _ignoring(call: Callable[[], Any]) -> None:
    try:
        call()
    except OSError:
        return


def test_a_run_that_keeps_dying_stops_paying(
    serve: Serve,
    tmp_path: Path,
    settings: dict[str, str],
    model: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four times broken between the model's answer and the store: two calls, and the rules end it."""
    day_of(serve, tmp_path)
    client = serve("summary", **settings)
    with monkeypatch.context() as patch:
        patch.setattr(MadeSummaries, "keep", _broken)
        statuses = [ask(client, Idempotency_Key="k-1").status_code for _ in range(4)]
    summary = made(client, Idempotency_Key="k-1")

    assert statuses == [500] * 4
    assert len(model.journal) == 2
    assert (summary["generator"], codes(summary)) == ("rules", {"gave_up"})
    assert counted("model_failures_total", "gave_up") == 3


def _broken(*_: Any, **__: Any) -> None:
    raise OSError("no store any more")
