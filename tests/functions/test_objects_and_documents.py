"""The raw routes: objects, one object, collections, one document, the names of pods, and the plan."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve, bearer
from tests.functions.mirror import ADMIN, EVERYTHING, GENERATION, Mirror, jsonl, place, stored_line, zipped

WINDOW = {name: EVERYTHING[name] for name in ("start", "end")}
STORED_AT = "2026-01-15T18:00:00.000000Z"
NAME = "trades/2026/01/15/stock_trader/a.jsonl.gz"
TEXT = jsonl([{"message": "Order placed ₹100"}]) * 10
SECRET_TEXT = b'{"message": "not for you"}'
TRADES = "gpt_runner_trades/stock_trader/2026-01-15"


def pages(client: Any, path: str, key: str, **parameters: str) -> list[dict[str, Any]]:
    """The items of every page of a listing."""
    items: list[dict[str, Any]] = []
    token: str | None = ""
    while token is not None:
        answer = client.get(path, query_string=WINDOW | parameters | {"page_token": token}, headers=ADMIN)
        assert answer.status_code == 200, answer.text
        items += answer.json[key]
        token = answer.json["next_page_token"]
    return items


def raw(client: Any, name: str, **parameters: str) -> Any:
    """The answer about one object's text."""
    return client.get("/logs/gcs/object", query_string={"name": name, **parameters}, headers=ADMIN)


def document(client: Any, path: str) -> Any:
    """The answer about one document."""
    return client.get("/logs/firestore/document", query_string={"path": path}, headers=ADMIN)


def test_objects_are_listed_with_their_metadata(serve: Serve, tmp_path: Path) -> None:
    """Name, size as stored, update time, generation, and the two headers of its content."""
    Mirror(tmp_path, serve).put(NAME, zipped(TEXT))

    (item,) = pages(serve("gcs"), "/logs/gcs/objects", "objects")

    assert {"content_type", "content_encoding"} <= set(item)
    assert {key: item[key] for key in ("name", "size", "updated", "generation")} == {
        "name": NAME,
        "size": len(zipped(TEXT)),
        "updated": STORED_AT,
        "generation": GENERATION,
    }


@pytest.mark.parametrize("page_size", ["1", "2", "3", "1000"])
def test_pages_of_objects_concatenate(serve: Serve, tmp_path: Path, page_size: str) -> None:
    """Whatever the page size, the listing is the same: nothing twice, nothing missing."""
    mirror = Mirror(tmp_path, serve)
    for day in (13, 14, 15):
        for bot in ("alpha", "beta"):
            updated = f"2026-01-{day}T18:00:00Z"
            mirror.put(f"trades/2026/01/{day}/{bot}/a.jsonl", TEXT, updated)
            mirror.put(f"reflections/{bot}/2026-01-{day}.json", TEXT, updated)
    client = serve("gcs")

    found = pages(client, "/logs/gcs/objects", "objects", page_size=page_size)

    assert len({item["name"] for item in found}) == len(found) == 12
    assert found == pages(client, "/logs/gcs/objects", "objects", page_size="1000")


def test_objects_lie_under_their_prefix_and_in_their_window(serve: Serve, tmp_path: Path) -> None:
    """`prefix` narrows, what no prefix of the settings covers is never listed."""
    mirror = Mirror(tmp_path, serve)
    for name in (NAME, "reflections/2026-01-15/r.json", "secrets/2026/01/15/s.json", "tradesmen/x.json"):
        mirror.put(name, TEXT)
    client = serve("gcs")

    narrowed = pages(client, "/logs/gcs/objects", "objects", prefix="trades/2026/")
    everything = pages(client, "/logs/gcs/objects", "objects")
    elsewhen = pages(
        client, "/logs/gcs/objects", "objects", start="2025-06-01T00:00:00Z", end="2025-06-02T00:00:00Z"
    )

    assert [item["name"] for item in narrowed] == [NAME]
    assert {item["name"] for item in everything} == {NAME, "reflections/2026-01-15/r.json"}
    assert elsewhen == []


def test_an_object_is_told_as_text(serve: Serve, tmp_path: Path) -> None:
    """Decompressed, whole, and never anything that a browser would run."""
    Mirror(tmp_path, serve).put(NAME, zipped(TEXT[:100]) + zipped(TEXT[100:]))

    answer = raw(serve("gcs"), NAME)

    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/plain", TEXT)
    assert answer.headers.get("X-Truncated") != "true"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("stored", "asked", "told"),
    [
        (2 << 20, None, 1 << 20),
        (1 << 20, None, 1 << 20),
        (17 << 20, "16777216", 16 << 20),
        (17 << 20, "999999999", 16 << 20),
        (100, "99", 99),
        (100, "100", 100),
        (100, "101", 100),
    ],
)
def test_an_object_is_cut_at_max_bytes(
    serve: Serve, tmp_path: Path, stored: int, asked: str | None, told: int
) -> None:
    """1 MiB unless asked otherwise, at most 16 MiB, and the header says when it was cut."""
    Mirror(tmp_path, serve).put(NAME, zipped(b"x" * stored))

    answer = raw(serve("gcs"), NAME, **({"max_bytes": asked} if asked else {}))

    assert (answer.status_code, len(answer.data)) == (200, told)
    assert (answer.headers.get("X-Truncated") == "true") is (told < stored)


