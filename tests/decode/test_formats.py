"""Every shape of log object: what its records are, and what is said about the bad ones."""

import json
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest

from shared.decode import Limits, Note, Notes, Record, records

TRADES: list[dict[str, Any]] = [
    {
        "trade_id": f"T{n}",
        "symbol": "TCS",
        "pnl": None,
        "entry_time": f"2026-01-15T09:{n % 60:02}:00",
        "legs": [{"trade_id": "L1", "q": n}, {"trade_id": "L2", "q": 2}] if n % 3 else [],
        "metadata": {"note": 'a "quoted" ]} , { text \\', "nested": {"deep": [1, [2]]}},
    }
    for n in range(500)
]


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def read(
    data: bytes, name: str = "object", size: int = 65536, **limits: int
) -> tuple[list[Record], list[Note]]:
    notes = Notes()
    found = list(records(chunked(data, size), name, notes, Limits(**limits)))
    for record in found:
        assert record.value is record.value
    return found, notes.faults()


def shapes(found: Iterable[Record]) -> list[tuple[int, str, Any]]:
    return [(r.index, r.kind, r.text if r.kind in {"text", "raw"} else r.value) for r in found]


def codes(notes: list[Note]) -> list[str]:
    return [note.code for note in notes]


# JSON lines


def test_json_lines_are_records_by_line() -> None:
    """The index is the line, blank lines count, a last line needs no end."""
    found, notes = read(b'{"a": 1}\n\n{"a": 2}\r\n   \n{"a": {"b": [3]}}')
    assert shapes(found) == [(1, "json", {"a": 1}), (3, "json", {"a": 2}), (5, "json", {"a": {"b": [3]}})]
    assert notes == []


def test_the_head_has_the_time_fields_as_they_were_stored() -> None:
    """Each name that may hold a time is there, the others are not decoded for it."""
    names = [
        "timestamp",
        "time",
        "ts",
        "@timestamp",
        "entry_time",
        "exit_time",
        "created_at",
        "updated_at",
        "last_updated",
    ]
    stored = {name: number for number, name in enumerate(names)} | {"message": "x"}
    [record], _ = read(json.dumps(stored).encode())
    assert record.head is not None
    assert msgspec.to_builtins(record.head) == {name: number for number, name in enumerate(names)}


def test_a_bad_line_is_raw_and_its_neighbours_are_kept() -> None:
    """Half a line, text and two objects on a line are raw; the note counts them and names the first."""
    lines = [b'{"a": 1}', b'{"a": 2, "b', b'{"a": 3}', b"oops", b'{"a":4}{"a":5}', b'{"a": 6}', b'{"a": "']
    found, notes = read(b"\n".join(lines))
    assert shapes(found) == [
        (1, "json", {"a": 1}),
        (2, "raw", '{"a": 2, "b'),
        (3, "json", {"a": 3}),
        (4, "raw", "oops"),
        (5, "raw", '{"a":4}{"a":5}'),
        (6, "json", {"a": 6}),
        (7, "raw", '{"a": "'),
    ]
    assert notes == [Note("undecodable_line", "4 lines are not valid JSON, the first is line 2")]


def test_lines_are_not_glued_together() -> None:
    """As many objects as lines is not enough: each must be on a line of its own."""
    found, _ = read(b'{"x": 1}\n{"a": [\n{"b": 1}]}\n{"c": 1}{"d": 1}\n')
    assert [(r.index, r.kind) for r in found] == [(1, "json"), (2, "raw"), (3, "raw"), (4, "raw")]


def test_a_first_line_that_was_cut_does_not_hide_the_others() -> None:
    """Lines are told by the second one too."""
    found, notes = read(b'{"a": 1, "b\n{"a": 2}\n{"a": 3}\n')
    assert [(r.index, r.kind) for r in found] == [(1, "raw"), (2, "json"), (3, "json")]
    assert codes(notes) == ["undecodable_line"]


