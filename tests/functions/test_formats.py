"""The four formats of an answer, and what each makes of hostile text."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve
from tests.functions.mirror import ADMIN, EVERYTHING, GENERATION, Mirror, jsonl

NAME = "trades/2026/01/15/stock_trader/a.jsonl"
COLUMNS = ["timestamp", "severity", "source", "bot", "strategy", "symbol", "trade_id", "message", "id"]
PLAIN = {"timestamp": "2026-01-15T09:00:00Z", "level": "INFO", "message": "Bought ₹100", "symbol": "TCS"}
BROKEN = "line one\r\nline two\x00\x07\x1b[31m\x7f\x85\u2028\tend"
HOSTILE = {
    "timestamp": "2026-01-15T09:00:01Z",
    "level": "ERROR",
    "message": '=HYPERLINK("http://evil.example","x")',
    "strategy": "@SUM(A1)",
    "symbol": "-1+1",
    "trade_id": "+441",
}
CONTENT_TYPES = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "text": "text/plain",
}


def id_of(line: int) -> str:
    """The id of a line of the object under test."""
    return f"gcs:logs-bucket/{NAME}#{GENERATION}:{line}"


def ask(
    serve: Serve, root: Path, records: list[Any], headers: dict[str, str] | None = None, **more: str
) -> Any:
    """The answer about these records, which are one object."""
    Mirror(root, serve).put(NAME, jsonl(records))
    return serve("gcs").get("/logs/gcs", query_string=EVERYTHING | more, headers=ADMIN | (headers or {}))


def rows(answer: Any) -> list[list[str]]:
    """The cells of a CSV answer as a spreadsheet reads them."""
    return list(csv.reader(io.StringIO(answer.data.decode(), newline=""), strict=True))


@pytest.mark.parametrize(("name", "content_type"), CONTENT_TYPES.items())
def test_a_format_has_its_content_type(serve: Serve, tmp_path: Path, name: str, content_type: str) -> None:
    """The parameter names the format; the content type says which it was."""
    answer = ask(serve, tmp_path, [PLAIN], format=name)

    assert (answer.status_code, answer.mimetype) == (200, content_type)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("text/csv", "text/csv"),
        ("text/plain", "text/plain"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
        ("text/csv;q=0.1, application/x-ndjson", "application/x-ndjson"),
        ("text/csv;q=0, text/plain;q=0.5", "text/plain"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        (";;q=,,", "application/json"),
    ],
)
def test_without_the_parameter_the_header_decides(
    serve: Serve, tmp_path: Path, accept: str, content_type: str
) -> None:
    """The most wanted type that exists is given, JSON when none is."""
    answer = ask(serve, tmp_path, [PLAIN], headers={"Accept": accept})

    assert (answer.status_code, answer.mimetype) == (200, content_type)


@pytest.mark.parametrize(("name", "content_type"), CONTENT_TYPES.items())
def test_the_parameter_beats_the_header(serve: Serve, tmp_path: Path, name: str, content_type: str) -> None:
    """`format` counts whatever the header wishes."""
    accept = "text/csv" if name != "csv" else "application/json"

    answer = ask(serve, tmp_path, [PLAIN], headers={"Accept": accept}, format=name)

    assert answer.mimetype == content_type


def test_ndjson_is_json_line_by_line(serve: Serve, tmp_path: Path) -> None:
    """An entry a line as in `json`, then `meta` and the token, also where a text breaks lines."""
    records = [PLAIN, HOSTILE, PLAIN | {"message": BROKEN}]
    whole = ask(serve, tmp_path, records).json

    answer = ask(serve, tmp_path, records, format="ndjson")

    assert answer.data.endswith(b"\n")
    *entries, last = (json.loads(line) for line in answer.data.removesuffix(b"\n").split(b"\n"))
    assert entries == whole["entries"]
    assert set(last) == {"meta", "next_page_token"}
    assert last["next_page_token"] is None
    assert (last["meta"]["returned"], last["meta"]["partial"]) == (3, False)


def test_csv_has_the_columns_of_the_contract(serve: Serve, tmp_path: Path) -> None:
    """A header, a row an entry, empty cells where there is no label."""
    answer = ask(serve, tmp_path, [PLAIN], format="csv")

    assert rows(answer) == [
        COLUMNS,
        [
            "2026-01-15T09:00:00.000000Z",
            "INFO",
            "gcs",
            "stock_trader",
            "",
            "TCS",
            "",
            "Bought ₹100",
            id_of(1),
        ],
    ]


def test_csv_cells_never_become_formulas(serve: Serve, tmp_path: Path) -> None:
    """Cells that begin with = + - @ get a leading quote mark."""
    answer = ask(serve, tmp_path, [HOSTILE], format="csv")

    assert rows(answer)[1][4:8] == ["'@SUM(A1)", "'-1+1", "'+441", "'" + HOSTILE["message"]]


def test_csv_text_survives_commas_quotes_and_line_ends(serve: Serve, tmp_path: Path) -> None:
    """Whatever a message holds, it is one cell of one row."""
    message = 'a,"b",\r\nc;\td'

    answer = ask(serve, tmp_path, [PLAIN | {"message": message}, PLAIN], format="csv")

    assert [len(row) for row in rows(answer)] == [len(COLUMNS)] * 3
    assert rows(answer)[1][7] == message


def test_text_is_a_line_an_entry(serve: Serve, tmp_path: Path) -> None:
    """`timestamp severity source bot message`."""
    answer = ask(serve, tmp_path, [PLAIN, HOSTILE], format="text")

    assert answer.text == (
        "2026-01-15T09:00:00.000000Z INFO gcs stock_trader Bought ₹100\n"
        f"2026-01-15T09:00:01.000000Z ERROR gcs stock_trader {HOSTILE['message']}\n"
    )


def test_text_lets_no_control_character_through(serve: Serve, tmp_path: Path) -> None:
    """CR, LF, escapes and other control characters cannot forge a line nor steer a terminal."""
    forged = PLAIN | {"message": BROKEN, "bot_type": "bot\nFAKE \x1b[2J"}

    answer = ask(serve, tmp_path, [forged, PLAIN], format="text")

    lines = answer.data.decode().split("\n")
    assert len(lines) == 3
    assert len(answer.data.decode().splitlines()) == 2
    assert all(character.isprintable() for line in lines for character in line)
    assert lines[0].endswith("end")
    assert "line one" in lines[0]
    assert "line two" in lines[0]


@pytest.mark.parametrize("name", ["csv", "text"])
def test_pages_of_flat_formats_go_on_by_header(serve: Serve, tmp_path: Path, name: str) -> None:
    """`X-Next-Page-Token` leads through all pages, the last has none; nothing twice, nothing missing."""
    records = [PLAIN | {"message": f"m{number}"} for number in range(5)]
    whole = ask(serve, tmp_path, records, format=name).text.splitlines()
    lines: list[str] = []
    token: str | None = ""
    while token is not None:
        answer = ask(serve, tmp_path, records, format=name, page_size="2", page_token=token)
        lines += answer.text.splitlines()[1 if name == "csv" and lines else 0 :]
        token = answer.headers.get("X-Next-Page-Token") or None

    assert lines == whole
    assert "X-Next-Page-Token" not in answer.headers


@pytest.mark.parametrize("name", ["csv", "text"])
def test_flat_formats_say_when_something_is_missing(serve: Serve, tmp_path: Path, name: str) -> None:
    """`X-Partial` is what `meta.partial` is in JSON."""
    whole = ask(serve, tmp_path, [PLAIN], format=name)
    Mirror(tmp_path, serve).put(NAME.replace("a.jsonl", "b.jsonl"), b'{"message": "cut')
    cut = ask(serve, tmp_path, [PLAIN], format=name)

    assert (whole.headers["X-Partial"], cut.headers["X-Partial"]) == ("false", "true")


@pytest.mark.parametrize("name", CONTENT_TYPES)
def test_an_empty_answer_has_its_format_too(serve: Serve, tmp_path: Path, name: str) -> None:
    """No entries is a header in CSV, a last line in ndjson, nothing in text."""
    answer = serve("gcs").get("/logs/gcs", query_string=EVERYTHING | {"format": name}, headers=ADMIN)

    assert (answer.status_code, answer.mimetype) == (200, CONTENT_TYPES[name])
    assert len(answer.text.splitlines()) == {"json": 1, "ndjson": 1, "csv": 1, "text": 0}[name]


@pytest.mark.parametrize("name", CONTENT_TYPES)
def test_errors_are_problems_in_every_format(serve: Serve, tmp_path: Path, name: str) -> None:
    """A 400 is problem+json whatever format was asked for."""
    answer = serve("gcs").get("/logs/gcs", query_string={"format": name, "start": "soon"}, headers=ADMIN)

    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


@pytest.mark.parametrize("name", CONTENT_TYPES)
@pytest.mark.parametrize("source", ["firestore", "pods"])
def test_every_source_speaks_every_format(serve: Serve, tmp_path: Path, source: str, name: str) -> None:
    """The formats belong to the door, not to a source."""
    answer = serve(source).get(f"/logs/{source}", query_string=EVERYTHING | {"format": name}, headers=ADMIN)

    assert (answer.status_code, answer.mimetype) == (200, CONTENT_TYPES[name])
