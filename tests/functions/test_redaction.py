"""Redaction through the front door: a viewer reads none of the planted secrets, an admin all of them.

Every kind of secret in every place where the bots write: messages, nested payloads, CSV cells, tracebacks and
URLs, as objects, documents and the lines of pods.
"""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Serve, bearer
from tests.functions.mirror import EVERYTHING, Mirror, jsonl, moments, stored_line, zipped
from tests.redact.test_redact import PLACEHOLDER, PLANTED

FOLDER = "trades/2026/01/15/stock_trader"
COLLECTION = "gpt_runner_trades/stock_trader/2026-01-15"
NAMES = list(PLANTED)
TEXTS = [around.format(secret) for around, secret, _ in PLANTED.values()]
TIMES = moments("2026-01-15T09:15:00+00:00", len(TEXTS))
SOURCES = ("gcs", "firestore", "pods")
FORMATS = ("json", "ndjson", "csv", "text")


def traceback(text: str) -> str:
    return f'Traceback (most recent call last):\n  File "bot.py", line 7, in run\nRuntimeError: {text}'


# The record that holds a text, in each of the places.
RECORDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "message": lambda text: {"message": f"₹5 {text} TCS 🚀"},
    "payload": lambda text: {"message": "TCS", "data": {"notes": ["a", {"b": text}], "quantity": 5}},
    "inner": lambda text: {"message": "TCS", "raw": json.dumps({"symbol": "TCS", "error": text})},
    "traceback": lambda text: {"error_message": "TCS", "stack_trace": traceback(text)},
    "url": lambda text: {"message": f"GET https://api.example.com/TCS?note={quote(text, safe='')}&page=2"},
}


# In how many places of each source a text can be told by its entry's id or trade: beside the records, the
# cells of the CSV file; the lines of pods, and their tracebacks.
PLACES = {"gcs": len(RECORDS) + 1, "firestore": len(RECORDS), "pods": len(RECORDS) + 2}


def cells() -> bytes:
    """A CSV file with a text in a cell of each row."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["timestamp", "trade_id", "symbol", "notes", "pnl"])
    rows.writerows(
        [time, f"T{at}", "TCS", text, "12.5"]
        for at, (time, text) in enumerate(zip(TIMES, TEXTS, strict=True))
    )
    return out.getvalue().encode()


@pytest.fixture
def mirror(serve: Serve, tmp_path: Path) -> Mirror:
    """All of it, in all three stores."""
    mirror = Mirror(tmp_path, serve)
    for form, record in RECORDS.items():
        records = [
            {"timestamp": time, "trade_id": f"T{at}", "level": "INFO"} | record(text)
            for at, (time, text) in enumerate(zip(TIMES, TEXTS, strict=True))
        ]
        mirror.put(f"{FOLDER}/{form}.jsonl.gz", zipped(jsonl(records)))
        for at, one in enumerate(records):
            mirror.put_document(f"{COLLECTION}/{form}-{at}", one)
        mirror.put_lines(
            stored_line(time, record(text), insert_id=f"{form}-{at}")
            for at, (time, text) in enumerate(zip(TIMES, TEXTS, strict=True))
        )
    mirror.put(f"{FOLDER}/cells.csv.gz", zipped(cells()))
    mirror.put(f"{FOLDER}/array.json", json.dumps([{"message": text} for text in TEXTS]).encode())
    mirror.put_lines(printed())
    return mirror


def printed() -> list[dict[str, Any]]:
    """Text on stderr: a line each, and tracebacks of three lines."""
    lines = []
    for at, text in enumerate(TEXTS):
        start = f"2026-01-15T10:{at // 60:02}:{at % 60:02}Z"
        lines.append(
            stored_line(start, f"[ERROR] [system] {text} TCS", insert_id=f"line-{at}", stream="stderr")
        )
        pieces = traceback(text.replace("\n", "\\n")).split("\n")
        lines += [
            stored_line(
                start.replace("T10", "T11"), one, insert_id=f"trace-{at}-{number}", container="options-trader"
            )
            for number, one in enumerate(pieces)
        ]
    return lines


def telling(secret: str) -> set[str]:
    """What gives a secret away: itself, its spellings, and the parts of it that are no common words."""
    pieces = {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), *re.split(r"\s|\\n", secret)}
    return {piece for piece in pieces if len(piece) > 5 and "PRIVATE" not in piece and piece[0] != "-"}


def found_in(text: str) -> list[str]:
    """The names of the secrets that a text gives away."""
    return [name for name, (_, secret, _) in PLANTED.items() if any(one in text for one in telling(secret))]


def plain(item: Any) -> str:
    """An item as text, nothing escaped that need not be."""
    return json.dumps(item, ensure_ascii=False)


def which(entry: dict[str, Any]) -> int | None:
    """The number of the text that an entry was made of."""
    number = re.search(r"(?:/(?:message|payload|inner|traceback|url|line|trace)-)(\d+)", entry["id"])
    if number is None:
        number = re.fullmatch(r"T(\d+)", entry["labels"].get("trade_id") or "")
    return int(number[1]) if number else None


def read(client: Any, path: str, role: str, /, **parameters: str) -> Any:
    """An answer that is 200."""
    answer = client.get(path, query_string=parameters, headers=bearer(role))
    assert answer.status_code == 200, answer.text
    return answer


def pages(client: Any, source: str, role: str, **parameters: str) -> list[str]:
    """The text of every page of the entries of a source."""
    texts, token = [], ""
    while True:
        asked = EVERYTHING | {"page_size": "1000", "page_token": token} | parameters
        answer = read(client, f"/logs/{source}", role, **asked)
        texts.append(answer.text)
        token = answer.headers.get("X-Next-Page-Token", "") or _token(answer.text)
        if not token:
            return texts


def _token(text: str) -> str:
    last = text.rstrip("\n").rpartition("\n")[2]
    return str(json.loads(last)["next_page_token"] or "") if last.startswith("{") else ""


def test_the_secrets_are_of_at_least_25_kinds() -> None:
    """The number that was promised, each with something to find."""
    assert len(PLANTED) >= 25
    assert [name for name, (_, secret, _) in PLANTED.items() if not telling(secret)] == []


@pytest.mark.parametrize("source", SOURCES)
def test_no_entry_gives_a_secret_away_to_a_viewer(mirror: Mirror, source: str) -> None:
    """Each entry has the placeholder of its secret's kind instead, and keeps what stands around it."""
    (text,) = pages(mirror.serve(source), source, "viewer")
    entries = [entry for entry in json.loads(text)["entries"] if which(entry) is not None]

    assert len(entries) == PLACES[source] * len(NAMES)
    assert {entry["id"]: found for entry in entries if (found := found_in(plain(entry)))} == {}
    for entry in entries:
        kind = PLANTED[NAMES[which(entry) or 0]][2]
        assert kind in PLACEHOLDER.findall(plain(entry)), entry