def test_elements_that_are_no_objects_have_no_head() -> None:
    """Numbers, texts and arrays are json records all the same."""
    found, notes = read(b'{"a": 1}\n12\n"text"\n[1, {"timestamp": 2}]\nnull\n')
    assert [(r.kind, r.value, r.head is None) for r in found] == [
        ("json", {"a": 1}, False),
        ("json", 12, True),
        ("json", "text", True),
        ("json", [1, {"timestamp": 2}], True),
        ("json", None, True),
    ]
    assert notes == []


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("field", ["pnl", "timestamp"])
def test_what_is_not_a_number_is_null_and_noted(token: str, field: str) -> None:
    """In a field of the head and elsewhere, and the rest of the record is there."""
    found, notes = read(f'{{"a": 1}}\n{{"{field}": {token}, "b": [{token}], "c": "NaN"}}\n'.encode())
    assert shapes(found)[1] == (2, "json", {field: None, "b": [None], "c": "NaN"})
    assert notes == [Note("not_a_number", "line 2 is with NaN or Infinity, read as null")]


def test_big_integers_are_exact() -> None:
    """More than 64 bits are kept to the last digit; more than int() reads stay text."""
    found, notes = read(b'{"a": 123456789012345678901234567890, "timestamp": -98765432109876543210}\n')
    assert found[0].value == {"a": 123456789012345678901234567890, "timestamp": -98765432109876543210}
    found, notes = read(b'{"a": %s}\n' % (b"9" * 5000))
    assert found[0].value == {"a": "9" * 5000}
    assert notes == []


@pytest.mark.parametrize("field", [b"message", b"timestamp"])
def test_invalid_utf8_is_replaced_and_noted(field: bytes) -> None:
    """The record is decoded, whichever field the bytes are in."""
    found, notes = read(b'{"a": 1}\n{"%s": "caf\xe9 \xff", "b": 2}\n' % field)
    assert shapes(found)[1] == (2, "json", {field.decode(): "caf\ufffd \ufffd", "b": 2})
    assert notes == [Note("invalid_utf8", "line 2 is not valid UTF-8, the bad bytes were replaced")]


@pytest.mark.parametrize("escape", ["\\ud800", "\\uDC00", "\\ud800x", "\\ud800\\ud800\\udc00"])
def test_lone_surrogates_can_be_written_again(escape: str) -> None:
    """Half of a pair would fail in the answer; whole pairs and escaped backslashes stay."""
    [record], notes = read(f'{{"a": "{escape}", "b": "\\ud83d\\ude00", "c": "\\\\ud800"}}\n'.encode())
    assert "\ufffd" in msgspec.json.encode(record.value).decode()
    assert (record.value["b"], record.value["c"]) == ("😀", "\\ud800")
    assert codes(notes) == ["invalid_utf8"]


def test_control_characters_in_strings_are_read() -> None:
    """Writers leave tabs in their stack traces."""
    [record], notes = read(b'{"stack": "a\tb\x00"}\n')
    assert (record.value, notes) == ({"stack": "a\tb\x00"}, [])


