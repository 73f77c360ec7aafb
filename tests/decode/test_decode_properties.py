"""What must hold for any bytes at all, and for any cut of them into chunks."""

import gzip
import json
import zlib
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.decode import Limits, Note, Notes, inflate, records
from shared.decode.record import Kind

# Seeded, so that a run is like the one before it.
bounded = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(['"', "}, {", "\\", "]", '{"a":', "\n", "₹"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(["timestamp", "ts", "a", "b,"]), values, max_size=3)

FRAGMENTS = [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b"\n", b"\r\n", b" ", b"12", b"null"),
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\x1f\x8b", b"\\ud800", b'{"a": NaN}', b'{"a": [1e999'),
    *(b'{"a": 1}', b'{"a": {"a": 1}}', b'{"timestamp": "2026-01-15T09:15:00"}', b'{"a": 1},{"a": 2}'),
    *(b"a,b,c", b"1,2,3", b'"x\ny"', b"[2025-05-22 23:55:22] [ERROR] x", b"  File x", b"ValueError: x"),
    b"Traceback (most recent call last):\n",
    b"\n\nDuring handling of the above exception, another exception occurred:\n\n",
    b'{"a": "' + b"x" * 90 + b'"}',
    b"[" * 300,
]
garbage = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=4), max_size=40).map(b"".join)
small = st.builds(
    Limits,
    max_record_bytes=st.sampled_from([20, 80, 1000]),
    max_array_bytes=st.sampled_from([100, 100_000]),
    block_bytes=st.sampled_from([1, 7, 64, 1000, 1 << 18]),
)
names = st.sampled_from(["x", "x.csv"])
Shape = tuple[int, Kind, str | None, bytes, bytes, str | None]


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """The data in chunks of the sizes in turn, empty ones too."""
    chunks = []
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)] if sizes else len(data)
        chunks.append(data[at : at + size])
        at += size
        turn += 1
        if turn % len(sizes or [0]) == 0 and not any(sizes):
            sizes = []
    return chunks


def read(chunks: list[bytes], name: str, limits: Limits) -> tuple[list[Shape], list[Note]]:
    notes = Notes()
    encode = msgspec.json.encode
    found = [
        (r.index, r.kind, r.text, encode(r.value), encode(r.head), r.inherited_time)
        for r in records(chunks, name, notes, limits)
    ]
    return found, notes.faults()


def plain(data: bytes, block_bytes: int = 1 << 18) -> tuple[list[Any], list[Note]]:
    notes = Notes()
    found = list(records([data], "x", notes, Limits(block_bytes=block_bytes)))
    return [(record.index, record.kind, record.value) for record in found], notes.faults()


@bounded
@given(garbage, names, small)
def test_no_bytes_raise_and_every_record_can_be_written(data: bytes, name: str, limits: Limits) -> None:
    """Whatever is stored: numbers that rise, values that JSON can hold, text where there is no value."""
    found, _ = read([data], name, limits)
    numbers = [shape[0] for shape in found]
    assert numbers == sorted(set(numbers))
    assert all(number >= 1 for number in numbers)
    for _, kind, text, value, _, _ in found:
        assert (text is not None) == (kind in {"text", "raw"})
        assert text is None or value == b"null"
        assert text is None or msgspec.json.encode(text)


@bounded
@given(garbage, names, small, st.lists(st.integers(0, 9), max_size=5))
def test_the_chunks_change_nothing(data: bytes, name: str, limits: Limits, sizes: list[int]) -> None:
    """The same bytes are the same records and notes, however they arrive."""
    assert read(cut(data, sizes), name, limits) == read([data], name, limits)