@pytest.mark.parametrize("source", SOURCES)
def test_every_entry_tells_its_secret_to_an_admin(mirror: Mirror, source: str) -> None:
    """Nothing is taken out for those who may see all: the viewer's test had something to find."""
    (text,) = pages(mirror.serve(source), source, "admin")
    entries = [entry for entry in json.loads(text)["entries"] if which(entry) is not None]

    assert len(entries) == PLACES[source] * len(NAMES)
    hidden = [entry["id"] for entry in entries if NAMES[which(entry) or 0] not in found_in(plain(entry))]
    assert hidden == []
    assert not PLACEHOLDER.search(text)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("source", SOURCES)
def test_no_format_gives_a_secret_away(mirror: Mirror, source: str, format_: str) -> None:
    """Not in any of the four: none to a viewer, all to an admin."""
    client = mirror.serve(source)
    to_viewer = "".join(pages(client, source, "viewer", format=format_))
    to_admin = "".join(pages(client, source, "admin", format=format_))

    assert found_in(to_viewer) == []
    assert len(PLACEHOLDER.findall(to_viewer)) >= len(NAMES)
    assert sorted(found_in(to_admin)) == sorted(NAMES)


@pytest.mark.parametrize("name", [*(f"{form}.jsonl.gz" for form in RECORDS), "cells.csv.gz", "array.json"])
def test_no_object_as_a_whole_gives_a_secret_away(mirror: Mirror, name: str) -> None:
    """Its text has the placeholders, and is the stored text for an admin."""
    client = mirror.serve("gcs")
    to_viewer = read(client, "/logs/gcs/object", "viewer", name=f"{FOLDER}/{name}").text
    to_admin = read(client, "/logs/gcs/object", "admin", name=f"{FOLDER}/{name}").text

    assert found_in(to_viewer) == []
    assert len(PLACEHOLDER.findall(to_viewer)) >= len(NAMES)
    assert sorted(found_in(to_admin)) == sorted(NAMES)


@pytest.mark.parametrize("form", RECORDS)
def test_no_document_as_a_whole_gives_a_secret_away(mirror: Mirror, form: str) -> None:
    """Its fields have the placeholders, and are the stored fields for an admin."""
    client = mirror.serve("firestore")
    for at, name in enumerate(NAMES):
        path = f"{COLLECTION}/{form}-{at}"
        to_viewer = read(client, "/logs/firestore/document", "viewer", path=path).json
        to_admin = read(client, "/logs/firestore/document", "admin", path=path).json

        assert (found_in(plain(to_viewer)), name in found_in(plain(to_admin))) == ([], True)
        assert PLANTED[name][2] in PLACEHOLDER.findall(plain(to_viewer))


@pytest.mark.parametrize("source", SOURCES)
def test_a_secret_cannot_be_guessed_through_a_filter(mirror: Mirror, source: str) -> None:
    """A viewer's filters see what a viewer sees."""
    client = mirror.serve(source)
    for parameter in ("q", "regex"):
        asked = {parameter: "hunter2", "page_size": "1000"} | EVERYTHING
        to_viewer = read(client, f"/logs/{source}", "viewer", **asked).json["entries"]
        to_admin = read(client, f"/logs/{source}", "admin", **asked).json["entries"]

        assert to_viewer == []
        assert len(to_admin) >= len(RECORDS)
