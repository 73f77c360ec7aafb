"""The cache through the front door: the same answers, sooner, and never another caller's."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from shared import wiring
from tests.conftest import Serve, bearer
from tests.contract.shelves import SHELVES, Event, LocalGcs, LocalPods
from tests.servers.black_hole import BlackHole

AT = 1_795_176_000 * 10**9
SETTLED = "start=2026-11-20T00:00:00Z&end=2026-11-21T00:00:00Z"


def how(answer: Any) -> str:
    """How an answer was come by."""
    return str(answer.json["meta"]["sources"][0]["cache"])


@pytest.mark.parametrize("function", ["gcs", "firestore", "pods"])
def test_the_second_equal_question_is_a_hit(serve: Serve, tmp_path: Path, function: str) -> None:
    """Equal but for the word that says so, whatever the parameters' order."""
    SHELVES[f"{function}-local"](tmp_path).put([Event(AT, message="one"), Event(AT + 1000, message="two")])
    client = serve(function)

    first = client.get(f"/logs/{function}?{SETTLED}&page_size=1&bot=stock_trader", headers=bearer())
    second = client.get(f"/logs/{function}?bot=stock_trader&page_size=1&{SETTLED}", headers=bearer())

    assert (how(first), how(second)) == ("miss", "hit")
    assert first.json["entries"] == second.json["entries"] != []
    assert first.json["next_page_token"] is not None
    assert first.headers["ETag"] == second.headers["ETag"]


def test_roles_never_share_an_answer(serve: Serve, tmp_path: Path) -> None:
    """What an admin was told is not what a viewer gets, nor one whose policy is narrower."""
    secret = "password=" + "hunter2hunter2"
    LocalGcs(tmp_path).put([Event(AT, message=secret)])
    client = serve("gcs")

    admin = client.get(f"/logs/gcs?{SETTLED}", headers=bearer("admin"))
    viewer = client.get(f"/logs/gcs?{SETTLED}", headers=bearer())
    narrowed = serve("gcs", ACCESS_POLICY=json.dumps({"viewer": {"bots": ["options_trader"]}}))
    nothing = narrowed.get(f"/logs/gcs?{SETTLED}", headers=bearer())

    assert [how(answer) for answer in (admin, viewer, nothing)] == ["miss"] * 3
    assert "hunter2" in admin.text
    assert "hunter2" not in viewer.text
    assert nothing.json["entries"] == []


def test_a_rewritten_object_is_a_miss_at_once(serve: Serve, tmp_path: Path) -> None:
    """The listing's generations are part of the answer, also in a window that settled long ago."""
    LocalGcs(tmp_path).put([Event(AT, message="before")])
    client = serve("gcs")
    client.get(f"/logs/gcs?{SETTLED}", headers=bearer())
    (path,) = (tmp_path / "gcs").rglob("*.jsonl")
    path.write_text(path.read_text().replace("before", "after"))
    os.utime(path, ns=(AT + 10**9, AT + 10**9))

    answer = client.get(f"/logs/gcs?{SETTLED}", headers=bearer())

    assert how(answer) == "miss"
    assert [entry["message"] for entry in answer.json["entries"]] == ["after"]


def test_who_has_the_answer_is_told_that_it_holds(serve: Serve, tmp_path: Path) -> None:
    """If-None-Match with the tag is 304 without a body; with another one it is the answer."""
    LocalPods(tmp_path).put([Event(AT)])
    client = serve("pods")
    tag = client.get(f"/logs/pods?{SETTLED}", headers=bearer()).headers["ETag"]

    same = client.get(f"/logs/pods?{SETTLED}", headers=bearer() | {"If-None-Match": tag})
    other = client.get(f"/logs/pods?{SETTLED}", headers=bearer() | {"If-None-Match": 'W/"other"'})

    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
    assert other.status_code == 200


def test_a_caller_may_pass_the_cache_by(serve: Serve, tmp_path: Path) -> None:
    """`Cache-Control: no-cache` reads, whatever is kept."""
    LocalPods(tmp_path).put([Event(AT, message="old")])
    client = serve("pods")
    client.get(f"/logs/pods?{SETTLED}", headers=bearer())
    LocalPods(tmp_path).put([Event(AT, message="new")])

    kept = client.get(f"/logs/pods?{SETTLED}", headers=bearer())
    read = client.get(f"/logs/pods?{SETTLED}", headers=bearer() | {"Cache-Control": "no-cache"})

    assert (how(kept), len(kept.json["entries"])) == ("hit", 1)
    assert (how(read), len(read.json["entries"])) == ("bypass", 2)


def test_fifty_equal_questions_read_once(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, on one instance: one reading of the source."""
    LocalPods(tmp_path).put(Event(AT + n, message=str(n)) for n in range(50))
    client = serve("pods")
    source = wiring.pods_source()
    real, reads = source.read, []

    def counted(*args: Any) -> Any:
        reads.append(1)
        threading.Event().wait(0.2)
        return real(*args)

    monkeypatch.setattr(source, "read", counted)
    answers: list[Any] = []
    headers = bearer()
    application = client.application
    threads = [
        threading.Thread(
            target=lambda: answers.append(
                application.test_client().get(f"/logs/pods?{SETTLED}", headers=headers)
            )
        )
        for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(reads) == 1
    assert {answer.status_code for answer in answers} == {200}
    assert len({json.dumps(answer.json["entries"]) for answer in answers}) == 1


def test_a_directory_that_cannot_be_written_is_no_matter(serve: Serve, tmp_path: Path) -> None:
    """The store is down: the same answer, and it says that the cache was passed by."""
    LocalPods(tmp_path).put([Event(AT)])
    (tmp_path / "state.db").mkdir()

    answer = serve("pods").get(f"/logs/pods?{SETTLED}", headers=bearer())

    assert (answer.status_code, how(answer), len(answer.json["entries"])) == (200, "bypass", 1)


@pytest.mark.parametrize("kind", ["refusing", "silent"])
def test_a_store_that_is_down_or_silent_makes_nothing_late(serve: Serve, tmp_path: Path, kind: str) -> None:
    """The same answer, passed by the cache, well within the request's budget; so is the next."""
    LocalPods(tmp_path).put([Event(AT)])
    with BlackHole() as hole:
        host = hole.host if kind == "silent" else "127.0.0.1:1"
        client = serve("pods", REDIS_URL=f"redis://{host}/0", RATE_LIMIT="300/min")
        began = time.monotonic()
        answers = [
            client.get(f"/logs/pods?{SETTLED}&page_size={size}", headers=bearer()) for size in (5, 6, 7, 8)
        ]
        elapsed_s = time.monotonic() - began

    assert [(answer.status_code, how(answer)) for answer in answers] == [(200, "bypass")] * 4
    assert all(len(answer.json["entries"]) == 1 for answer in answers)
    assert elapsed_s < 5
