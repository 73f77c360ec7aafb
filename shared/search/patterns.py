"""Message templates of any number of lines: `PatternSet`.

Mining has two phases, so that its result depends on the lines and on nothing else: not on their order,
not on how they were cut into sets that were merged.

1. `add` makes each message one line (headline.py), masks its variable tokens (masks.py) and counts the
   masked line, the skeleton, with its severity. A tally (tally.py) is made of sums, minima, maxima and
   k smallest: exact, associative and commutative.
2. `patterns` runs Drain (drain.py) over the distinct skeletons of each severity in canonical order.

Memory is bounded by `max_skeletons`, one half for problems (WARNING and above) and one for the others.
Beyond it skeletons are dropped by a fixed order of their own: lower severities first, then longer lines
(prose, which repeats least), then by a hash. It asks for nothing that is not known when a skeleton is first
seen, so what is kept is the same for any order of input and its counts are exact; the lines of what was
dropped are counted in `other`. A flood of short lines that are all different can thus push out a frequent
one of the same half: how frequent it is cannot be known for all in bounded memory.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Final

import msgspec

from shared.entry import Severity
from shared.search.drain import Line, clusters
from shared.search.headline import headline
from shared.search.masks import PLACEHOLDER, bare, skeleton
from shared.search.tally import Ref, Slot, SlotTally, Tally, spread

PROBLEM_EXAMPLES: Final = 16
OTHER_EXAMPLES: Final = 3
MAX_SKELETONS: Final = 10_000

_Key = tuple[str, Severity]


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """A template within one severity. `first` and `last` are instants; `examples` are (ref, message),
    messages cut at 1,000 characters; `groups` has the counts by what was given as group, the largest first;
    `slots` has one element for each token of the template with `<*>`.

    `id` is made of severity and template, so it is the same wherever the same template was found.
    """

    id: str
    template: str
    severity: Severity
    count: int
    first: int
    last: int
    examples: tuple[tuple[Ref, str], ...]
    groups: dict[str, int]
    slots: tuple[Slot, ...]


class PatternSet:
    """Lines counted by their shape. Not safe to share between threads: one each, then `merge`."""

    def __init__(self, max_skeletons: int = MAX_SKELETONS) -> None:
        self._max_pool = max(1, max_skeletons // 2)
        # Others, problems.
        self._pools: tuple[dict[_Key, Tally], dict[_Key, Tally]] = ({}, {})
        self._total = 0
        # Mined once for as many lines.
        self._mined: tuple[int, list[tuple[Pattern, list[str]]]] = (0, [])

    @property
    def total(self) -> int:
        """How many lines were added; always the sum of the patterns' counts and `other`."""
        return self._total

    @property
    def other(self) -> int:
        """Lines whose skeletons were dropped for want of room."""
        self._trim()
        return self._total - sum(tally.count for pool in self._pools for tally in pool.values())

    def add(self, message: str, severity: Severity, timestamp: int, ref: Ref, group: str = "") -> None:
        """Counts one line of the entry that `ref` stands for, in all and in its group. Any text will do; the
        time it takes grows with its length only."""
        text, values = skeleton(headline(message))
        problem = severity >= Severity.WARNING
        pool = self._pools[problem]
        tally = pool.get((text, severity))
        if tally is None:
            if len(pool) >= 2 * self._max_pool:
                self._trim()
            limit = PROBLEM_EXAMPLES if problem else OTHER_EXAMPLES
            tally = pool[text, severity] = Tally(len(values), limit, timestamp)
        tally.add(values, message, timestamp, ref)
        if group:
            tally.add_group(group)
        self._total += 1

    def merge(self, other: "PatternSet") -> None:
        """Adds all lines of another set, which stays as it is.

        Raises: ValueError when the two have different limits: their remainders would not be comparable.
        """
        if other._max_pool != self._max_pool:
            raise ValueError("pattern sets of different max_skeletons cannot be merged")
        for mine, its in zip(self._pools, other._pools, strict=True):
            for key, tally in list(its.items()):
                if key not in mine:
                    mine[key] = Tally(len(tally.slots), tally.max_examples, tally.first)
                mine[key].merge(tally)
        self._total += other._total
        self._trim()

    def patterns(self) -> list[Pattern]:
        """Templates, the most frequent first, then by template and severity."""
        return sorted(
            (pattern for pattern, _texts in self._mine()),
            key=lambda pattern: (-pattern.count, pattern.template, pattern.severity),
        )

    def finder(self) -> Callable[[str, Severity], str | None]:
        """Tells the id of the pattern that a line belongs to, for a second look at the lines that were added;
        None for those in `other` and for lines of unknown shape."""
        ids = {(text, pattern.severity): pattern.id for pattern, texts in self._mine() for text in texts}
        return lambda message, severity: ids.get((skeleton(headline(message))[0], severity))

    def skeletons(self) -> list[tuple[str, Severity]]:
        """The shapes of all lines, sorted: what `unseen` needs of an earlier set."""
        self._trim()
        return sorted(key for pool in self._pools for key in pool)

    def unseen(self, earlier: Iterable[tuple[str, Severity]]) -> set[str]:
        """The ids of patterns none of whose lines would share a template with one of these shapes, were all
        mined together."""
        before = set(earlier)
        both: dict[Severity, set[str]] = defaultdict(set)
        counts: dict[_Key, int] = {}
        for pool in self._pools:
            counts |= {key: tally.count for key, tally in pool.items()}
        for text, severity in before:
            both[severity].add(text)
        for text, severity in counts:
            if severity in both:
                both[severity].add(text)
        old: set[_Key] = set()
        for severity, texts in both.items():
            ordered = sorted(texts)
            lines = [Line(at, text, counts.get((text, severity), 1)) for at, text in enumerate(ordered)]
            for cluster in clusters(lines):
                shapes = [(ordered[line.index], severity) for line in cluster.lines]
                if not before.isdisjoint(shapes):
                    old.update(shapes)
        return {
            pattern.id
            for pattern, texts in self._mine()
            if not any((text, pattern.severity) in old for text in texts)
        }

    def _mine(self) -> list[tuple[Pattern, list[str]]]:
        """Each pattern with its skeletons."""
        if self._mined[0] != self._total:
            self._mined = (self._total, list(self._mined_anew()))
        return self._mined[1]

    def _mined_anew(self) -> Iterator[tuple[Pattern, list[str]]]:
        self._trim()
        by_severity: dict[Severity, list[tuple[str, Tally]]] = defaultdict(list)
        for pool in self._pools:
            for (text, severity), tally in pool.items():
                by_severity[severity].append((text, tally))
        for severity, tallies in by_severity.items():
            yield from _patterns(severity, tallies)

    def _trim(self) -> None:
        for pool in self._pools:
            if len(pool) > self._max_pool:
                kept = set(heapq.nsmallest(self._max_pool, pool, key=_keeping_order))
                for key in [key for key in pool if key not in kept]:
                    del pool[key]


