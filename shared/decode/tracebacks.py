"""Python tracebacks, which the stores keep a line at a time, put together again.

The shape is that of the interpreter: https://docs.python.org/3.11/library/traceback.html
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, Literal, TypeVar

T = TypeVar("T")

MAX_LINES: Final = 1000
MAX_CHARACTERS: Final = 256 * 1024
FIRST_LINE: Final = "Traceback (most recent call last):"
BRACKETED_TIME: Final = re.compile(
    r"\[(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?)\]", re.ASCII
)

_GROUP_FIRST_LINE: Final = "+ Exception Group " + FIRST_LINE
_LINKS: Final = frozenset(
    {
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
    }
)
# `KeyboardInterrupt`, `pkg.mod.Error: text`, `__main__.work.<locals>.Error`, but not `INFO: text`.
_EXCEPTION: Final = re.compile(
    r"(?!(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\b)"
    r"[^\W\d]\w*(?:\.(?:[^\W\d]\w*|<locals>))*(?::(?:\s.*)?)?$",
    re.DOTALL,
)


def is_traceback_start(text: str) -> bool:
    """Whether the line is the first of a traceback, or of an exception group's."""
    return FIRST_LINE in text and text.strip() in (FIRST_LINE, _GROUP_FIRST_LINE)


class TracebackGrouper(Generic[T]):
    """Puts the lines of a traceback, chained ones included, into one group; any other line is its own.

    Groups come out in the order of their first lines, and all items with them: lines that were held back
    because a chained traceback might have followed are given back as groups of one.
    A group ends at a line with a bracketed time, and at 1,000 lines or 256 Ki characters.
    """

    def __init__(self) -> None:
        self._state: Literal["outside", "frames", "indented", "ended"] = "outside"
        self._group: list[T] = []
        self._held: list[tuple[str, T]] = []
        self._characters = 0

    @property
    def active(self) -> bool:
        """Whether a group is open, so that the next line may belong to it."""
        return self._state != "outside"

    def push(self, text: str, item: T) -> list[list[T]]:
        """The groups that are complete now that `item`, a line with this text, has come."""
        if self._state == "outside":
            return self._begin(text, item)
        if self._is_full(text) or BRACKETED_TIME.match(text):
            return [*self.flush(), *self._begin(text, item)]
        if self._state == "ended":
            return self._after_end(text, item)
        if text[:1].isspace():
            self._take(text, item)
            return []
        if self._state == "frames" and _EXCEPTION.match(text):
            self._take(text, item)
            self._state = "ended"
            return []
        if self._state == "indented" and not text:
            self._state = "ended"
            return self._after_end(text, item)
        return [*self.flush(), *self._begin(text, item)]

    def flush(self) -> list[list[T]]:
        """The open group and what was held back behind it; there may be none."""
        groups = [self._group] if self._group else []
        groups.extend([item] for _, item in self._held)
        self._state, self._group, self._held, self._characters = "outside", [], [], 0
        return groups

    def _begin(self, text: str, item: T) -> list[list[T]]:
        if not is_traceback_start(text):
            return [[item]]
        self._open(text, item)
        return []

    def _open(self, text: str, item: T) -> None:
        self._take(text, item)
        # Every line of an exception group is indented, its exceptions too.
        self._state = "indented" if text.lstrip().startswith("+") else "frames"

    def _after_end(self, text: str, item: T) -> list[list[T]]:
        """A blank line, a sentence that links, a blank line and a traceback belong to the one before."""
        linked = any(held.strip() in _LINKS for held, _ in self._held)
        if linked and is_traceback_start(text):
            for held in self._held:
                self._take(*held)
            self._held = []
            self._open(text, item)
            return []
        if len(self._held) < 3 and (not text.strip() or (not linked and text.strip() in _LINKS)):
            self._held.append((text, item))
            return []
        return [*self.flush(), *self._begin(text, item)]

    def _take(self, text: str, item: T) -> None:
        self._group.append(item)
        self._characters += len(text)

    def _is_full(self, text: str) -> bool:
        return (
            len(self._group) + len(self._held) >= MAX_LINES or self._characters + len(text) > MAX_CHARACTERS
        )


def group_lines(items: Iterable[T], text_of: Callable[[T], str | None]) -> Iterator[list[T]]:
    """All items in their order, those of one traceback in one list, every other in its own.

    An item whose text is None is not a line of text and never joined.
    """
    grouper: TracebackGrouper[T] = TracebackGrouper()
    for item in items:
        text = text_of(item)
        if text is None:
            yield from grouper.flush()
            yield [item]
        else:
            yield from grouper.push(text, item)
    yield from grouper.flush()
