"""One instance's row of a subject's counts in the state store.

    limit/{policy}/{hash of the subject}/{n}   a counter; n = the number of the period of `per_s`
        {slot}.{row}: units                    slot = the number of the twelfth of a period

A row belongs to one Window of one process, and only its owner adds to it: whatever becomes of a write,
its owner's own count stays right. A counter takes no more writes after its period, and expires. Units
keep the slot that they were used in, also when they are told late.
"""

import itertools
import os
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

SLOTS: Final = 12
_MAX_SLOT_DIGITS: Final = 15
_MAX_UNITS: Final = 2**53
_PROCESS: Final = os.urandom(6).hex()
_numbers = itertools.count()


class Telling(msgspec.Struct, frozen=True):
    """What goes to the store: `deltas` into the counter `period`; `last` is the field of the latest unit."""

    period: int
    deltas: dict[str, float]
    last: str


class Row:
    """What is to be told of one subject, and what was heard. Not thread-safe."""

    __slots__ = ("_heard", "_name", "_per_s", "_slot_s", "_untold", "untold")

    def __init__(self, per_s: float) -> None:
        # The process id is there for forks, which share the rest.
        self._name = f"{_PROCESS}-{os.getpid()}-{next(_numbers)}"
        self._per_s = per_s
        self._slot_s = per_s / SLOTS
        self._untold: dict[int, int] = {}
        self.untold = 0
        self._heard = 0

    def add(self, wall_s: float) -> None:
        """One unit more to tell; those that have left the window meanwhile need not be told."""
        slot = int(wall_s // self._slot_s)
        if slot not in self._untold:
            self._untold = {old: units for old, units in self._untold.items() if abs(slot - old) <= SLOTS}
            self.untold = sum(self._untold.values())
        self._untold[slot] = self._untold.get(slot, 0) + 1
        self.untold += 1

    def tell(self, wall_s: float) -> Telling:
        """What to write now. It counts as told, whatever becomes of it."""
        slot = int(wall_s // self._slot_s)
        deltas = {f"{old}.{self._name}": float(units) for old, units in self._untold.items()}
        self._untold, self.untold = {}, 0
        return Telling(slot // SLOTS, deltas, f"{slot}.{self._name}")

    def question(self) -> int:
        """A number to be taken after the telling was written and before the counters are read."""
        return next(_numbers)

    def hear(
        self, question: int, telling: Telling, counters: Iterable[Mapping[str, float]], wall_s: float
    ) -> list[tuple[float, int]] | None:
        """What all other rows hold, as (for how many seconds it still counts, units).

        None if a later question was answered before this one (its answer holds what this one asked
        for), or if the answer lacks what was just told: then it was cut short.
        """
        found = list(counters)
        if question < self._heard or not any(telling.last in sums for sums in found):
            return None
        self._heard = question
        heard = (self._lasting(field, units, wall_s) for sums in found for field, units in sums.items())
        return [entry for entry in heard if entry and entry[0] > 0]

    def _lasting(self, field: str, units: float, wall_s: float) -> tuple[float, int] | None:
        slot, _, row = field.partition(".")
        if row == self._name or not slot.isdecimal() or len(slot) > _MAX_SLOT_DIGITS:
            return None
        if not 1 <= units <= _MAX_UNITS:
            return None
        began_s = int(slot) * self._slot_s
        if began_s > wall_s + self._per_s:
            return None  # a clock that is far ahead: its units would never leave our window
        # A unit may be as young as the end of its slot, but it was used before it was read.
        used_s = min(began_s + self._slot_s, wall_s)
        return used_s + self._per_s - wall_s, int(units)