def _keeping_order(key: _Key) -> tuple[int, int, str, str]:
    text, severity = key
    return -severity, text.count(" "), _digest(text), text


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _patterns(severity: Severity, tallies: list[tuple[str, Tally]]) -> Iterator[tuple[Pattern, list[str]]]:
    same: dict[str, list[Line]] = defaultdict(list)
    for cluster in clusters(Line(at, text, tally.count) for at, (text, tally) in enumerate(tallies)):
        same[_settled(" ".join(cluster.tokens))] += cluster.lines
    for template, lines in same.items():
        lines.sort(key=lambda line: (-line.count, line.tokens))
        members = [tallies[line.index][1] for line in lines]
        pattern = Pattern(
            id=_digest(f"{severity.name} {template}"),
            template=template,
            severity=severity,
            count=sum(tally.count for tally in members),
            first=min(tally.first for tally in members),
            last=max(tally.last for tally in members),
            examples=spread(members, members[0].max_examples),
            groups=_groups(members),
            slots=_slots(template.split(" "), lines, members),
        )
        yield pattern, [tallies[line.index][0] for line in lines]


def _groups(members: list[Tally]) -> dict[str, int]:
    """The counts of each group, the largest first, equals by name."""
    counts: Counter[str] = Counter()
    for tally in members:
        counts.update(tally.groups)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _settled(template: str) -> str:
    """The template as mining its own text would give it, which nearly all are from the start: only odd
    quotes and lengths make a difference."""
    for _ in range(10):
        again, _values = skeleton(headline(template))
        if again == template:
            break
        template = again
    return template


def _slots(template: list[str], lines: list[Line], members: list[Tally]) -> tuple[Slot, ...]:
    places = [place for place, token in enumerate(template) if PLACEHOLDER in token]
    slots = {place: SlotTally() for place in places}
    for line, tally in zip(lines, members, strict=True):
        if len(line.tokens) != len(template):
            return tuple(Slot() for _ in places)  # `_settled` changed it: what stood where is not known
        values = iter(tally.slots)
        for place, token in enumerate(line.tokens):
            value = next(values) if PLACEHOLDER in token else None
            if place not in slots:
                continue
            if value is not None:
                slots[place].merge(value)
            elif (word := bare(token)) not in slots[place].texts:
                slots[place].add_text(word)
    return tuple(slots[place].slot() for place in places)
