"""What could not be delivered as it was stored, one note for each kind of trouble."""

from typing import Final

import msgspec

TRUNCATED: Final = "truncated"
CORRUPT: Final = "corrupt"
INFLATED_TOO_FAR: Final = "inflated_too_far"
TRAILING_GARBAGE: Final = "trailing_garbage"
UNDECODABLE_LINE: Final = "undecodable_line"
INVALID_UTF8: Final = "invalid_utf8"
NOT_A_NUMBER: Final = "not_a_number"
RECORD_CUT: Final = "record_cut"
CSV_ROW: Final = "csv_row"
UNCLOSED_ARRAY: Final = "unclosed_array"


class Note(msgspec.Struct, frozen=True):
    """One kind of trouble in one object; `code` is stable, `detail` is a sentence for people."""

    code: str
    detail: str


class _Tally(msgspec.Struct):
    detail: str
    first: int | None
    count: int


class Notes:
    """The notes of one object, in the order in which each kind was first met.

    Reading is lazy: the notes are complete when the last record was taken and its value looked at.
    `unit` is what the numbers count: lines, or elements of an array.
    """

    __slots__ = ("_tallies", "unit")

    def __init__(self) -> None:
        self.unit = "line"
        self._tallies: dict[str, _Tally] = {}

    def add(self, code: str, detail: str, line: int | None = None) -> None:
        """With `line`, `detail` completes "3 lines are …"; without, it is a sentence of its own."""
        tally = self._tallies.get(code)
        if tally is None:
            self._tallies[code] = _Tally(detail, line, 1)
        else:
            tally.count += 1
            if line is not None and (tally.first is None or line < tally.first):
                tally.first, tally.detail = line, detail

    def faults(self) -> list[Note]:
        """One note a code: "3 lines are not valid JSON, the first is line 17"."""
        return [Note(code, self._sentence(tally)) for code, tally in self._tallies.items()]

    def _sentence(self, tally: _Tally) -> str:
        if tally.first is None:
            return tally.detail
        if tally.count == 1:
            return f"{self.unit} {tally.first} is {tally.detail}"
        return f"{tally.count} {self.unit}s are {tally.detail}, the first is {self.unit} {tally.first}"
