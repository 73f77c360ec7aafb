"""Facts and patterns as a summary shows them: plain texts, and nothing that speaks to a model."""

from typing import Any, Final

from shared import instant
from shared.search.patterns import Pattern
from shared.summary.digest import Findable
from shared.summary.document import ShownPattern
from shared.summary.facts import MAX_NAMES
from shared.summary.plain import plain_pattern
from shared.summary.select import WITHHELD, Row, Selection
from shared.summary.suspicion import is_suspicious

_MAX_NEW: Final = 20
_MAX_EXAMPLES: Final = 16


def facts_of(found: Findable) -> dict[str, Any]:
    """The facts of a window, with what is new in it and who fell silent."""
    new = [pattern for pattern in found.problems if pattern.id in found.new]
    new.sort(key=lambda pattern: (-pattern.severity, -pattern.count, pattern.template))
    return found.facts.document(found.window) | {
        "new_patterns": [
            {
                "pattern": _text(pattern),
                "severity": pattern.severity.name,
                "count": pattern.count,
                "first": instant.to_text(pattern.first),
                "last": instant.to_text(pattern.last),
            }
            for pattern in new[:_MAX_NEW]
        ],
        "silent_bots": list(found.silent)[:MAX_NAMES],
    }


def patterns_of(selection: Selection) -> tuple[ShownPattern, ...]:
    """The patterns that a selection shows, in its order."""
    return tuple(_shown(row) for row in selection.rows)


def _shown(row: Row) -> ShownPattern:
    pattern = row.pattern
    return ShownPattern(
        pattern=WITHHELD if row.withheld else _text(pattern),
        severity=pattern.severity.name,
        count=pattern.count,
        first=instant.to_text(pattern.first),
        last=instant.to_text(pattern.last),
        examples=tuple(line.id for line, _ in pattern.examples[:_MAX_EXAMPLES]),
    )


def _text(pattern: Pattern) -> str:
    """The template; of a pattern with lines that read like instructions, a notice."""
    texts = [pattern.template, *(message for _, message in pattern.examples)]
    return WITHHELD if any(is_suspicious(text) for text in texts) else plain_pattern(pattern.template)
