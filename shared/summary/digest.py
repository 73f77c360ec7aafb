"""The digest: any number of lines as facts and message templates, of which the worst fit any budget.

Associative and commutative: digests of parts, merged in any order, are the digest of the whole.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from shared.entry import Severity
from shared.query import Window
from shared.search.patterns import Pattern, PatternSet
from shared.summary.facts import Facts, Seen
from shared.summary.line import Line

PROBLEM: Final = Severity.WARNING


class Baseline(msgspec.Struct, frozen=True):
    """What a summary needs to know of the equal window before: shapes of problems, last entries of bots.

    `complete`: all of that window was read; else nothing can be called new.
    """

    shapes: tuple[tuple[str, Severity], ...] = ()
    bots: dict[str, Seen] = {}
    complete: bool = False


class Digest:
    """Facts and patterns of the lines added; not safe to share between threads: one each, then `merge`."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.patterns = PatternSet()

    def add(self, line: Line) -> None:
        """One entry."""
        self.facts.add(line)
        self.patterns.add(line.message, line.severity, line.timestamp, line, line.bot)

    def merge(self, other: "Digest") -> None:
        """The digest of both; the other stays as it is."""
        self.facts.merge(other.facts)
        self.patterns.merge(other.patterns)


class Findable(msgspec.Struct, frozen=True):
    """A digest looked at against the window before, ready to be shown: `problems` rarest first (`new` has
    the ids of those that were not there before), `others` most frequent first."""

    window: Window
    facts: Facts
    problems: tuple[Pattern, ...]
    others: tuple[Pattern, ...]
    new: frozenset[str]
    silent: dict[str, Seen]

    @property
    def matched(self) -> int:
        """How many entries it is made of."""
        return self.facts.entries


def findable(digest: Digest, before: Baseline, window: Window) -> Findable:
    """Ranks the patterns and says which are new."""
    patterns = digest.patterns.patterns()
    problems = sorted((p for p in patterns if p.severity >= PROBLEM), key=_rarest)
    unseen = digest.patterns.unseen(before.shapes) if before.complete else set()
    return Findable(
        window,
        digest.facts,
        tuple(problems),
        tuple(p for p in patterns if p.severity < PROBLEM),
        frozenset(p.id for p in problems if p.id in unseen),
        digest.facts.silent(before.bots, window),
    )


def baseline(lines: Iterable[Line], *, complete: bool) -> Baseline:
    """Of the lines of the window before; those that are no problems only say that their bot was there."""
    problems, facts = PatternSet(), Facts()
    for line in lines:
        facts.see(line)
        if line.severity >= PROBLEM:
            problems.add(line.message, line.severity, line.timestamp, line.id)
    return Baseline(tuple(problems.skeletons()), facts.last, complete)


def _rarest(pattern: Pattern) -> tuple[int, int, str]:
    return pattern.count, -pattern.severity, pattern.template
