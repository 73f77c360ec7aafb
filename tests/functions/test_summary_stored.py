"""Stored summaries: listed newest first, in pages that are the list, with their deliveries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve, bearer
from tests.functions.summary_world import (
    day_of,
    made,
)
from tests.servers.hooks_server import HooksServer, hooks_server


@pytest.fixture
def hooks() -> Iterator[HooksServer]:
    """A receiver of summaries."""
    with hooks_server() as server:
        yield server


def test_a_summary_that_is_not_to_be_stored_is_not(serve: Serve, tmp_path: Path) -> None:
    """`store: false`: answered, and neither listed nor found; stored later, it is both."""
    day_of(serve, tmp_path)
    client = serve("summary")
    answered = made(client, {"store": False})

    assert client.get(f"/logs/summary/{answered['id']}", headers=bearer()).status_code == 404
    assert client.get("/logs/summary", headers=bearer()).json["summaries"] == []
    again = made(client)
    assert (again["id"], again["cache"]) == (answered["id"], "hit")
    assert client.get(f"/logs/summary/{again['id']}", headers=bearer()).status_code == 200


def test_the_list_is_newest_first_and_its_pages_are_the_list(serve: Serve, tmp_path: Path) -> None:
    """Seven summaries in pages of two and three: nothing twice, nothing missing, the last page says so."""
    day_of(serve, tmp_path)
    client = serve("summary")
    ids = [made(client, {"q": f"margin for TCS: required 50{n:02}"})["id"] for n in range(7)]

    whole = client.get("/logs/summary", headers=bearer()).json

    assert [one["id"] for one in whole["summaries"]] == ids[::-1]
    assert whole["next_page_token"] is None
    assert set(whole["summaries"][0]) == {"id", "created", "type", "window", "headline", "generator"}
    for size in (1, 2, 3, 7):
        found: list[Any] = []
        token_: str | None = ""
        wanted = f"/logs/summary?page_size={size}"
        while token_ is not None:
            page = client.get(f"{wanted}&page_token={token_}", headers=bearer()).json
            assert len(page["summaries"]) <= size
            found += page["summaries"]
            token_ = page["next_page_token"]
        assert found == whole["summaries"]


def test_a_page_goes_on_while_new_ones_are_made(serve: Serve, tmp_path: Path) -> None:
    """What is new stands before what was seen: the second page is what it was."""
    day_of(serve, tmp_path)
    client = serve("summary")
    ids = [made(client, {"q": f"required 50{n:02}"})["id"] for n in range(4)]
    first = client.get("/logs/summary?page_size=2", headers=bearer()).json
    made(client, {"q": "required 5030"})

    second = client.get(
        f"/logs/summary?page_size=2&page_token={first['next_page_token']}", headers=bearer()
    ).json

    assert [one["id"] for one in first["summaries"] + second["summaries"]] == ids[::-1]


@pytest.mark.parametrize("query", ["page_size=0", "page_token=abc", "limit=5", "type=errors", "timeout=-1"])
def test_the_list_takes_paging_and_no_more(serve: Serve, query: str) -> None:
    """400, naming the parameter; a page size over 100 is 100."""
    client = serve("summary")
    answer = client.get(f"/logs/summary?{query}", headers=bearer())

    assert answer.status_code == 400
    assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]
    assert client.get("/logs/summary?page_size=5000", headers=bearer()).status_code == 200
    assert client.get("/logs/summary/abc?x=1", headers=bearer()).status_code == 400


@pytest.mark.parametrize("name", ["made", "making", "..", "%2e%2e", "a%2Fb", "x" * 65, "ä", "a b", "*"])
def test_a_name_that_is_no_id_is_not_found(serve: Serve, tmp_path: Path, name: str) -> None:
    """404, whatever else the store holds under names that begin alike."""
    day_of(serve, tmp_path)
    client = serve("summary")
    made(client)

    assert client.get(f"/logs/summary/{name}", headers=bearer()).status_code == 404


def test_a_stored_summary_tells_how_its_deliveries_stand(
    serve: Serve, tmp_path: Path, hooks: HooksServer
) -> None:
    """Delivered once, however often it is asked for; anyone who may read it sees that."""
    day_of(serve, tmp_path)
    client = serve(
        "summary",
        SUMMARY_WEBHOOK_URL=hooks.url("/in"),
        WEBHOOK_SIGNING_KEY="a-signing-key-for-tests-0123456789",
    )
    summaries = [made(client, {"deliver": ["webhook"]}) for _ in range(3)]
    stored = client.get(f"/logs/summary/{summaries[0]['id']}", headers=bearer()).json

    told = [{"target": "webhook", "state": "delivered", "attempts": 1}]
    assert [one["deliveries"] for one in [*summaries, stored]] == [told] * 4
    (received,) = hooks.received("/in")
    assert received.json["id"] == summaries[0]["id"]
