"""Patterns as a prompt shows them: a JSON line each, with examples that are quoted word for word."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from shared import instant
from shared.search.headline import headline
from shared.search.masks import PLACEHOLDER, skeleton
from shared.search.patterns import Pattern
from shared.search.tally import Slot
from shared.summary.line import Line
from shared.summary.suspicion import is_suspicious

WITHHELD: Final = "[withheld: reads like an instruction to a language model]"
# A template's, and one's with sentences in its slots.
_TEMPLATE_CHARS: Final = (240, 600)
_BOT_CHARS: Final = 40


class Example(msgspec.Struct, frozen=True):
    """An entry that is shown: `ref` is its short name in the prompt, `text` what is shown of its message,
    word for word; None when it is withheld."""

    ref: str
    line: Line
    text: str | None


class Row(msgspec.Struct):
    """A pattern that is shown, with the examples there is room for. `told`: with its template; `terse`: when
    it says when it was first and last, its examples do not say it once more."""

    pattern: Pattern
    is_new: bool
    examples: list[Example]
    told: bool = False
    terse: bool = False

    @property
    def withheld(self) -> bool:
        """Whether some of its lines read like instructions: then its template is not shown either."""
        return any(example.text is None for example in self.examples)


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


def is_prose(pattern: Pattern) -> bool:
    """Whether unlike sentences stand in one slot: then only the template tells them all."""
    return any(sum(" " in text for text in slot.texts) > 1 for slot in pattern.slots)


def gist(message: str) -> tuple[str, ...]:
    """What a message says: its words, and the prose in its slots, without names in capitals."""
    text, values = skeleton(headline(message))
    fixed = [word for word in text.split() if PLACEHOLDER not in word and not word.isupper()]
    return (*fixed, *(value for _, value, _ in values if value and " " in value))


def rendered(row: Row, span: int) -> list[Any]:
    """`[severity, count, "new"?, first, last, template, [example, …]]`; one entry alone is its example."""
    pattern = row.pattern
    head: list[Any] = [pattern.severity.name, pattern.count, *(["new"] if row.is_new else [])]
    if pattern.count > 1:
        head += [_time(pattern.first, span), _time(pattern.last, span)]
    if row.told and len(pattern.examples) > 1:
        head.append(WITHHELD if row.withheld else template_of(pattern))
    return [*head, [shown(example, span, row) for example in row.examples]]


def shown(example: Example, span: int, row: Row) -> list[str]:
    """`[ref, time, bot, text]`; without the time when the row's has to do."""
    line = example.line
    bot = WITHHELD if is_suspicious(line.bot) else line.bot[:_BOT_CHARS]
    time = [] if row.terse and row.pattern.count > 1 else [_time(line.timestamp, span)]
    return [example.ref, *time, bot, WITHHELD if example.text is None else example.text]


def template_of(pattern: Pattern) -> str:
    """The template with the values that stood in its slots: `required <4238.56..50916.31>`."""
    slots = iter(pattern.slots)
    words = [
        word.replace(PLACEHOLDER, _values(next(slots, Slot())), 1) if PLACEHOLDER in word else word
        for word in pattern.template.split(" ")
    ]
    text = " ".join(words)[: _TEMPLATE_CHARS[is_prose(pattern)]]
    return WITHHELD if is_suspicious(text) else text


def _values(slot: Slot) -> str:
    parts = []
    if slot.low is not None and slot.high is not None:
        low, high = f"{slot.low:.10g}", f"{slot.high:.10g}"
        parts.append(low if low == high else f"{low}..{high}")
    prose = [text for text in slot.texts if " " in text]
    texts = prose or [text for text in slot.texts if len(text) <= 24][:3]
    parts += texts
    if not parts:
        return PLACEHOLDER
    more = "|…" if slot.more or len(texts) < len(slot.texts) else ""
    return f"<{'|'.join(parts)}{more}>"


def _time(at: int, span: int) -> str:
    """UTC to the second; where the window is longer than a day, with its date and to the minute."""
    text = instant.to_text(at)
    return text[11:19] if span <= instant.DAY else text[5:16].replace("T", " ")


def to_json(value: Any) -> str:
    """One line, whatever the texts in it."""
    return msgspec.json.encode(value).decode()


def numbers(values: Iterable[Slot]) -> Sequence[str]:
    """The ends of slots' ranges, as the template shows them."""
    return [f"{end:.10g}" for slot in values for end in (slot.low, slot.high) if end is not None]
