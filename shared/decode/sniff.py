"""Which format an object has, told by its first bytes."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from shared.decode.csv_rows import HEADER, csv_rows
from shared.decode.json_array import OPENING, json_array
from shared.decode.json_lines import json_lines
from shared.decode.json_object import json_object
from shared.decode.limits import Limits
from shared.decode.notes import Notes
from shared.decode.record import Record, json_record
from shared.decode.text_lines import text_lines

_BOM: Final = b"\xef\xbb\xbf"
_OBJECT: Final = re.compile(rb"\s*\{\s*(?:[\"}]|$)")
_OPENING_BYTES: Final = 4096
_DEFAULT_LIMITS: Final = Limits()


def records(
    chunks: Iterable[bytes], name: str, notes: Notes, limits: Limits = _DEFAULT_LIMITS
) -> Iterator[Record]:
    """The records of one object's decompressed bytes, in the order in which they are stored.

    The first bytes tell the format; `name`, the object's, only where it ends in `.csv` or `.csv.gz`.
    Bad data never raises: it becomes `raw` records and notes. What `chunks` raises goes through.
    """
    source = _without_mark(chunks)
    opening, first = _opening(source, limits.max_record_bytes)
    if not opening:
        return
    stream = chain([opening], source)
    sniffed = _sniffed(opening, limits.max_record_bytes)
    if OPENING.match(sniffed):
        yield from json_array(stream, notes, limits)
    elif _OBJECT.match(sniffed):
        read = json_lines if _has_object_lines(sniffed) else json_object
        yield from read(stream, notes, limits, first)
    elif name.lower().endswith((".csv", ".csv.gz")) or HEADER.fullmatch(sniffed.split(b"\n", 1)[0]):
        yield from csv_rows(stream, notes, limits, first)
    else:
        yield from text_lines(stream, notes, limits, first)


def _without_mark(chunks: Iterable[bytes]) -> Iterator[bytes]:
    source = iter(chunks)
    beginning = b""
    for chunk in source:
        beginning += chunk
        if len(beginning) >= len(_BOM):
            break
    yield beginning.removeprefix(_BOM)
    yield from source


def _opening(source: Iterator[bytes], max_bytes: int) -> tuple[bytes, int]:
    """Enough bytes to tell the format, from the first line that is not blank, and that line's number.

    White space alone is neither a record nor held, however long it is: empty for a blank object.
    """
    opening = bytearray()
    first = 1
    wanted = min(_OPENING_BYTES, max_bytes)
    for chunk in source:
        opening += chunk
        if len(opening) < wanted:
            continue
        first += _drop_blank_lines(opening)
        if not opening.strip():
            del opening[max_bytes:]
        elif len(_sniffed(opening, max_bytes)) < len(opening) or len(opening) >= max_bytes:
            break
        wanted = max(wanted, min(2 * len(opening), max_bytes))
    first += _drop_blank_lines(opening)
    return (bytes(opening) if opening.strip() else b""), first


def _drop_blank_lines(opening: bytearray) -> int:
    """Cuts off the blank lines at the beginning, and says how many they were."""
    indent = len(opening) - len(opening.lstrip())
    end = opening.rfind(b"\n", 0, indent) + 1
    lines = opening.count(b"\n", 0, end)
    del opening[:end]
    return lines


def _sniffed(opening: bytes | bytearray, max_bytes: int) -> bytes:
    """What the format is told by: two whole lines and 4 KiB, 4 KiB behind a bracket, or `max_bytes`.

    The same bytes however much more of the object was read.
    """
    size = _OPENING_BYTES
    if not opening.lstrip().startswith(b"["):
        second = opening.find(b"\n", opening.find(b"\n") + 1) if b"\n" in opening else -1
        size = max(size, second + 1) if second >= 0 else max_bytes
    return bytes(opening[: min(max_bytes, size)])


def _has_object_lines(opening: bytes) -> bool:
    """Whether the first line is an object, or was cut and the second is one."""
    for line in opening.split(b"\n", 2)[:2]:
        if line.lstrip().startswith(b"{") and json_record(line.strip(), 1, Notes()) is not None:
            return True
    return False