@pytest.mark.parametrize("depth", [150, 300, 3000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_neither_raises_nor_makes_what_cannot_be_written(depth: int, opening: str) -> None:
    """Too deep is text, and noted; the records around are there."""
    deep = '{"x": ' + opening * depth + "1" + ("]" if opening == "[" else "}") * depth + "}"
    found, notes = read(f'{{"a": 1}}\n{deep}\n{{"a": 2}}\n'.encode())
    assert [r.index for r in found] == [1, 2, 3]
    assert msgspec.json.encode(found[1].value)
    assert codes(notes) == ([] if depth == 150 else ["undecodable_line"])
    assert depth == 150 or deep in (found[1].value, found[1].text)


def test_a_long_line_is_cut_and_the_next_are_read() -> None:
    """Its beginning is a raw record, whatever the blocks are."""
    long = b'{"a": "%s"}' % (b"x" * 5000)
    for size in (7, 1000, 65536):
        for block_bytes in (10, 300, 1 << 18):
            data = b'{"a": 1}\n%s\n{"a": 2}\n%s' % (long, long)
            found, notes = read(data, size=size, max_record_bytes=300, block_bytes=block_bytes)
            cut = long[:300].decode()
            expected = [(1, "json", {"a": 1}), (2, "raw", cut), (3, "json", {"a": 2}), (4, "raw", cut)]
            assert shapes(found) == expected
            assert codes(notes) == ["record_cut"]


def test_a_line_as_long_as_allowed_is_whole() -> None:
    """The limit itself is not over the limit."""
    line = b'{"a": "%s"}' % (b"x" * 291)
    assert len(line) == 300
    for block_bytes in (10, 299, 300, 301, 1000):
        found, notes = read(line + b"\n" + line, max_record_bytes=300, block_bytes=block_bytes)
        assert [r.kind for r in found] == ["json", "json"]
        assert notes == []


# JSON arrays


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("block_bytes", [16, 200, 5000, 1 << 18])
@pytest.mark.parametrize("size", [1, 977, 1 << 20])
def test_an_array_is_its_elements(indent: int | None, block_bytes: int, size: int) -> None:
    """Compact or pretty, in pieces of any size: the element's number and its value."""
    trades = TRADES[: 60 if size == 1 else 500]
    found, notes = read(json.dumps(trades, indent=indent).encode(), size=size, block_bytes=block_bytes)
    assert shapes(found) == [(n, "json", trade) for n, trade in enumerate(trades, 1)]
    assert [r.head.entry_time for r in found if r.head] == [trade["entry_time"] for trade in trades]
    assert notes == []


@pytest.mark.parametrize("block_bytes", [8, 64, 1 << 18])
@pytest.mark.parametrize(
    "value",
    [
        [],
        [{}],
        [[]],
        [[], []],
        ["a", "b,]", 'c"'],
        [[1, 2], [3, [4]]],
        [{}, 1, "x", None, True, [2], {"a": "]"}],
    ],
)
def test_arrays_of_anything(value: list[Any], block_bytes: int) -> None:
    """Elements may be of any type; those that are no objects have no head."""
    found, notes = read(json.dumps(value).encode(), block_bytes=block_bytes)
    assert shapes(found) == [(n, "json", element) for n, element in enumerate(value, 1)]
    assert [r.head is not None for r in found] == [isinstance(element, dict) for element in value]
    assert notes == []


@pytest.mark.parametrize("block_bytes", [64, 1000, 1 << 18])
def test_a_bad_element_is_raw_and_its_neighbours_are_kept(block_bytes: int) -> None:
    """NaN is null, what is no JSON is text, and the numbers go on."""
    parts = [json.dumps(trade) for trade in TRADES[:30]]
    parts[10] = '{"trade_id": "T10", "pnl": NaN}'
    parts[20] = '{"trade_id": T20, oops}'
    found, notes = read(f"[{','.join(parts)}]".encode(), block_bytes=block_bytes)
    assert [r.index for r in found] == list(range(1, 31))
    assert found[10].value == {"trade_id": "T10", "pnl": None}
    assert (found[20].kind, found[20].text) == ("raw", parts[20])
    assert all(found[n].value == TRADES[n] for n in range(30) if n not in (10, 20))
    assert {note.code: note.detail for note in notes} == {
        "not_a_number": "element 11 is with NaN or Infinity, read as null",
        "undecodable_line": "element 21 is not valid JSON",
    }


@pytest.mark.parametrize("block_bytes", [64, 1000, 1 << 18])
@pytest.mark.parametrize(
    "half", ['{"trade_id": "T5", "sym', '{"trade_id": "T5", "a": {"b": 1}', '{"trade_id": "T5", "a": [']
)
def test_half_an_element_in_the_middle_costs_at_most_its_neighbour(half: str, block_bytes: int) -> None:
    """A quote or a bracket that is never closed does not swallow the rest of the array."""
    parts = [json.dumps(trade) for trade in TRADES[:40]]
    parts[5] = half
    found, notes = read(f"[{','.join(parts)}]".encode(), block_bytes=block_bytes)
    kept = [r.value for r in found if r.kind == "json"]
    assert [trade for trade in TRADES[:40] if trade in kept][-30:] == TRADES[10:40]
    assert any(r.kind == "raw" and r.text and half in r.text for r in found)
    assert "undecodable_line" in codes(notes)


@pytest.mark.parametrize("cut", [1, 2, 30, 200, 1000])
@pytest.mark.parametrize("block_bytes", [64, 1000, 1 << 18])
def test_a_cut_array_gives_all_whole_elements(cut: int, block_bytes: int) -> None:
    """And the text of the half one, and one note."""
    data = json.dumps(TRADES[:40])[:-cut]
    found, notes = read(data.encode(), block_bytes=block_bytes)
    assert codes(notes) == ["unclosed_array"]
    whole = [r.value for r in found if r.kind == "json"]
    assert whole == TRADES[: len(whole)]
    assert sum(len(json.dumps(value)) + 2 for value in whole) + len(found[-1].text or "") >= len(data) - 3
    assert [r.kind for r in found[len(whole) :]] in ([], ["raw"])


@pytest.mark.parametrize("block_bytes", [64, 1 << 18])
def test_an_array_of_nothing_but_damaged_elements_is_still_cut_apart(block_bytes: int) -> None:
    """However many do not end, each is a raw record of its own."""
    parts = [f'{{"trade_id": "T{n}", "symbol": "TCS"' for n in range(100)]
    found, notes = read(f"[{','.join(parts)}]".encode(), block_bytes=block_bytes)
    assert [(r.index, r.kind, r.text) for r in found[:-1]] == [
        (number, "raw", part) for number, part in enumerate(parts[:-1], 1)
    ]
    assert found[-1].text is not None
    assert found[-1].text.startswith(parts[-1])
    assert "undecodable_line" in codes(notes)


def test_arrays_one_after_the_other_are_one() -> None:
    """Two flushes in one object lose nothing."""
    found, notes = read(b'[{"a": 1}, {"a": 2}]\n[{"a": 3}][]')
    assert shapes(found) == [(n, "json", {"a": n}) for n in (1, 2, 3)]
    assert notes == []


def test_what_follows_an_array_is_kept_and_noted() -> None:
    """Lines behind the array are numbered on."""
    found, notes = read(b'[{"a": 1}]\n{"b": 2}\nkilled\n')
    assert shapes(found) == [(1, "json", {"a": 1}), (2, "json", {"b": 2}), (3, "raw", "killed")]
    assert codes(notes) == ["trailing_garbage", "undecodable_line"]


def test_a_long_element_is_cut_and_the_next_are_read() -> None:
    """Brackets and quotes in the part that is not held count all the same."""
    long = json.dumps({"a": 'x"]},\\' * 500, "b": [[{}] * 300], "c": "y" * 3000})
    for block_bytes in (10, 256, 1 << 18):
        data = f'[{{"a": 1}}, {long}, {{"a": 2}}, {long}]'.encode()
        found, notes = read(data, size=99, max_record_bytes=300, block_bytes=block_bytes)
        assert [r.kind for r in found] == ["json", "raw", "json", "raw"]
        assert (found[1].text, found[2].value) == (long[:300], {"a": 2})
        assert codes(notes) == ["record_cut"]


# One object


def test_one_object_over_many_lines_is_one_record() -> None:
    """However it is printed its index is 1."""
    metrics = {"date": "2026-01-15", "bot_type": "stock_trader", "metrics": {"pnl": 1.5, "trades": [1, 2]}}
    for indent in (None, 2):
        found, notes = read(b"\n " + json.dumps(metrics, indent=indent).encode() + b"\n", size=5)
        assert [(r.kind, r.value) for r in found] == [("json", metrics)]
        assert notes == []
    assert found[0].index == 1


def test_an_object_that_is_none_is_given_as_lines() -> None:
    """Nothing of a cut object is lost."""
    text = json.dumps({"a": 1, "b": [1, 2, {"c": 3}]}, indent=2)[:-9]
    found, notes = read(text.encode(), size=3)
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    assert [(r.index, r.text) for r in found] == lines
    assert {r.kind for r in found} == {"raw"}
    assert notes == [Note("undecodable_line", f"{len(found)} lines are not valid JSON, the first is line 1")]


def test_an_object_that_is_too_large_is_given_as_lines() -> None:
    """Past the limit nothing more is held."""
    text = json.dumps({str(n): n for n in range(300)}, indent=1)
    found, notes = read(text.encode(), max_array_bytes=1000, block_bytes=100)
    assert [(r.index, r.text) for r in found] == list(enumerate(text.split("\n"), 1))
    assert codes(notes) == ["undecodable_line"]


def test_an_object_with_nan_over_many_lines() -> None:
    """The lenient way holds for it too."""
    [record], notes = read(b'{\n "a": NaN,\n "timestamp": "x"\n}\n')
    assert (record.value, codes(notes)) == ({"a": None, "timestamp": "x"}, ["not_a_number"])
    assert record.head is not None
    assert record.head.timestamp == "x"


# CSV

SUMMARY = b"""\
timestamp,symbol,pnl,meta
2026-01-15 09:15:00,TCS,,"{'a': 1, 'b': 2}"

2026-01-15 09:16:00,INFY,1.5,x
"""
ROWS = [
    (
        2,
        "csv",
        {"timestamp": "2026-01-15 09:15:00", "symbol": "TCS", "pnl": None, "meta": "{'a': 1, 'b': 2}"},
    ),
    (4, "csv", {"timestamp": "2026-01-15 09:16:00", "symbol": "INFY", "pnl": "1.5", "meta": "x"}),
]


@pytest.mark.parametrize("name", ["trades_summary_091500_v1.csv.gz", "a.CSV", "no name"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_csv_is_told_by_its_name_or_header(name: str, end: bytes) -> None:
    """Rows are numbered by line, empty cells are None, nested values stay text."""
    found, notes = read(SUMMARY.replace(b"\n", end), name, size=3)
    assert (shapes(found), notes) == (ROWS, [])
    assert all(record.head is None for record in found)


def test_a_name_does_not_make_json_csv() -> None:
    """The bytes are believed first."""
    found, _ = read(b'[{"a": 1}]', "x.csv")
    assert shapes(found) == [(1, "json", {"a": 1})]


def test_a_cell_over_several_lines() -> None:
    """The row has its first line's number, and the next row its own."""
    found, notes = read(b'a,b,c\n1,"x\ny, ""z""\n",3\n4,5,6\n')
    assert shapes(found) == [
        (2, "csv", {"a": "1", "b": 'x\ny, "z"\n', "c": "3"}),
        (5, "csv", {"a": "4", "b": "5", "c": "6"}),
    ]
    assert notes == []


def test_rows_with_too_many_or_too_few_cells_are_raw() -> None:
    """Their text is kept as it was."""
    found, notes = read(b'a,b,c\n1,2\n1,2,3\n1,2,3,"4, 5"\n')
    assert shapes(found) == [
        (2, "raw", "1,2"),
        (3, "csv", {"a": "1", "b": "2", "c": "3"}),
        (4, "raw", '1,2,3,"4, 5"'),
    ]
    assert notes == [Note("csv_row", "2 lines are not a row of 3 cells, the first is line 2")]


@pytest.mark.parametrize("bad", [b'1,"2,3', b'"1,2,3', b'1,2,"3'])
def test_a_quote_that_is_never_closed_costs_one_line(bad: bytes) -> None:
    """The rows that it seems to swallow are rows."""
    rows = b"".join(b"%d,x,y\n" % n for n in range(50))
    found, notes = read(b"a,b,c\n" + bad + b"\n" + rows)
    assert (found[0].index, found[0].kind, found[0].text) == (2, "raw", bad.decode())
    assert [(r.index, r.value) for r in found[1:]] == [
        (n + 3, {"a": str(n), "b": "x", "c": "y"}) for n in range(50)
    ]
    assert codes(notes) == ["csv_row"]


@pytest.mark.parametrize("bad", ['1,2,"3', '1,"2', '"'])
def test_a_quote_that_is_open_where_the_object_ends(bad: str) -> None:
    """The half row is raw, though it may have as many cells as it should."""
    found, notes = read(f"a,b,c\n4,5,6\n{bad}".encode())
    assert shapes(found) == [(2, "csv", {"a": "4", "b": "5", "c": "6"}), (3, "raw", bad)]
    assert codes(notes) == ["csv_row"]


def test_a_quote_that_a_later_row_closes_costs_one_line() -> None:
    """Though the swallowed rows seem to make one of the right width."""
    found, notes = read(b'a,b,c\n1,"2,3\n4,"x",6\n7,8,9\n')
    assert [(r.index, r.kind, r.text or r.value) for r in found] == [
        (2, "raw", '1,"2,3'),
        (3, "csv", {"a": "4", "b": "x", "c": "6"}),
        (4, "csv", {"a": "7", "b": "8", "c": "9"}),
    ]
    assert codes(notes) == ["csv_row"]


def test_a_quote_within_an_unquoted_cell_is_text() -> None:
    """Inches are no quotes, in a row of several lines neither."""
    found, notes = read(b'a,b,c\n5" pipe,2,3\n5" pipe,"x\ny",3\n')
    assert [r.value for r in found] == [
        {"a": '5" pipe', "b": "2", "c": "3"},
        {"a": '5" pipe', "b": "x\ny", "c": "3"},
    ]
    assert notes == []


def test_a_quote_that_is_never_closed_in_the_header() -> None:
    """The columns are then what stands between the commas."""
    found, _ = read(b'a,"b,c\n1,2,3\n4,5,6\n', "x.csv")
    assert [r.value for r in found] == [{"a": "1", "b": "2", "c": "3"}, {"a": "4", "b": "5", "c": "6"}]


def test_a_row_that_is_too_long_is_cut() -> None:
    """In one line or over many, the next rows are read."""
    found, notes = read(b"a,b,c\n1,%s,3\n4,5,6\n" % (b"x" * 5000), max_record_bytes=300)
    assert [(r.index, r.kind) for r in found] == [(2, "raw"), (3, "csv")]
    assert found[0].text == "1," + "x" * 298
    assert codes(notes) == ["record_cut"]


def test_columns_of_one_name_do_not_hide_each_other() -> None:
    """The second gets a number that no other column has."""
    found, _ = read(b"a,a,a_2,a\n1,2,3,4\n", "x.csv")
    assert found[0].value == {"a": "1", "a_3": "2", "a_2": "3", "a_4": "4"}


def test_csv_with_invalid_utf8_and_nul() -> None:
    """Bytes that are no text are replaced and noted."""
    found, notes = read(b"a,b,c\n\xff,\x00,3\n")
    assert shapes(found) == [(2, "csv", {"a": "\ufffd", "b": "\x00", "c": "3"})]
    assert codes(notes) == ["invalid_utf8"]


# Text

TEXT = """\
[2025-05-22 23:55:22] [ERROR] [trade] Insufficient margin for TCS

₹ and 😀 below it
[2025-05-22T23:55:23,120+05:30] went on
Traceback (most recent call last):
  File "/app/x.py", line 1, in <module>
ValueError: no price

{"severity": "INFO", "message": "structured"}
  indented {
{not json}
"""


@pytest.mark.parametrize("size", [1, 7, 65536])
@pytest.mark.parametrize("block_bytes", [16, 100, 1 << 18])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_is_records_by_line(size: int, block_bytes: int, end: str) -> None:
    """Tracebacks are one record, JSON objects are decoded, blank lines only count."""
    found, notes = read(TEXT.replace("\n", end).encode(), size=size, block_bytes=block_bytes)
    lines = TEXT.split("\n")
    assert shapes(found) == [
        (1, "text", lines[0]),
        (3, "text", lines[2]),
        (4, "text", lines[3]),
        (5, "text", "\n".join(lines[4:7])),
        (9, "json", {"severity": "INFO", "message": "structured"}),
        (10, "text", lines[9]),
        (11, "text", lines[10]),
    ]
    first, second = "2025-05-22 23:55:22", "2025-05-22T23:55:23,120+05:30"
    assert [r.inherited_time for r in found] == [None, first, None, second, None, second, second]
    assert notes == []


@pytest.mark.parametrize(
    "text", ["[trade] x", "[2025-05-22 23:55:22] x", "[[main]] x", "[] x", "[1, 2] x", "{x} y", "a,b", "x"]
)
def test_what_only_looks_like_json_or_csv_is_text(text: str) -> None:
    """Brackets and commas are common in text."""
    found, notes = read(f"{text}\n{text}".encode())
    assert shapes(found) == [(1, "text", text), (2, "text", text)]
    assert notes == []


def test_text_with_invalid_utf8_is_text() -> None:
    """The bytes are replaced, the time is still found, one note tells where."""
    found, notes = read(b"fine\n[2025-05-22 23:55:22] caf\xe9\nbelow \xff\xfe\n")
    assert shapes(found) == [
        (1, "text", "fine"),
        (2, "text", "[2025-05-22 23:55:22] caf\ufffd"),
        (3, "text", "below \ufffd\ufffd"),
    ]
    assert found[2].inherited_time == "2025-05-22 23:55:22"
    assert notes == [
        Note("invalid_utf8", "2 lines are not valid UTF-8, the bad bytes were replaced, the first is line 2")
    ]


def test_a_long_line_of_text_is_cut() -> None:
    """It still passes its time on."""
    data = b"[2025-05-22 23:55:22] " + b"x" * 1000 + b"\nbelow\n"
    found, notes = read(data, max_record_bytes=100, block_bytes=64)
    assert shapes(found) == [(1, "raw", data[:100].decode()), (2, "text", "below")]
    assert [r.inherited_time for r in found] == [None, "2025-05-22 23:55:22"]
    assert codes(notes) == ["record_cut"]


# All of them


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n\n"])
def test_an_empty_object_has_no_records_and_no_notes(data: bytes) -> None:
    """White space and a byte order mark are nothing."""
    assert read(data, size=1) == ([], [])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": 1}\n{"a": 2}', [(1, "json", {"a": 1}), (2, "json", {"a": 2})]),
        (b'[{"a": 1}]', [(1, "json", {"a": 1})]),
        (b"a,b,c\n1,2,3", [(2, "csv", {"a": "1", "b": "2", "c": "3"})]),
        (b"hello", [(1, "text", "hello")]),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_a_byte_order_mark_and_blank_lines_come_before_any_format(
    data: bytes, expected: list[tuple[int, str, Any]], size: int
) -> None:
    """The mark is no part of the first record; blank lines before it count where lines are counted."""
    assert shapes(read(b"\xef\xbb\xbf" + data, size=size)[0]) == expected
    shift = 0 if data.startswith(b"[") else 2
    shifted = [(index + shift, kind, value) for index, kind, value in expected]
    assert shapes(read(b"\xef\xbb\xbf\r\n \n" + data, size=size)[0]) == shifted


def test_leading_space_of_a_line_of_text_is_kept() -> None:
    """Only whole blank lines are left out."""
    assert shapes(read(b"\n   indented\n")[0]) == [(2, "text", "   indented")]


def test_what_the_store_raises_goes_through() -> None:
    """A failed read is not bad data; what came before it was given."""

    def failing() -> Iterator[bytes]:
        yield b'{"a": 1}\n' * 100_000
        raise ConnectionResetError

    found = records(failing(), "x", Notes())
    assert next(found).value == {"a": 1}
    with pytest.raises(ConnectionResetError):
        list(found)


def repeated(piece: bytes, total_bytes: int, opening: bytes = b"", closing: bytes = b"") -> Iterator[bytes]:
    yield opening
    block = piece * (65536 // len(piece) + 1)
    for _ in range(total_bytes // len(block)):
        yield block
    yield closing


RECORD = json.dumps(TRADES[1]).encode()
STREAMS = {
    "lines": (RECORD + b"\n", b"", b""),
    "bad lines": (RECORD[:-1] + b"\n", RECORD + b"\n", b""),
    "array": (RECORD + b",", b"[", RECORD + b"]"),
    "array with NaN": (b'{"trade_id": NaN, "message": "%s"},' % (b"x" * 200), b"[", RECORD + b"]"),
    "array of numbers": (b"12345678,", b'["a",', b"1]"),
    "array of damaged elements": (RECORD[:-1] + b",", b"[", RECORD + b"]"),
    "one endless string": (b"x", b'[{"a": "', b'"}]'),
    "one endless element": (b'{"b":"12345678"},', b'[{"a": [', b"1]}]"),
    "one endless line": (b"x", b"", b""),
    "csv": (b"1,2,%s\n" % (b"3" * 50), b"a,b,c\n", b""),
    "csv with a quote that is never closed": (b"1,2,%s\n" % (b"3" * 50), b'a,b,c\n1,2,"3\n', b""),
    "text": (b"[2025-05-22 23:55:22] [INFO] [system] Order placed\n", b"", b""),
    "one endless traceback": (b"  File x\n", b"Traceback (most recent call last):\n", b""),
    "blank lines": (b"\n", b"", b"x"),
}


@pytest.mark.parametrize("stream", STREAMS)
def test_memory_does_not_grow_with_the_object(stream: str) -> None:
    """Of any format, good or damaged, a record and a few blocks are held, however long the stream."""
    piece, opening, closing = STREAMS[stream]
    limits = Limits(max_record_bytes=64 * 1024, block_bytes=16 * 1024)
    peaks = []
    for total_bytes in (400_000, 1_200_000):
        tracemalloc.start()
        count = sum(1 for _ in records(repeated(piece, total_bytes, opening, closing), "x", Notes(), limits))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count > 0
    assert peaks[1] < peaks[0] + 100_000
    assert peaks[1] < 1_500_000


@pytest.mark.parametrize("stream", ["lines", "array", "text"])
def test_memory_at_the_default_limits(stream: str) -> None:
    """30 MB of any format are read within a few."""
    piece, opening, closing = STREAMS[stream]
    piece = piece.replace(b"Order placed", b"Order placed " * 30).replace(b'"TCS"', b'"%s"' % (b"TCS" * 300))
    notes = Notes()
    tracemalloc.start()
    count = sum(1 for _ in records(repeated(piece, 30_000_000, opening, closing), "x", notes))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 20_000
    assert notes.faults() == []
    assert peak < 5_000_000