def test_a_cut_never_splits_a_character(serve: Serve, tmp_path: Path) -> None:
    """The text is valid UTF-8 wherever it ends, and no longer than asked."""
    Mirror(tmp_path, serve).put(NAME, "₹₹₹".encode())
    client = serve("gcs")

    for max_bytes in range(1, 9):
        answer = raw(client, NAME, max_bytes=str(max_bytes))

        assert answer.data.decode("utf-8").strip("₹") in ("", "\N{REPLACEMENT CHARACTER}")
        assert answer.headers["X-Truncated"] == "true"


@pytest.mark.parametrize("max_bytes", ["0", "-1", "many", "1e6"])
def test_a_bad_max_bytes_is_named(serve: Serve, tmp_path: Path, max_bytes: str) -> None:
    """400 names the parameter."""
    answer = raw(serve("gcs"), NAME, max_bytes=max_bytes)

    assert (answer.status_code, answer.json["errors"][0]["parameter"]) == (400, "max_bytes")


@pytest.mark.parametrize("data", [zipped(TEXT * 500)[:-30], b"\x1f\x8b", b"\xff\xfe", b""])
def test_a_broken_object_is_told_as_far_as_it_goes(serve: Serve, tmp_path: Path, data: bytes) -> None:
    """Corrupt gzip and bytes that are no text are 200 with what could be read, in valid UTF-8."""
    Mirror(tmp_path, serve).put(NAME, data)

    answer = raw(serve("gcs"), NAME)

    assert answer.status_code == 200
    assert answer.data.decode("utf-8").startswith(TEXT.decode()[:20] if len(data) > 10 else "")


