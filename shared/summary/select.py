"""What of a digest fits a budget of tokens: rare problems first, then more of their examples, then what is
frequent and normal, and a line that says what was left out.

Everything here is one JSON line each, for the prompt. Without a model the same selection is what the rules
look at, and its patterns are what a summary shows.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from shared import instant
from shared.search.headline import headline
from shared.search.masks import PLACEHOLDER
from shared.search.patterns import OTHER_EXAMPLES, PROBLEM_EXAMPLES, Pattern
from shared.search.tally import Slot
from shared.summary.digest import PROBLEM, Findable
from shared.summary.line import Line
from shared.summary.suspicion import is_suspicious
from shared.summary.tokens import estimate

# An example's text in the prompt, in characters: the first that lets every problem in.
_TEXT_CHARS: Final = (240, 140, 80)
_TEMPLATE_CHARS: Final = 240
# Of the budget, what problems leave to the normal patterns when both want more than there is.
_NORMAL_SHARE: Final = 0.12
WITHHELD: Final = "[withheld: reads like an instruction to a language model]"
_FRAME: Final = re.compile(r"^\S", re.MULTILINE)


class Example(msgspec.Struct, frozen=True):
    """An entry that is shown: `ref` is its short name in the prompt, `text` what is shown of its message,
    word for word; None when it is withheld."""

    ref: str
    line: Line
    text: str | None


class Row(msgspec.Struct):
    """A pattern that is shown, with the examples there is room for."""

    pattern: Pattern
    is_new: bool
    examples: list[Example]

    @property
    def withheld(self) -> bool:
        """Whether some of its lines read like instructions: then its template is not shown either."""
        return any(example.text is None for example in self.examples)


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
        lines = [_json(_row(row, self.found.window.end - self.found.window.start)) for row in self.rows]
        return [*lines, self.rest()]

    def rest(self) -> str:
        """The line about what is not shown."""
        patterns = len(self.found.problems) + len(self.found.others)
        problems = sum(1 for row in self.rows if row.pattern.severity >= PROBLEM)
        return _json(
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
        if filler.problems(chars) or chars == _TEXT_CHARS[-1]:
            break
    normal = int(filler.left * _NORMAL_SHARE) if found.others else 0
    filler.more_examples(keep=normal)
    filler.others()
    filler.more_examples()
    return filler.selection


class _Filler:
    """Adds what fits, and keeps count."""

    def __init__(self, found: Findable, budget: int) -> None:
        self.selection = Selection(found, [])
        self._found = found
        self._span = found.window.end - found.window.start
        self._budget = budget
        self._next_ref = 1
        self._chars = _TEXT_CHARS[0]
        self._reset()

    @property
    def left(self) -> int:
        return self._budget - self.selection.tokens

    def _reset(self) -> None:
        self.selection.rows = []
        self._next_ref = 1
        self.selection.tokens = estimate(self.selection.rest()) + 16

    def problems(self, chars: int) -> bool:
        """Each problem with its first example; whether all found room."""
        self._reset()
        self._chars = chars
        added = [self._add(pattern) for pattern in self._found.problems]
        return all(added)

    def others(self) -> None:
        """The most frequent first; when one has no room, shorter ones still may."""
        misses = 0
        for pattern in self._found.others:
            misses += not self._add(pattern)
            if misses > 20:
                return

    def more_examples(self, keep: int = 0) -> None:
        """One more of each pattern in turn, until none has more or the budget ends."""
        for at in range(1, PROBLEM_EXAMPLES):
            for row in self.selection.rows:
                problem = row.pattern.severity >= PROBLEM
                limit = PROBLEM_EXAMPLES if problem else OTHER_EXAMPLES
                if at < limit and at < len(row.pattern.examples) and len(row.examples) == at:
                    self._add_example(row, at, keep)

    def _add(self, pattern: Pattern) -> bool:
        row = Row(pattern, pattern.id in self._found.new, [self._example(pattern, 0)])
        cost = estimate(_json(_row(row, self._span))) + 1
        if cost > self.left:
            return False
        self._next_ref += 1
        self.selection.tokens += cost
        self.selection.rows.append(row)
        return True

    def _add_example(self, row: Row, at: int, keep: int) -> None:
        example = self._example(row.pattern, at)
        cost = estimate(_json(_shown(example, self._span))) + 2
        if cost > self.left - keep:
            return
        self._next_ref += 1
        self.selection.tokens += cost
        row.examples.append(example)

    def _example(self, pattern: Pattern, at: int) -> Example:
        line: Line = pattern.examples[at][0]
        text = None if is_suspicious(line.message) else excerpt(line.message, self._chars)
        return Example(f"e{self._next_ref}", line, text)


def excerpt(message: str, chars: int) -> str:
    """A piece of a message, word for word, that says most: of a traceback its exception, of several lines
    the first, without the time and level that it begins with."""
    head = headline(message)
    if head not in message:
        # Made, not taken: a traceback, or several lines.
        lines = [line.strip() for line in message.splitlines() if line.strip()]
        if not lines:
            return message[:chars]
        traceback = "Traceback (most recent call last):" in message
        bare = [line for line in message.splitlines() if line and not line[0].isspace()]
        head = (bare[-1].strip() if traceback and bare else headline(lines[0])) or lines[0]
        head = head if head in message else lines[0]
    head = head.strip()
    if len(head) <= chars:
        return head
    cut = head[:chars]
    return cut[: cut.rfind(" ")] if " " in cut[chars // 2 :] else cut


def _row(row: Row, span: int) -> list[Any]:
    """`[severity, count, "new"?, first, last, template, [example, …]]`; one entry alone is its example."""
    pattern = row.pattern
    head: list[Any] = [pattern.severity.name, pattern.count, *(["new"] if row.is_new else [])]
    if pattern.count > 1:
        head += [_time(pattern.first, span), _time(pattern.last, span)]
    if len(pattern.examples) > 1:
        head.append(WITHHELD if row.withheld else _template(pattern))
    return [*head, [_shown(example, span) for example in row.examples]]


def _shown(example: Example, span: int) -> list[str]:
    """`[ref, time, bot, text]`."""
    line = example.line
    text = WITHHELD if example.text is None else example.text
    return [example.ref, _time(line.timestamp, span), line.bot, text]


def _template(pattern: Pattern) -> str:
    """The template with the values that stood in its slots: `required <4238.56..50916.31>`."""
    slots = iter(pattern.slots)
    words = [
        word.replace(PLACEHOLDER, _values(next(slots, Slot())), 1) if PLACEHOLDER in word else word
        for word in pattern.template.split(" ")
    ]
    text = " ".join(words)[:_TEMPLATE_CHARS]
    return WITHHELD if is_suspicious(text) else text


def _values(slot: Slot) -> str:
    parts = []
    if slot.low is not None and slot.high is not None:
        low, high = f"{slot.low:.10g}", f"{slot.high:.10g}"
        parts.append(low if low == high else f"{low}..{high}")
    texts = [text for text in slot.texts if len(text) <= 24][:3]
    parts += texts
    if not parts:
        return PLACEHOLDER
    more = "|…" if slot.more or len(texts) < len(slot.texts) else ""
    return f"<{'|'.join(parts)}{more}>"


def _time(at: int, span: int) -> str:
    """UTC to the second; with its date where the window is longer than a day."""
    text = instant.to_text(at)
    return text[11:19] if span <= instant.DAY else text[5:19].replace("T", " ")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def numbers(values: Iterable[Slot]) -> Sequence[str]:
    """The ends of slots' ranges, as the template shows them."""
    return [f"{end:.10g}" for slot in values for end in (slot.low, slot.high) if end is not None]
