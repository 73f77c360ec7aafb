"""One JSON object, perhaps over many lines."""

from collections.abc import Iterable, Iterator
from itertools import chain

from shared.decode.limits import Limits
from shared.decode.lines import sized
from shared.decode.notes import Notes
from shared.decode.record import Record, json_record
from shared.decode.text_lines import text_lines


def json_object(chunks: Iterable[bytes], notes: Notes, limits: Limits, first: int = 1) -> Iterator[Record]:
    """The one record of a whole object, with index 1.

    What turns out to be none, or is longer than `limits.max_array_bytes`, is given as `raw` lines, of
    which `first` is the first, and noted: nothing is lost. Memory: `max_array_bytes`.
    """
    source = sized(chunks, limits.block_bytes)
    held = bytearray()
    for chunk in source:
        held += chunk
        if len(held) > limits.max_array_bytes:
            break
    else:
        record = json_record(held, 1, notes)
        if record is not None:
            yield record
            return
    yield from text_lines(chain(_drained(held), source), notes, limits, first, kind="raw")


def _drained(held: bytearray) -> Iterator[bytes]:
    """The bytes in pieces, read from the front and let go at the end."""
    for start in range(0, len(held), 65536):
        yield bytes(held[start : start + 65536])
    held.clear()