@bounded
@given(garbage.filter(lambda data: b"{" not in data and b"[" not in data), st.sampled_from([1, 64, 1 << 18]))
def test_no_line_of_text_is_lost(data: bytes, block_bytes: int) -> None:
    """All text that is not blank comes out again, in its order."""
    notes = Notes()
    found = list(records([b"text\n" + data], "x", notes, Limits(block_bytes=block_bytes)))
    text = "\n".join(record.text or "" for record in found)
    lines = (b"text\n" + data).replace(b"\r\n", b"\n").decode(errors="replace").split("\n")
    lines[-1] = lines[-1].removesuffix("\r")
    assert [line for line in text.split("\n") if line.strip()] == [line for line in lines if line.strip()]


@bounded
@given(
    st.lists(objects, min_size=1, max_size=12),
    st.sampled_from(["\n", "\r\n", "\n\n", " \n"]),
    st.sampled_from([1, 64, 1 << 18]),
)
def test_json_lines_are_what_was_written(stored: list[Any], end: str, block_bytes: int) -> None:
    """Every value of every line, with its number, and not a note."""
    data = end.join(json.dumps(value) for value in stored).encode()
    step = end.count("\n")
    assert plain(data, block_bytes) == ([(n * step + 1, "json", value) for n, value in enumerate(stored)], [])


@bounded
@given(
    st.lists(objects, min_size=1, max_size=12)
    | st.lists(objects | values, max_size=8).map(lambda rest: [{}, *rest]),
    st.sampled_from([None, 0, 3]),
    st.booleans(),
    st.sampled_from([1, 7, 64, 1 << 18]),
)
def test_an_array_is_what_was_written(
    stored: list[Any], indent: int | None, ascii_only: bool, block_bytes: int
) -> None:
    """Every element of an array, in any layout and any blocks, and not a note."""
    data = json.dumps(stored, indent=indent, ensure_ascii=ascii_only).encode()
    assert plain(data, block_bytes) == ([(n, "json", value) for n, value in enumerate(stored, 1)], [])


@bounded
@given(st.lists(objects, min_size=1, max_size=8), st.integers(1, 200), st.sampled_from([7, 64, 1 << 18]))
def test_a_cut_array_keeps_its_whole_elements(stored: list[Any], missing: int, block_bytes: int) -> None:
    """The elements before the cut, each as it was."""
    parts = [json.dumps(value) for value in stored]
    data = ("[" + ",".join(parts) + "]")[:-missing]
    whole = 0
    while len("[" + ",".join(parts[: whole + 1])) <= len(data) and whole < len(parts):
        whole += 1
    if data.startswith('[{"'):
        found, notes = plain(data.encode(), block_bytes)
        assert [value for _, _, value in found[:whole]] == stored[:whole]
        assert [note.code for note in notes] == ["unclosed_array"]


@bounded
@given(
    st.lists(st.binary(max_size=600), min_size=1, max_size=4),
    st.lists(st.integers(0, 9), max_size=5),
    st.integers(0, 9),
)
def test_members_are_joined(bodies: list[bytes], sizes: list[int], zeros: int) -> None:
    """Gzip members, padded or not, however they arrive, are the bodies one after the other."""
    data = b"".join(gzip.compress(body) + b"\0" * zeros for body in bodies)
    notes = Notes()
    assert b"".join(inflate(cut(data, sizes), notes, Limits())) == b"".join(bodies)
    assert notes.faults() == []


@bounded
@given(
    st.binary(min_size=1, max_size=3000),
    st.integers(0, 3000),
    st.integers(1, 255),
    st.lists(st.integers(0, 99), max_size=3),
)
def test_a_damaged_member_never_raises(body: bytes, at: int, flip: int, sizes: list[int]) -> None:
    """One byte that is not what it was: as much as the standard library finds, and a note, or no harm."""
    data = bytearray(gzip.compress(body))
    at = 2 + at % (len(data) - 2)
    data[at] ^= flip
    notes = Notes()
    out = b"".join(inflate(cut(bytes(data), sizes), notes, Limits()))
    expected, again = b"", zlib.decompressobj(31)
    try:
        for number in range(len(data)):
            expected += again.decompress(data[number : number + 1])
    except zlib.error:
        pass
    assert out == body or notes.faults()
    assert out == body or out.startswith(expected)
