"""Bytes of log objects into records: gzip or not, JSON, CSV or text; what is bad is noted, never raised.

One object is read with one `Notes`: `records(inflate(chunks, notes, limits), name, notes, limits)`, then
`record.head` for a filter by time, `record.value` where that passes, and `notes.faults()` at the end.
"""

from shared.decode.inflate import inflate
from shared.decode.limits import Limits
from shared.decode.notes import Note, Notes
from shared.decode.record import Head, Record, decode_json
from shared.decode.sniff import records
from shared.decode.tracebacks import TracebackGrouper, group_lines, is_traceback_start

__all__ = [
    "Head",
    "Limits",
    "Note",
    "Notes",
    "Record",
    "TracebackGrouper",
    "decode_json",
    "group_lines",
    "inflate",
    "is_traceback_start",
    "records",
]
