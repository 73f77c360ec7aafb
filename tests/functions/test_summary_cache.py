"""One summary a content: the same question is answered from before, another never; a store or none."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from shared import wiring
from shared.summary import service as service_module
from tests.conftest import Serve, bearer
from tests.functions.mirror import UPDATED, place
from tests.functions.summary_world import (
    DAY,
    MODEL,
    TRADES,
    by,
    day_of,
    made,
    truthful,
)
from tests.servers.black_hole import BlackHole
from tests.servers.hooks_server import HooksServer
from tests.servers.model_server import ModelServer, Says


def test_the_same_question_is_one_summary_for_all_who_may_ask_it(client: Any, model: ModelServer) -> None:
    """Without any key: equal content is a hit, for another caller too; no model is asked again."""
    first = made(client)
    other = client.post("/logs/summary", json=DAY, headers=by("analyst", "somebody-else")).json
    admin = made(client, role="admin")

    assert [one["cache"] for one in (first, other, admin)] == ["miss", "hit", "hit"]
    assert first == other | {"cache": "miss"} == admin | {"cache": "miss"}
    assert len(model.journal) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"type": "errors"},
        {"max_tokens": 4001},
        {"sources": ["gcs", "firestore"]},
        {"end": "2026-01-15T23:00:00Z"},
        {"min_severity": "INFO"},
        {"bot": ["stock_trader", "options_trader"]},
        {"exclude": "nothing like it"},
    ],
)
def test_another_question_is_another_summary(client: Any, model: ModelServer, body: Any) -> None:
    """Type, budget, sources, window and filters are all part of it, even where the entries are the same."""
    one, two = made(client), made(client, body)

    assert (two["cache"], len(model.journal)) == ("miss", 2)
    assert one["id"] != two["id"]


def test_another_policy_is_another_summary(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    """Of two callers of unlike policies neither gets what was made for the other."""
    day_of(serve, tmp_path)
    client = serve(
        "summary", ACCESS_POLICY='{"analyst": {"bots": ["stock_trader", "options_trader"]}}', **settings
    )
    found = [made(client, role="admin"), made(client, role="analyst"), made(client, role="scheduler")]

    assert found[0]["id"] == found[2]["id"] != found[1]["id"]
    assert [one["cache"] for one in found] == ["miss", "miss", "hit"]


def test_new_entries_are_another_summary(client: Any, tmp_path: Path, model: ModelServer) -> None:
    """The id stands for what was read: one more entry, and the old summary is not answered."""
    first = made(client)
    path = next((tmp_path / "pods").rglob("*.jsonl"))
    line = json.loads(path.read_text().splitlines()[0]) | {"insertId": "new-1"}
    path.write_text(path.read_text() + json.dumps(line) + "\n")
    second = made(client)

    assert (second["cache"], second["coverage"]["matched"]) == ("miss", 74)
    assert second["id"] != first["id"]


def test_a_document_that_was_changed_is_another_summary(client: Any, tmp_path: Path) -> None:
    """The same id and time, another figure in the text: what was said of the old one is not answered."""
    fields = {"error_message": "Loss of 100 rupees", "timestamp": "2026-01-15T05:00:00Z"}
    place(tmp_path / "firestore" / f"{TRADES}/e1.json", json.dumps(fields).encode(), UPDATED)
    first = made(client, {"sources": ["firestore"], "min_severity": "ERROR"})
    fields["error_message"] = "Loss of 999 rupees"
    place(tmp_path / "firestore" / f"{TRADES}/e1.json", json.dumps(fields).encode(), UPDATED)
    second = made(client, {"sources": ["firestore"], "min_severity": "ERROR"})

    assert "100" in first["findings"][0]["quote"]
    assert "999" in second["findings"][0]["quote"]
    assert second["cache"] == "miss"


def test_a_maker_that_died_is_waited_for_no_longer_than_there_is_time(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody seems to make this very summary and never ends: it is made all the same, in time."""
    first = made(client, {"store": False})
    store = wiring.state_store()
    store.delete(f"summary/made/{first['id']}")
    store.create(f"summary/making/{first['id']}", b"1", 60.0)
    monkeypatch.setattr(service_module, "TOTAL_S", 10.0)
    began = time.monotonic()
    again = made(client, {"store": False})

    assert (again["id"], again["cache"]) == (first["id"], "miss")
    assert 1.0 < time.monotonic() - began < 6.0


def test_settings_of_the_model_are_part_of_a_summary(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    """What another model wrote is not answered under the name of this one."""
    day_of(serve, tmp_path)
    made(serve("summary", **settings))
    other = made(serve("summary", OPENAI_MODEL="gpt-4.1-mini", **settings))

    assert (other["generator"], other["cache"]) == ("gpt-4.1-mini", "miss")
    assert len(model.journal) == 2


def test_a_state_store_that_is_down_fails_nothing(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer, hooks: HooksServer
) -> None:
    """The same page, delivered, with and without a key; it says that the cache was passed by."""
    day_of(serve, tmp_path)
    (tmp_path / "state.db").mkdir()
    client = serve("summary", **settings)
    one = made(client, {"deliver": ["webhook"]}, Idempotency_Key="k-1")
    two = made(client, {"type": "errors"})

    assert [summary["cache"] for summary in (one, two)] == ["bypass", "bypass"]
    assert [summary["generator"] for summary in (one, two)] == [MODEL, MODEL]
    assert one["deliveries"] == [{"target": "webhook", "state": "delivered", "attempts": 1}]
    assert client.get("/logs/summary", headers=bearer()).json["summaries"] == []
    assert client.get(f"/logs/summary/{one['id']}", headers=bearer()).status_code == 404


@pytest.mark.parametrize("kind", ["refusing", "silent"])
def test_a_store_that_refuses_or_says_nothing_makes_nobody_late(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer, kind: str
) -> None:
    """Redis is gone, or swallows everything: the page is there within seconds, by the model."""
    day_of(serve, tmp_path)
    with BlackHole() as hole:
        host = hole.host if kind == "silent" else "127.0.0.1:1"
        client = serve("summary", REDIS_URL=f"redis://{host}/0", **settings)
        began = time.monotonic()
        summary = made(client, {"deliver": ["webhook"]}, Idempotency_Key="k-1")
        elapsed_s = time.monotonic() - began

    assert (summary["generator"], summary["cache"]) == (MODEL, "bypass")
    assert elapsed_s < 8


def test_the_spending_limit_holds_without_a_store(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    """Each instance counts for itself then: a limit that allows one call allows one."""
    day_of(serve, tmp_path)
    (tmp_path / "state.db").mkdir()
    model.behave(Says(truthful, usage=(4000, 900)))
    client = serve("summary", SUMMARY_DAILY_USD="0.0015", **settings)
    found = [made(client, {"type": kind})["generator"] for kind in ("errors", "trends", "trading")]

    assert found == [MODEL, "rules", "rules"]
    assert len(model.journal) == 1
