"""What is kept of the lines that share a skeleton; two tallies of one skeleton merge into their sum.

Everything here is a sum, a minimum, a maximum, or the k smallest of a set: none of it depends on the
order in which lines or tallies come.
"""

from collections.abc import Iterable
from typing import Any, Final
from zlib import crc32

import msgspec

from shared.search.masks import Masked

MAX_SLOT_TEXTS: Final = 8
MAX_SLOT_TEXT_CHARS: Final = 80
MAX_EXAMPLE_CHARS: Final = 1000
MAX_GROUPS: Final = 50
_ALL: Final = 1 << 32
# What the caller knows an entry by: its id, or anything else that sorts and is one entry's alone.
Ref = Any


class Slot(msgspec.Struct, frozen=True):
    """The values that stood at one `<*>`: the range of the numbers, and up to 8 of the other texts,
    the first in alphabetical order; `more` when there were others."""

    low: float | None = None
    high: float | None = None
    texts: tuple[str, ...] = ()
    more: bool = False


class SlotTally:
    """A Slot that grows."""

    __slots__ = ("high", "low", "more", "texts")

    def __init__(self) -> None:
        self.low = float("inf")
        self.high = float("-inf")
        self.texts: set[str] = set()
        self.more = False

    def add_text(self, text: str) -> None:
        """A text that is not among `texts`."""
        text = text[:MAX_SLOT_TEXT_CHARS]
        self.texts.add(text)
        if len(self.texts) > MAX_SLOT_TEXTS:
            self.texts.remove(max(self.texts))
            self.more = True

    def merge(self, other: "SlotTally") -> None:
        """Adds the other's values."""
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        self.more = self.more or other.more
        for text in other.texts:
            self.add_text(text)

    def slot(self) -> Slot:
        """As it stands."""
        texts = tuple(sorted(self.texts))
        if self.low > self.high:
            return Slot(None, None, texts, self.more)
        return Slot(self.low, self.high, texts, self.more)


class Tally:
    """Of one skeleton: how many lines, and of each group; the first and last instant, slots, and
    `max_examples` different messages, each with the entry that said it first.

    Which messages is decided by a hash of them, as good as by lot but the same each time.
    """

    __slots__ = ("count", "examples", "first", "groups", "last", "max_examples", "slots", "worst")

    def __init__(self, slots: int, max_examples: int, timestamp: int) -> None:
        self.count = 0
        self.groups: dict[str, int] = {}
        self.first = self.last = timestamp
        self.slots = [SlotTally() for _ in range(slots)]
        self.max_examples = max_examples
        self.examples: dict[str, tuple[int, Ref]] = {}
        self.worst = _ALL

    def add(self, values: list[Masked], message: str, timestamp: int, ref: Ref) -> None:
        """One line; `values` as many as there are slots."""
        self.count += 1
        if timestamp < self.first:
            self.first = timestamp
        elif timestamp > self.last:
            self.last = timestamp
        for slot, (_, text, number) in zip(self.slots, values, strict=True):
            if number is not None:
                # min() and max() would be calls, in the innermost loop there is.
                if number < slot.low:  # noqa: PLR1730
                    slot.low = number
                if number > slot.high:  # noqa: PLR1730
                    slot.high = number
            elif text and text not in slot.texts:
                slot.add_text(text)
        if len(message) > MAX_EXAMPLE_CHARS:
            message = message[:MAX_EXAMPLE_CHARS]
        if _lot(message) <= self.worst:
            self._add_example(message, (timestamp, ref))

    def merge(self, other: "Tally") -> None:
        """Adds the lines of another tally of the same skeleton."""
        self.count += other.count
        for group, count in other.groups.items():
            self.add_group(group, count)
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        for slot, more in zip(self.slots, other.slots, strict=True):
            slot.merge(more)
        for message, told in other.examples.items():
            self._add_example(message, told)

    def add_group(self, group: str, count: int = 1) -> None:
        """So many of its lines are of this group. Of too many groups the first in alphabetical order are
        kept: their counts are exact."""
        self.groups[group] = self.groups.get(group, 0) + count
        if len(self.groups) > MAX_GROUPS:
            del self.groups[max(self.groups)]

    def ranked_examples(self) -> list[tuple[Ref, str]]:
        """(ref, message), in the order in which they would be kept."""
        ranked = sorted(self.examples, key=lambda message: (_lot(message), message))
        return [(self.examples[message][1], message) for message in ranked]

    def _add_example(self, message: str, told: tuple[int, Ref]) -> None:
        known = self.examples.get(message)
        if known is not None:
            if told < known:
                self.examples[message] = told
            return
        self.examples[message] = told
        if len(self.examples) > self.max_examples:
            del self.examples[max(self.examples, key=lambda text: (_lot(text), text))]
        if len(self.examples) == self.max_examples:
            self.worst = max(map(_lot, self.examples))


def spread(tallies: Iterable[Tally], limit: int) -> tuple[tuple[Ref, str], ...]:
    """Up to `limit` different examples, one of each tally in turn: lines of unlike shape come first."""
    queues = [tally.ranked_examples()[::-1] for tally in tallies]
    chosen: dict[str, Ref] = {}
    while queues and len(chosen) < limit:
        for queue in queues:
            ref, message = queue.pop()
            if len(chosen) < limit:
                chosen.setdefault(message, ref)
        queues = [queue for queue in queues if queue]
    return tuple((ref, message) for message, ref in chosen.items())


def _lot(message: str) -> int:
    return crc32(message.encode("utf-8", "surrogatepass"))
