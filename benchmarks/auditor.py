"""Judges what survived verification, from the entries alone: citations, quotes, numbers. Knows nothing of how
it was verified."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks.summaries import MARKET, REDACTOR, Made
from shared.entry import LogEntry
from shared.summary.document import Finding

_NUMBER: Final = re.compile(r"\d+(?:,\d\d\d)*(?:\.\d+)?|\d+(?:,\d\d)+,\d{3}(?:\.\d+)?")
_COUNTED: Final = {
    name: number
    for number, name in enumerate(
        "zero - two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905 - in order
    )
}


class Auditor:
    """Of one prompt and the entries that it was made of."""

    def __init__(self, entries: Iterable[LogEntry], made: Made) -> None:
        self._entries: Mapping[str, LogEntry] = {entry.id: entry for entry in entries}
        self._facts = _numbers(json.dumps(made.facts))
        self._patterns = [row.pattern for row in made.prompt.selection.rows]

    def faults(self, finding: Finding) -> list[str]:
        """What is wrong with a finding: "citation", "quote", "number"; nothing when it is right."""
        cited = [self._entries[ref] for ref in finding.citations if ref in self._entries]
        found = []
        if not cited or len(cited) < len(finding.citations):
            found.append("citation")
        if not any(finding.quote and finding.quote in REDACTOR.text(entry.message) for entry in cited):
            found.append("quote")
        if not _numbers(finding.claim) <= self._known(cited):
            found.append("number")
        return found

    def _known(self, cited: list[LogEntry]) -> set[float]:
        """The numbers of cited entries, of the patterns that they are examples of, and of the facts."""
        known = set(self._facts)
        ids = {entry.id for entry in cited}
        for entry in cited:
            known |= _numbers(f"{REDACTOR.text(entry.message)} {' '.join(entry.labels.values())}")
            known |= _moments(entry.timestamp)
        for pattern in self._patterns:
            if any(line.id in ids for line, _ in pattern.examples):
                known |= {float(pattern.count)} | _moments(pattern.first) | _moments(pattern.last)
        return known


def _numbers(text: str) -> set[float]:
    counted = {float(_COUNTED[word]) for word in re.findall(r"[a-z]+", text.lower()) if word in _COUNTED}
    return counted | {float(one.replace(",", "")) for one in _NUMBER.findall(text)}


def _moments(at: int) -> set[float]:
    """The parts of an instant's date and time, in UTC and in the market's zone."""
    both = [datetime.fromtimestamp(at // 10**9, zone) for zone in (UTC, MARKET)]
    return {float(part) for one in both for part in one.timetuple()[:6]}


def share_right(auditor: Auditor, findings: Iterable[Finding]) -> dict[str, Any]:
    """How many findings there were, and how many of them are wrong in what."""
    counts = {"findings": 0, "citation": 0, "quote": 0, "number": 0}
    for finding in findings:
        counts["findings"] += 1
        for fault in auditor.faults(finding):
            counts[fault] += 1
    return counts
