"""What of a digest fits a budget of tokens: rare problems first, then more of their examples, then what is
frequent and normal, and a line that says what was left out.

Everything here is one JSON line each, for the prompt. Without a model the same selection is what the rules
look at, and its patterns are what a summary shows.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from shared.search.patterns import PROBLEM_EXAMPLES, Pattern
from shared.summary.digest import PROBLEM, Findable
from shared.summary.line import Line
from shared.summary.rows import (
    WITHHELD,
    Example,
    Row,
    excerpt,
    gist,
    is_prose,
    numbers,
    rendered,
    shown,
    template_of,
    to_json,
)
from shared.summary.suspicion import is_suspicious
from shared.summary.tokens import estimate

__all__ = ["WITHHELD", "Example", "Row", "Selection", "excerpt", "least", "numbers", "select"]

# An example's text in the prompt, in characters: the first that lets every problem in.
_TEXT_CHARS: Final = (240, 160, 110, 80)
# Of the budget, what problems leave to the normal patterns when both want more than there is.
_NORMAL_SHARE: Final = 0.12
# After so many patterns that have no room, no other is tried: their texts are costly to look at.
_MAX_MISSES: Final = 20


class Selection(msgspec.Struct):
    """What is shown of a digest; the counts of `rows` and `omitted` are what matched."""

    found: Findable
    rows: list[Row]
    tokens: int = 0

    @property
    def shown(self) -> int:
        """How many entries the shown patterns stand for."""
        return sum(row.pattern.count for row in self.rows)

    @property
    def omitted(self) -> int:
        """How many entries no shown pattern stands for."""
        return self.found.matched - self.shown

    def examples(self) -> Iterator[Example]:
        """Every example."""
        for row in self.rows:
            yield from row.examples

    def lines(self) -> list[str]:
        """A JSON line each pattern, and the one that says what was left out."""
        lines = [to_json(rendered(row, self.found.window.end - self.found.window.start)) for row in self.rows]
        return [*lines, self.rest()]

    def rest(self) -> str:
        """The line about what is not shown."""
        patterns = len(self.found.problems) + len(self.found.others)
        problems = sum(1 for row in self.rows if row.pattern.severity >= PROBLEM)
        return to_json(
            {
                "left_out": {
                    "entries": self.omitted,
                    "patterns": patterns - len(self.rows),
                    "of_problems": len(self.found.problems) - problems,
                }
            }
        )


def select(found: Findable, budget: int) -> Selection:
    """As much of a digest as `budget` tokens hold, whatever the estimate says of them at most."""
    filler = _Filler(found, budget)
    for chars in _TEXT_CHARS:
        if filler.problems(chars):
            break
    normal = int(filler.left * _NORMAL_SHARE) if found.others else 0
    filler.templates(keep=normal)
    filler.more_examples(keep=normal)
    filler.others()
    filler.more_examples()
    return filler.selection


def least(found: Findable, budget: int) -> int:
    """How many tokens all problems take at least, with texts of any length; at most `budget`."""
    filler = _Filler(found, budget)
    return filler.selection.tokens if filler.problems(_TEXT_CHARS[-2]) else budget


def _from_both_ends(ranked: list[Pattern]) -> Iterator[Pattern]:
    """The rarest, the most frequent, the second rarest …: when not all find room, both ends have some."""
    for at in range(len(ranked)):
        yield ranked[at // 2] if at % 2 == 0 else ranked[-1 - at // 2]


class _Examples(NamedTuple):
    """A pattern's entries: the first `unlike` of them differ in more than a word from all before, the first
    `new` in a word at least."""

    lines: list[Line]
    unlike: int
    new: int


class _Filler:
    """Adds what fits, and keeps count."""

    def __init__(self, found: Findable, budget: int) -> None:
        self.selection = Selection(found, [])
        self._found = found
        self._span = found.window.end - found.window.start
        self._budget = budget
        self._next_ref = 1
        self._chars = _TEXT_CHARS[0]
        self._ordered: dict[str, _Examples] = {}
        self._reset()

    @property
    def left(self) -> int:
        return self._budget - self.selection.tokens

    def _reset(self) -> None:
        self.selection.rows = []
        self._next_ref = 1
        self.selection.tokens = estimate(self.selection.rest()) + 16

    def problems(self, chars: int) -> bool:
        """Each problem with its first example, then with one of each of its shapes; whether all found room.

        Templates of the same words, whose lines have unequal numbers of values, are one problem: the others
        come last.
        """
        self._reset()
        self._chars = chars
        first: dict[tuple[str, ...], Pattern] = {}
        for pattern in self._found.problems:
            first.setdefault((pattern.severity.name, *gist(pattern.template)), pattern)
        fitted = self._add_all(_from_both_ends(list(first.values())))
        fitted = self._add_examples(lambda row: self._examples(row.pattern).unlike) and fitted
        self._add_examples(lambda row: self._examples(row.pattern).new)
        chosen = {pattern.id for pattern in first.values()}
        self._add_all(pattern for pattern in self._found.problems if pattern.id not in chosen)
        place = {pattern.id: at for at, pattern in enumerate(self._found.problems)}
        self.selection.rows.sort(key=lambda row: place[row.pattern.id])
        return fitted

    def _add_all(self, problems: Iterable[Pattern]) -> bool:
        """What there is room for; whether that is all. Of a flood no more is looked at than may still fit."""
        misses = 0
        for pattern in problems:
            misses += not self._add(pattern, told=is_prose(pattern))
            if misses > _MAX_MISSES:
                break
        return not misses

    def templates(self, keep: int) -> None:
        """The templates of problems, rarest first."""
        for row in self.selection.rows:
            if len(row.pattern.examples) > 1:
                self._tell(row, keep)

    def others(self) -> None:
        """The most frequent first; when one has no room, shorter ones still may."""
        misses = 0
        for pattern in self._found.others:
            misses += not self._add(pattern, told=True)
            if misses > _MAX_MISSES:
                return

    def more_examples(self, keep: int = 0) -> None:
        """One more of each pattern in turn, until none has more or the budget ends."""
        self._add_examples(lambda row: len(row.pattern.examples), keep)

    def _add_examples(self, limit: Callable[[Row], int], keep: int = 0) -> bool:
        """Further examples, in turn, of each row as many as `limit` says; whether all found room."""
        fitted = True
        for at in range(1, PROBLEM_EXAMPLES):
            for row in self.selection.rows:
                if at < limit(row) and len(row.examples) == at:
                    fitted = self._add_example(row, at, keep) and fitted
        return fitted

    def _add(self, pattern: Pattern, *, told: bool = False) -> bool:
        terse = self._chars < _TEXT_CHARS[0]
        row = Row(pattern, pattern.id in self._found.new, [self._example(pattern, 0)], told, terse)
        cost = estimate(to_json(rendered(row, self._span))) + 1
        if cost > self.left:
            return False
        self._next_ref += 1
        self.selection.tokens += cost
        self.selection.rows.append(row)
        return True

    def _add_example(self, row: Row, at: int, keep: int) -> bool:
        example = self._example(row.pattern, at)
        cost = estimate(to_json(shown(example, self._span, row))) + 2
        if cost > self.left - keep:
            return False
        self._next_ref += 1
        self.selection.tokens += cost
        row.examples.append(example)
        return True

    def _tell(self, row: Row, keep: int) -> None:
        cost = estimate(to_json(template_of(row.pattern))) + 2
        if not row.told and cost <= self.left - keep:
            self.selection.tokens += cost
            row.told = True

    def _examples(self, pattern: Pattern) -> _Examples:
        """A pattern's entries, those first that say most that is new."""
        known = self._ordered.get(pattern.id)
        if known is None:
            ranked: list[list[Line]] = [[], [], []]
            seen: list[set[str]] = []
            for line, message in pattern.examples:
                words = set(gist(message))
                news = min((len(words - others) for others in seen), default=2)
                seen.append(words)
                ranked[min(news, 2)].append(line)
            unlike, named, alike = ranked[2], ranked[1], ranked[0]
            known = _Examples([*unlike, *named, *alike], len(unlike), len(unlike) + len(named))
            self._ordered[pattern.id] = known
        return known

    def _example(self, pattern: Pattern, at: int) -> Example:
        line = self._examples(pattern).lines[at]
        text = excerpt(line.message, self._chars)
        # A long message is looked at from its begin only; what is shown of it may be its end.
        held = is_suspicious(line.message) or is_suspicious(text) or is_suspicious(line.bot)
        # Half a surrogate pair cannot be sent.
        text = text.encode("utf-8", "replace").decode()
        return Example(f"e{self._next_ref}", line, None if held else text)
