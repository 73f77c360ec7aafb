"""Lines of many containers, mixed and in the order of time, put together as they come.

`containers.groups_of` groups the lines of one container that are all there. These do the same to a
stream, forwards or backwards, and say how far their groups are final: the `frontier`.

Source: https://docs.python.org/3.11/library/traceback.html
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from shared.decode import TracebackGrouper, is_traceback_start
from shared.decode.tracebacks import BRACKETED_TIME, MAX_CHARACTERS, MAX_LINES
from shared.sources.containers import MAX_PAUSE, Line, groups_of

Group = list[Line]
Stream = tuple[str, str, str, str]

# What the last line of a traceback may look like, and more: `Error`, `pkg.Error: text`.
_LIKE_AN_EXCEPTION: Final = re.compile(r"[\w.<>]+(?::|$)")


def begins_anew(text: str) -> bool:
    """Whether a line surely continues nothing, whatever came before it."""
    if BRACKETED_TIME.match(text):
        return True
    return not (
        not text.strip()
        or text[0].isspace()
        or is_traceback_start(text)
        or _LIKE_AN_EXCEPTION.match(text)
        or " exception" in text
    )


def are_apart(before: str, text: str) -> bool:
    """Whether `text` surely continues nothing, given the line of its container before it."""
    if begins_anew(text):
        return True
    if before[:1].isspace() or is_traceback_start(before):
        return False
    # A chained traceback follows a sentence or a blank line; a last line follows an indented or the first.
    if is_traceback_start(text):
        return bool(before) and " exception" not in before
    return _LIKE_AN_EXCEPTION.match(text) is not None


class Grouping(Protocol):
    """Lines in, groups out. Lines of equal times may come in any order."""

    def push(self, line: Line) -> Iterator[Group]:
        """The next line of the stream: groups that are final with it."""

    def settle(self) -> Iterator[Group]:
        """Groups that are final because nothing was added to them for too long."""

    def finish(self) -> Iterator[Group]:
        """All that is left, at the end of the stream."""

    def frontier(self) -> int | None:
        """Every group whose first line lies before this instant (in the order of reading) was told.
        None before the first line, and after the end."""


class _Ties:
    """Lines of one time, which must all be there before their order is known."""

    def __init__(self, take: Callable[[Line], Iterator[Group]], *, backwards: bool) -> None:
        self._take = take
        self._backwards = backwards
        self._lines: list[Line] = []

    @property
    def time(self) -> int | None:
        return self._lines[0].timestamp if self._lines else None

    def push(self, line: Line) -> Iterator[Group]:
        if self._lines and self._lines[0].timestamp != line.timestamp:
            yield from self.release()
        self._lines.append(line)

    def release(self) -> Iterator[Group]:
        lines, self._lines = self._lines, []
        if len(lines) > 1:
            lines.sort(key=lambda line: line.order, reverse=self._backwards)
        for line in lines:
            yield from self._take(line)


class Forwards:
    """Oldest first."""

    def __init__(self) -> None:
        self._ties = _Ties(self._take, backwards=False)
        self._groupers: dict[Stream, TracebackGrouper[Line]] = {}
        # Of each container with an open group: the time of its first line, and of its latest.
        self._open: dict[Stream, tuple[int, int]] = {}

    def push(self, line: Line) -> Iterator[Group]:
        """See Grouping."""
        return self._ties.push(line)

    def _take(self, line: Line) -> Iterator[Group]:
        if line.text is None:
            yield [line]
            return
        stream = line.stream
        grouper = self._groupers.get(stream)
        if grouper is None:
            grouper = self._groupers[stream] = TracebackGrouper()
        if stream in self._open and line.timestamp - self._open[stream][1] > MAX_PAUSE:
            yield from self._close(stream)
        groups = grouper.push(line.text, line)
        if not grouper.active:
            self._open.pop(stream, None)
        elif groups or stream not in self._open:
            self._open[stream] = (line.timestamp, line.timestamp)
        else:
            self._open[stream] = (self._open[stream][0], line.timestamp)
        yield from groups

    def _close(self, stream: Stream) -> Iterator[Group]:
        del self._open[stream]
        yield from self._groupers[stream].flush()

    def settle(self) -> Iterator[Group]:
        """See Grouping."""
        if (now := self._ties.time) is not None:
            for stream in [s for s, (_, last) in self._open.items() if now - last > MAX_PAUSE]:
                yield from self._close(stream)

    def finish(self) -> Iterator[Group]:
        """See Grouping."""
        yield from self._ties.release()
        for stream in list(self._open):
            yield from self._close(stream)

    def frontier(self) -> int | None:
        """See Grouping."""
        times = [first for first, _ in self._open.values()]
        if self._ties.time is not None:
            times.append(self._ties.time)
        return min(times, default=None)


class Backwards:
    """Newest first: the lines of a container are kept until one comes that surely stands apart from them.

    At most as many are kept as a traceback may have; beyond that they are cut where they are.
    """

    def __init__(self) -> None:
        self._ties = _Ties(self._take, backwards=True)
        self._kept: dict[Stream, list[Line]] = {}
        self._characters: dict[Stream, int] = {}

    def push(self, line: Line) -> Iterator[Group]:
        """See Grouping."""
        return self._ties.push(line)

    def _take(self, line: Line) -> Iterator[Group]:
        if line.text is None:
            yield [line]
            return
        stream = line.stream
        if (kept := self._kept.get(stream)) and self._is_apart(line, stream, kept):
            yield from self._release(stream)
        self._kept.setdefault(stream, []).append(line)
        self._characters[stream] = self._characters.get(stream, 0) + len(line.text)
        if begins_anew(line.text):
            yield from self._release(stream)

    def _is_apart(self, line: Line, stream: Stream, kept: list[Line]) -> bool:
        return (
            kept[-1].timestamp - line.timestamp > MAX_PAUSE
            or are_apart(line.text or "", kept[-1].text or "")
            or len(kept) >= MAX_LINES
            or self._characters[stream] >= MAX_CHARACTERS
        )

    def _release(self, stream: Stream) -> Iterator[Group]:
        del self._characters[stream]
        yield from groups_of(reversed(self._kept.pop(stream)))

    def settle(self) -> Iterator[Group]:
        """See Grouping."""
        if (now := self._ties.time) is not None:
            for stream in [s for s, kept in self._kept.items() if kept[-1].timestamp - now > MAX_PAUSE]:
                yield from self._release(stream)

    def finish(self) -> Iterator[Group]:
        """See Grouping."""
        yield from self._ties.release()
        for stream in list(self._kept):
            yield from self._release(stream)

    def frontier(self) -> int | None:
        """See Grouping."""
        times = [kept[0].timestamp for kept in self._kept.values()]
        if self._ties.time is not None:
            times.append(self._ties.time)
        return max(times, default=None)
