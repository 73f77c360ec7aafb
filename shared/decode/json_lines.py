"""JSON lines: a record a line."""

from collections.abc import Iterable, Iterator
from itertools import repeat
from operator import itemgetter
from typing import Final

import msgspec

from shared.decode.limits import Limits
from shared.decode.lines import line_blocks
from shared.decode.notes import Notes
from shared.decode.record import JSON, NOT_DECODED, Head, Record, cut_record, json_or_raw

_decode_heads: Final = msgspec.json.Decoder(Head).decode_lines
_first_byte: Final = itemgetter(0)
_last_byte: Final = itemgetter(-1)


def json_lines(chunks: Iterable[bytes], notes: Notes, limits: Limits, first: int = 1) -> Iterator[Record]:
    """The records of lines, the first of which has the index `first`; blank lines only count.

    A line that is no JSON is a `raw` record and noted; so is the beginning of one that is too long.
    """
    index = first
    for block, cut in line_blocks(chunks, limits):
        if cut:
            yield cut_record(block, index, notes)
            index += 1
            continue
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        if b"\r" in block:
            lines = [line.removesuffix(b"\r") for line in lines]
        numbers = range(index, index + len(lines))
        heads = _heads(block, lines)
        if heads is not None:
            yield from map(Record, numbers, repeat(JSON), heads, lines, repeat(notes))
        else:
            for number, line in zip(numbers, lines, strict=True):
                if line and not line.isspace():
                    yield json_or_raw(line, number, notes)
        index += len(lines)


def _heads(block: bytes, lines: list[bytes]) -> list[Head] | None:
    """The heads of all lines when each of them is exactly one object, else None.

    The decoder does not care for lines: `{"a":` and `1}` may stand on two, `{}{}` on one. Where every
    line begins with `{` and ends with `}` no object can go on in the next line, for between two braces
    there would have to be a comma; as many heads as lines are then one for each.
    """
    try:
        if set(map(_first_byte, lines)) != {ord("{")} or set(map(_last_byte, lines)) != {ord("}")}:
            return None
        heads = _decode_heads(block)
    except (*NOT_DECODED, IndexError):
        return None
    return heads if len(heads) == len(lines) else None
