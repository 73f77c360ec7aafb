"""From entries to a verdict, as the service does it, with nothing around it: no sources, no store."""

from collections.abc import Iterable
from datetime import UTC
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from shared.entry import LogEntry
from shared.query import Window
from shared.redact import Redactor
from shared.summary.digest import Baseline, Digest, Findable, findable
from shared.summary.line import line_reader
from shared.summary.prompt import Prompt, build
from shared.summary.select import Example, excerpt
from shared.summary.shown import facts_of
from shared.summary.verify import Draft, Verdict, Verifier

REDACTOR: Final = Redactor(b"a key of the benchmarks, 32 bytes")
NONCE: Final = "012345678901234"
MARKET: Final = ZoneInfo("Asia/Kolkata")
BUDGETS: Final = (500, 1000, 2000, 4000, 8000, 32_000)


class Made(NamedTuple):
    """A prompt and what it was made of."""

    found: Findable
    facts: dict[str, Any]
    prompt: Prompt


def digest(entries: Iterable[LogEntry]) -> Digest:
    """The digest of some entries, without their secrets."""
    read, made = line_reader(REDACTOR, UTC), Digest()
    for entry in entries:
        made.add(read(entry))
    return made


def made(whole: Digest, window: Window, max_tokens: int = 4000, before: Baseline | None = None) -> Made:
    """The prompt of a digest, the same each time."""
    found = findable(whole, before or Baseline(), window)
    facts = facts_of(found) | {"window": window.document()}
    return Made(found, facts, build(found, facts, "general", max_tokens, NONCE))


def revealed(one: Made) -> Made:
    """The prompt as it were if nothing in it had been held back: what verification has to withstand alone."""
    rows = [
        msgspec.structs.replace(
            row, examples=[msgspec.structs.replace(its, text=_text(its)) for its in row.examples]
        )
        for row in one.prompt.selection.rows
    ]
    selection = msgspec.structs.replace(one.prompt.selection, rows=rows)
    begin, end = one.prompt.boundaries
    user = "\n".join([begin, *selection.lines(), end])
    return one._replace(prompt=msgspec.structs.replace(one.prompt, user=user, selection=selection))


def _text(example: Example) -> str:
    return example.text or excerpt(example.line.message, 240)


def verdict(one: Made, answer: str) -> Verdict:
    """What of an answer survives."""
    draft = msgspec.json.decode(answer, type=Draft)
    return Verifier(one.prompt, one.facts, REDACTOR, MARKET).verdict(draft)


def spoken(of: Verdict) -> list[str]:
    """All that a reader would read of it."""
    return [of.headline, *(finding.claim for finding in of.findings), *of.checks]
