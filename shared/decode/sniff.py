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
    source = iter(chunks)
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


def _opening(source: Iterator[bytes], max_bytes: int) -> tuple[bytes, int]:
    """The bytes from the first line that is not blank, and that line's number.

    Two whole lines and 4 KiB, or everything, or `max_bytes`; without a byte order mark. Empty for a blank
    object.
    """
    held: list[bytes] = []
    size = newlines = 0
    first = 1
    at_start = True
    for chunk in chain(source, [b""]):
        held.append(chunk)
        size += len(chunk)
        newlines += chunk.count(b"\n")
        if chunk and size < max_bytes and (newlines < 2 or size < _OPENING_BYTES):
            continue
        opening = b"".join(held)
        if at_start and len(opening) >= len(_BOM):
            opening = opening.removeprefix(_BOM)
            at_start = False
        blank = opening[: len(opening) - len(opening.lstrip())]
        start = blank.rfind(b"\n") + 1
        first += blank.count(b"\n")
        opening = opening[start:]
        held, size, newlines = [opening], len(opening), opening.count(b"\n")
        if not opening.strip():
            # However long the white space is, it is neither a record nor held.
            held, size = [opening[:max_bytes]], min(size, max_bytes - 1)
        elif size >= max_bytes or (newlines >= 2 and size >= _OPENING_BYTES):
            return opening, first
    return (opening if opening.strip() else b""), first


def _sniffed(opening: bytes, max_bytes: int) -> bytes:
    """The same bytes of the opening whatever the chunks were: two lines and 4 KiB, or `max_bytes`."""
    lines = b"\n".join(opening.split(b"\n", 2)[:2])
    return opening[: min(max_bytes, max(len(lines) + 1, _OPENING_BYTES))]


def _has_object_lines(opening: bytes) -> bool:
    """Whether the first line is an object, or was cut and the second is one."""
    for line in opening.split(b"\n", 2)[:2]:
        if line.lstrip().startswith(b"{") and json_record(line.strip(), 1, Notes()) is not None:
            return True
    return False
