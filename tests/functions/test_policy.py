"""What a policy narrows cannot be seen, counted, listed or asked for."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve, bearer
from tests.contract.shelves import SHELVES, Event, LocalFirestore, LocalGcs, LocalPods, Shelf

AT = 1_795_176_000 * 10**9
WINDOW = "start=2026-11-20T00:00:00Z&end=2026-11-21T00:00:00Z"


@pytest.fixture
def filled(tmp_path: Path) -> None:
    """Two bots in all three stores."""
    for shelf in (LocalGcs(tmp_path), LocalFirestore(tmp_path), LocalPods(tmp_path)):
        shelf.put([Event(AT, message="mine"), Event(AT, message="theirs", bot="options_trader")])


def policy(**grant: Any) -> dict[str, str]:
    """The setting that narrows viewers."""
    return {"ACCESS_POLICY": json.dumps({"viewer": grant})}


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("function", ["gcs", "firestore", "pods"])
def test_only_the_bots_of_the_policy_are_seen(serve: Serve, function: str) -> None:
    """Other bots' entries are not there, in any format or count."""
    client = serve(function, **policy(bots=["stock_trader"]))

    answer = client.get(f"/logs/{function}?{WINDOW}", headers=bearer())

    assert [entry["message"] for entry in answer.json["entries"]] == ["mine"]
    assert answer.json["meta"]["returned"] == 1


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("function", "grant", "parameters"),
    [
        ("gcs", {"bots": ["stock_trader"]}, "bot=options_trader"),
        ("gcs", {"bots": ["stock_trader"]}, "bot=stock_trader&bot=options_trader"),
        ("gcs", {"prefixes": ["trades/2026/"]}, "prefix=reflections/"),
        ("gcs", {"prefixes": ["trades/2026/"]}, "prefix=trades/"),
        ("gcs", {"sources": ["pods"]}, ""),
        ("firestore", {"collections": ["gpt_runner_trades"]}, "collection=gpt_runner_reflections"),
        ("pods", {"namespaces": ["other"]}, "namespace=gpt"),
        ("pods", {"bots": ["stock_trader"]}, "bot=options_trader&page_size=0"),
    ],
)
def test_asking_for_what_lies_outside_is_forbidden(
    serve: Serve, function: str, grant: dict[str, Any], parameters: str
) -> None:
    """403 comes before any other fault of the parameters, and its body is the same for all."""
    answer = serve(function, **policy(**grant)).get(f"/logs/{function}?{parameters}", headers=bearer())

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert answer.json["detail"] == "Your role does not allow this."


@pytest.mark.usefixtures("filled")
def test_an_admin_is_not_narrowed_by_the_viewers_policy(serve: Serve) -> None:
    """Each role has its own row, and several roles have the union."""
    client = serve("gcs", **policy(bots=["stock_trader"]))

    answer = client.get(f"/logs/gcs?{WINDOW}", headers=bearer("admin"))

    assert answer.json["meta"]["returned"] == 2


@pytest.mark.usefixtures("filled")
def test_listings_show_only_what_may_be_read(serve: Serve) -> None:
    """Names are as narrow as contents."""
    settings = policy(bots=["stock_trader"])

    objects = serve("gcs", **settings).get(f"/logs/gcs/objects?{WINDOW}", headers=bearer())
    pods = serve("pods", **settings).get(f"/logs/pods/names?{WINDOW}", headers=bearer())
    collections = serve("firestore", **settings).get(
        f"/logs/firestore/collections?{WINDOW}", headers=bearer()
    )

    assert ["stock_trader" in item["name"] for item in objects.json["objects"]] == [True]
    assert [item["container"] for item in pods.json["pods"]] == ["stock-trader"]
    assert {bot for item in collections.json["collections"] for bot in item["bots"]} == {"stock_trader"}


@pytest.mark.usefixtures("filled")
def test_raw_objects_and_documents_need_the_bot_in_their_path(serve: Serve) -> None:
    """Forbidden has the same answer whether or not the thing exists."""
    settings = policy(bots=["stock_trader"])
    mine = "/logs/gcs/object?name=trades/2026/11/20/stock_trader/system_logs_v1.jsonl"
    theirs = "/logs/gcs/object?name=trades/2026/11/20/options_trader/system_logs_v1.jsonl"
    nothing = "/logs/gcs/object?name=trades/2026/11/20/options_trader/nothing.jsonl"
    client = serve("gcs", **settings)

    assert client.get(mine, headers=bearer()).status_code == 200
    refused, missing = client.get(theirs, headers=bearer()), client.get(nothing, headers=bearer())
    assert refused.status_code == missing.status_code == 403
    assert {**refused.json, "request_id": ""} == {**missing.json, "request_id": ""}
    document = "/logs/firestore/document?path=gpt_runner_trades/options_trader/2026-11-20/doc00002"
    assert serve("firestore", **settings).get(document, headers=bearer()).status_code == 403


@pytest.mark.parametrize(
    "value",
    [
        "[]",
        "{",
        '{"viewer": []}',
        '{"nobody": {}}',
        '{"viewer": {"bot": ["x"]}}',
        '{"viewer": {"bots": true}}',
        '{"viewer": {"redact": ["yes"]}}',
    ],
)
def test_a_wrong_policy_stops_the_start(serve: Serve, value: str) -> None:
    """A policy that is not understood must not be taken for no policy."""
    with pytest.raises(SystemExit, match="ACCESS_POLICY"):
        serve("gcs", ACCESS_POLICY=value)


SECRET_LINE = "login with password=" + "hunter2hunter2" + " done"


@pytest.mark.parametrize("function", ["gcs", "firestore", "pods"])
def test_viewers_cannot_guess_a_secret_through_a_filter(serve: Serve, tmp_path: Path, function: str) -> None:
    """Filters and counts of a redacted caller see only the redacted text; an admin's see all."""
    shelf: Shelf = SHELVES[f"{function}-local"](tmp_path)
    shelf.put([Event(AT, message=SECRET_LINE, extra={"data": {"api_key": "abcd1234efgh"}})])
    client = serve(function)

    for guess in ("q=hunter2", "regex=hunter.", "q=abcd1234", "label.message=login", "exclude=done"):
        seen = client.get(f"/logs/{function}?{WINDOW}&{guess}", headers=bearer()).json["meta"]["returned"]
        assert seen == 0, guess
    (entry,) = client.get(f"/logs/{function}?{WINDOW}&exclude=hunter", headers=bearer()).json["entries"]
    assert "hunter2" not in json.dumps(entry)
    assert "abcd1234" not in json.dumps(entry)
    assert "[PASSWORD:" in entry["message"]
    full = client.get(f"/logs/{function}?{WINDOW}&q=hunter2", headers=bearer("admin"))
    assert full.json["entries"][0]["message"] == SECRET_LINE


def test_what_stands_in_a_placeholder_is_found_there(serve: Serve, tmp_path: Path) -> None:
    """A viewer may ask for the placeholders that they were shown."""
    shelf = LocalGcs(tmp_path)
    shelf.put([Event(AT, message=SECRET_LINE), Event(AT, message="nothing here")])
    client = serve("gcs")
    (entry,) = client.get(f"/logs/gcs?{WINDOW}&q=login", headers=bearer()).json["entries"]
    placeholder = entry["message"].split("=")[1].split()[0]

    for wanted in (
        placeholder,
        placeholder[1:-1].lower(),
        "password:",
        placeholder[-7:-1],
        "[pass",
        "] done",
    ):
        assert client.get(f"/logs/gcs?{WINDOW}&q={wanted}", headers=bearer()).json["meta"]["returned"] == 1, (
            wanted
        )