OUTSIDE = [
    "../../../secret.json",
    "trades/../../../secret.json",
    "trades/../secrets/s.json",
    "trades/2026/../../secrets/s.json",
    "/etc/passwd",
    "/trades/2026/01/15/stock_trader/a.jsonl.gz",
    "..%2f..%2fsecret.json",
    "trades/..%2f..%2f..%2fsecret.json",
    "trades/%2e%2e/secrets/s.json",
    "trades\\..\\..\\secret.json",
    "trades//../secrets/s.json",
    "trades/./a.jsonl",
    "secrets/s.json",
    "trades/",
    "trades",
    ".",
    "trades/2026",
    "trades/a\x00.jsonl",
    "trades/" + "x" * 5000,
    "",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_leaves_the_bucket(serve: Serve, tmp_path: Path, name: str) -> None:
    """Dots, slashes, encodings, folders: refused or not found, and never what lies outside."""
    mirror = Mirror(tmp_path, serve)
    mirror.put(NAME, zipped(TEXT))
    mirror.put("secrets/s.json", SECRET_TEXT)
    place(tmp_path / "secret.json", SECRET_TEXT, STORED_AT)

    answer = raw(serve("gcs"), name)

    assert answer.status_code in (400, 403, 404)
    assert b"not for you" not in answer.data
    assert b"root:" not in answer.data
    assert str(tmp_path) not in answer.text


def test_a_name_that_is_encoded_twice_is_another_name(serve: Serve, tmp_path: Path) -> None:
    """Only the query string is decoded, once."""
    Mirror(tmp_path, serve).put(NAME, zipped(TEXT))
    client = serve("gcs")

    once = client.get("/logs/gcs/object?name=" + NAME.replace("/", "%2F"), headers=ADMIN)
    twice = client.get("/logs/gcs/object?name=" + NAME.replace("/", "%252F"), headers=ADMIN)

    assert (once.status_code, once.data) == (200, TEXT)
    assert twice.status_code in (400, 404)


@pytest.mark.parametrize(
    ("function", "path", "named"),
    [("gcs", "/logs/gcs/object", "name"), ("firestore", "/logs/firestore/document", "path")],
)
def test_the_thing_must_be_named(serve: Serve, function: str, path: str, named: str) -> None:
    """Without the parameter: 400 that names it; with one that does not exist: 404."""
    answer = serve(function).get(path, headers=ADMIN)

    assert (answer.status_code, [fault["parameter"] for fault in answer.json["errors"]]) == (400, [named])


def test_what_does_not_exist_is_not_found(serve: Serve, tmp_path: Path) -> None:
    """A well-formed name of nothing is 404 on both routes."""
    missing = raw(serve("gcs"), "trades/2026/01/15/none.jsonl")
    nowhere = document(serve("firestore"), f"{TRADES}/none")

    assert (missing.status_code, nowhere.status_code) == (404, 404)
    assert (missing.mimetype, nowhere.mimetype) == ("application/problem+json",) * 2


def test_a_document_is_told_whole(serve: Serve, tmp_path: Path) -> None:
    """Path, fields as stored, and both of its times."""
    fields = {"symbol": "TCS", "pnl": None, "nested": {"a": [1, 2.5, "₹"]}, "big": 12345678901234567890}
    Mirror(tmp_path, serve).put_document(f"{TRADES}/a1", fields)

    answer = document(serve("firestore"), f"{TRADES}/a1")

    assert answer.status_code == 200
    assert answer.json == {
        "path": f"{TRADES}/a1",
        "fields": fields,
        "create_time": STORED_AT,
        "update_time": STORED_AT,
    }


@pytest.mark.parametrize(
    "path",
    [
        "../../secret",
        "gpt_runner_trades/../../secret",
        "gpt_runner_trades/../users/u1",
        f"{TRADES}/../../../../secret",
        "/etc/passwd",
        f"/{TRADES}/a1",
        f"{TRADES}//a1",
        f"{TRADES}/%2e%2e/%2e%2e/secret",
        "users/u1",
        "gpt_runner_trades",
        "gpt_runner_trades/stock_trader",
        TRADES,
        f"{TRADES}/a1.json",
        f"{TRADES}/a\x00",
        f"{TRADES}/" + "x" * 5000,
        "",
    ],
)
def test_no_path_leaves_the_configured_collections(serve: Serve, tmp_path: Path, path: str) -> None:
    """Other collections, other folders and what is no document are refused or not found."""
    mirror = Mirror(tmp_path, serve)
    mirror.put_document(f"{TRADES}/a1", {"symbol": "TCS"})
    mirror.put_document("users/u1", {"message": "not for you"})
    place(tmp_path / "secret.json", SECRET_TEXT, STORED_AT)

    answer = document(serve("firestore"), path)

    assert answer.status_code in (400, 403, 404)
    assert "not for you" not in answer.text
    assert str(tmp_path) not in answer.text


def test_collections_name_the_bots_and_dates_seen(serve: Serve, tmp_path: Path) -> None:
    """Every configured collection is there, also one without documents; others are not."""
    mirror = Mirror(tmp_path, serve)
    for bot, date in (
        ("stock_trader", "2026-01-14"),
        ("stock_trader", "2026-01-15"),
        ("alpha", "2026-01-15"),
    ):
        mirror.put_document(f"gpt_runner_trades/{bot}/{date}/d1", {"symbol": "TCS"})
    mirror.put_document("users/u1", {"message": "not for you"})

    found = pages(serve("firestore"), "/logs/firestore/collections", "collections")

    seen = {item["collection"]: (sorted(item["bots"]), sorted(item["dates"])) for item in found}
    assert seen == {
        "gpt_runner_trades": (["alpha", "stock_trader"], ["2026-01-14", "2026-01-15"]),
        "gpt_runner_reflections": ([], []),
    }


def test_pages_of_collections_concatenate(serve: Serve, tmp_path: Path) -> None:
    """One by one or all at once, the collections are the same."""
    settings = {"FIRESTORE_COLLECTIONS": "gpt_runner_trades/{bot}/{date}/{doc},live_alerts/{doc},notes/{doc}"}
    client = serve("firestore", **settings)
    path = "/logs/firestore/collections"

    one_by_one = pages(client, path, "collections", page_size="1")

    assert one_by_one == pages(client, path, "collections")
    assert {item["collection"] for item in one_by_one} == {"gpt_runner_trades", "live_alerts", "notes"}


@pytest.mark.parametrize("page_size", ["1", "2", "1000"])
def test_names_are_the_containers_seen_in_the_window(serve: Serve, tmp_path: Path, page_size: str) -> None:
    """Each pod and container once, with those outside of the window left out; pages concatenate."""
    mirror = Mirror(tmp_path, serve)
    for container in ("stock-trader", "dashboard", "main-runner"):
        for number in range(3):
            when = f"2026-01-15T03:50:0{number}Z"
            mirror.put_lines([stored_line(when, "hi", insert_id=f"i{number}", container=container)])
    mirror.put_lines([stored_line("2024-01-15T00:00:00Z", "old", insert_id="o", container="retired")])

    found = pages(serve("pods"), "/logs/pods/names", "pods", page_size=page_size)

    assert sorted((item["namespace"], item["pod"], item["container"]) for item in found) == [
        ("gpt", "dashboard-7d9f", "dashboard"),
        ("gpt", "main-runner-7d9f", "main-runner"),
        ("gpt", "stock-trader-7d9f", "stock-trader"),
    ]


def stocked(serve: Serve, root: Path) -> None:
    """Something for each source."""
    mirror = Mirror(root, serve)
    mirror.put(NAME, zipped(TEXT))
    mirror.put_document(f"{TRADES}/a1", {"symbol": "TCS"})
    mirror.put_lines([stored_line("2026-01-15T03:50:00Z", "hi", insert_id="i1")])


@pytest.mark.parametrize("function", ["gcs", "firestore", "pods"])
def test_a_dry_run_is_only_the_plan(serve: Serve, tmp_path: Path, function: str) -> None:
    """What would be read, in whole numbers, and no entry."""
    stocked(serve, tmp_path)

    answer = serve(function).get(
        f"/logs/{function}", query_string=EVERYTHING | {"dry_run": "true"}, headers=ADMIN
    )

    assert (answer.status_code, set(answer.json)) == (200, {"plan", "meta"})
    (plan,) = answer.json["plan"]
    assert set(plan) == {"source", "objects", "bytes", "documents", "api_calls"}
    assert plan["source"] == function
    assert all(isinstance(count, int) and count >= 0 for key, count in plan.items() if key != "source")
    assert answer.json["meta"]["window"]["start"] == "2025-05-01T00:00:00.000000Z"


def test_the_plan_counts_what_the_window_holds(serve: Serve, tmp_path: Path) -> None:
    """One object in the window is one object in the plan, with its stored bytes; none is none."""
    stocked(serve, tmp_path)
    client = serve("gcs")

    def planned(**window: str) -> tuple[int, int]:
        asked = EVERYTHING | window | {"dry_run": "true"}
        (plan,) = client.get("/logs/gcs", query_string=asked, headers=ADMIN).json["plan"]
        return plan["objects"], plan["bytes"]

    assert planned()[0] == 1
    assert planned()[1] >= len(zipped(TEXT))
    assert planned(start="2025-06-01T00:00:00Z", end="2025-06-02T00:00:00Z") == (0, 0)


def test_dry_run_false_is_the_answer(serve: Serve, tmp_path: Path) -> None:
    """Only `true` asks for the plan."""
    stocked(serve, tmp_path)

    answer = serve("gcs").get("/logs/gcs", query_string=EVERYTHING | {"dry_run": "false"}, headers=ADMIN)

    assert len(answer.json["entries"]) == 10


RAW_ROUTES = [
    ("gcs", f"/logs/gcs/object?name={NAME}"),
    ("gcs", "/logs/gcs/objects"),
    ("firestore", f"/logs/firestore/document?path={TRADES}/a1"),
    ("firestore", "/logs/firestore/collections"),
    ("pods", "/logs/pods/names"),
]


@pytest.mark.parametrize(("function", "path"), RAW_ROUTES)
def test_raw_routes_refuse_what_they_do_not_know(
    serve: Serve, tmp_path: Path, function: str, path: str
) -> None:
    """An unknown parameter is 400 and named."""
    stocked(serve, tmp_path)
    joint = "&" if "?" in path else "?"

    answer = serve(function).get(f"{path}{joint}frobnicate=1", headers=ADMIN)

    assert (answer.status_code, answer.json["errors"][0]["parameter"]) == (400, "frobnicate")


@pytest.mark.parametrize(("function", "path"), RAW_ROUTES)
def test_raw_routes_need_a_reader(serve: Serve, tmp_path: Path, function: str, path: str) -> None:
    """No token is 401, a role that does not read is 403, and neither tells anything."""
    stocked(serve, tmp_path)
    client = serve(function)

    assert client.get(path).status_code == 401
    assert client.get(path, headers=bearer("metrics")).status_code == 403


def test_viewers_read_raw_text_redacted(serve: Serve, tmp_path: Path) -> None:
    """The raw routes are no way around redaction."""
    leaked = "sk-" + "Ab3dEf6hIj9lMn2pQr5tUv8x" * 2
    mirror = Mirror(tmp_path, serve)
    mirror.put(NAME, zipped(json.dumps({"message": f"api_key={leaked}"}).encode()))
    mirror.put_document(f"{TRADES}/a1", {"note": f"api_key={leaked}"})

    told = serve("gcs").get("/logs/gcs/object", query_string={"name": NAME}, headers=bearer("viewer"))
    fields = serve("firestore").get(
        "/logs/firestore/document", query_string={"path": f"{TRADES}/a1"}, headers=bearer("viewer")
    )

    assert (told.status_code, fields.status_code) == (200, 200)
    assert leaked not in told.text
    assert leaked not in fields.text
    assert leaked in raw(serve("gcs"), NAME).text
