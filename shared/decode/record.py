"""One decoded record, and the few fields of it that a time filter needs."""

from typing import Any, Final, Literal

import msgspec

from shared.decode.lenient import Undecodable, decode_leniently, nests_too_deep
from shared.decode.notes import RECORD_CUT, UNDECODABLE_LINE, Notes

Kind = Literal["json", "csv", "text", "raw"]

JSON: Final[Kind] = "json"
# Everything that msgspec raises for bytes that are not the JSON it wants.
NOT_DECODED: Final = (msgspec.MsgspecError, ValueError, RecursionError)


class Head(msgspec.Struct, gc=False):
    """The fields that may hold a record's time, as they were stored; the rest is skipped."""

    timestamp: Any = None
    time: Any = None
    ts: Any = None
    at_timestamp: Any = msgspec.field(default=None, name="@timestamp")
    entry_time: Any = None
    exit_time: Any = None
    created_at: Any = None
    updated_at: Any = None
    last_updated: Any = None


_decode_head: Final = msgspec.json.Decoder(Head).decode
_decode_any: Final = msgspec.json.Decoder().decode


class Record(msgspec.Struct, gc=False, eq=False):
    """One record of one object.

    `index` counts from 1: the line (of a traceback, a multi-line CSV row: its first), the element of an
    array, 1 for a single object. `kind` is `raw` where nothing but the text could be had.
    `head` is there for JSON objects only; a number, a string or an array is a `json` record without.
    `text` is there for `text` and `raw`; of these, `inherited_time` is the text inside the brackets of
    the nearest line above that begins with a bracketed time, unless the record has one of its own.
    """

    index: int
    kind: Kind
    head: Head | None = None
    raw: bytes | bytearray | None = None
    notes: Notes | None = None
    text: str | None = None
    inherited_time: str | None = None
    decoded: Any = msgspec.UNSET

    @property
    def size(self) -> int:
        """About how many bytes it holds; exact for JSON whose value was not asked for yet."""
        if self.raw is not None:
            return len(self.raw)
        if isinstance(self.decoded, dict):
            return sum(len(str(name)) + len(str(value)) for name, value in self.decoded.items())
        return len(self.text or "")

    @property
    def value(self) -> Any:
        """The whole record, decoded at the first access and kept; None for text.

        NaN, Infinity and numbers beyond a float are None, integers are exact, CSV cells are text or
        None. What turns out not to be decodable here is its raw text, and noted.
        """
        if self.decoded is msgspec.UNSET:
            self.decoded = None if self.raw is None else self._decode(self.raw)
            self.raw = None
        return self.decoded

    def _decode(self, raw: bytes | bytearray) -> Any:
        try:
            value = _decode_any(raw)
        except NOT_DECODED:
            value = msgspec.UNSET
        notes = self.notes or Notes()
        try:
            if value is msgspec.UNSET:
                return decode_leniently(raw, self.index, notes)
            if not nests_too_deep(raw, value):
                return value
        except Undecodable:
            pass
        notes.add(UNDECODABLE_LINE, "not valid JSON", self.index)
        return raw.decode(errors="replace")


def json_record(raw: bytes | bytearray, index: int, notes: Notes) -> Record | None:
    """The record of one JSON text; None when it is none, of which nothing is noted."""
    try:
        return Record(index, "json", _decode_head(raw), raw, notes)
    except NOT_DECODED:
        pass
    try:
        value = _decode_any(raw)
        if not isinstance(value, dict) and not nests_too_deep(raw, value):
            return Record(index, "json", decoded=value)
    except NOT_DECODED:
        pass
    try:
        value = decode_leniently(raw, index, notes)
    except Undecodable:
        return None
    head = msgspec.convert(value, Head) if isinstance(value, dict) else None
    return Record(index, "json", head, notes=notes, decoded=value)


def decode_json(raw: bytes, notes: Notes) -> Any:
    """The value of one JSON text that stands alone; UNSET when it is none, of which nothing is noted."""
    record = json_record(raw, 1, notes)
    return msgspec.UNSET if record is None else record.value


def json_or_raw(raw: bytes | bytearray, index: int, notes: Notes) -> Record:
    """The record of one JSON text; what is none is kept as its text, and noted."""
    record = json_record(raw, index, notes)
    if record is None:
        notes.add(UNDECODABLE_LINE, "not valid JSON", index)
        record = Record(index, "raw", text=raw.decode(errors="replace"))
    return record


def cut_record(raw: bytes, index: int, notes: Notes, inherited_time: str | None = None) -> Record:
    """The beginning of a record that is longer than a record may be."""
    notes.add(RECORD_CUT, f"cut after {len(raw)} bytes", index)
    return Record(index, "raw", text=raw.decode(errors="replace"), inherited_time=inherited_time)
