"""What of a model's answer is true of the entries that it cites. What is not is dropped and counted.

A claim survives when its ids were sent, its quote stands word for word in one of them, and all that it says
in figures, times, symbols and names stands in them or in the facts; when it is plain text, repeats nothing of
the instruction, breaks no placeholder, soothes nobody, gives no orders (tone.py), and is no more severe than
what it cites. Most of its words have to be those of its citations or of reports in general (lexicon.py), and
some of them those that its entry begins with: a model that obeyed a line of a log instead of reading it ends
here. What reads like an instruction was never sent (suspicion.py).
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, Final

import msgspec

from shared.entry import Severity
from shared.redact import Redactor
from shared.summary.document import Finding
from shared.summary.grounds import Grounds
from shared.summary.plain import is_plain
from shared.summary.prompt import Prompt
from shared.summary.select import Example, Row
from shared.summary.suspicion import is_suspicious
from shared.summary.tone import tone_fault

MAX_FINDINGS: Final = 20
MAX_CLAIM_CHARS: Final = 400
MAX_QUOTE_CHARS: Final = 300
MAX_CITATIONS: Final = 10
_MAX_CHECKS: Final = 8
# Longer than this is no sentence, whatever is taken out of it; some patterns take its square in time.
_MAX_DRAFTED_CHARS: Final = 2000
# So many words of the instruction in a row are no coincidence.
_ECHO_WORDS: Final = 6
_PLACEHOLDER: Final = re.compile(r"\[?[A-Z]{2,}(?:_[A-Z]+)*:[0-9a-fA-F]{0,12}\]?|\[[A-Z_]{2,}\]?")
# Ids in a claim's text say nothing to a reader, who has the citations.
_REFERENCES: Final = re.compile(r"\s*[\[(]\s*e\d+(?:\s*[,;]\s*e\d+)*\s*[\])]")
# What a team may be asked to do: to look. Whatever else a model recommends, it has read somewhere.
_LOOKING: Final = re.compile(
    r"(?:check|verify|review|look|confirm|compare|inspect|investigate|monitor|watch|see|find out|examine"
    r"|audit|read|trace|rotate)\b",
    re.IGNORECASE,
)


class DraftFinding(msgspec.Struct):
    """A finding as a model wrote it; ids are those of the prompt."""

    claim: str
    kind: str
    severity: str
    bots: list[str]
    citations: list[str]
    quote: str


class Draft(msgspec.Struct):
    """A model's answer, of the right shape and not believed yet."""

    headline: str
    findings: list[DraftFinding]
    recommended_checks: list[str]


class Verdict(msgspec.Struct):
    """What survived, and why the rest did not: counts by reason. `headline` is "" when it did not."""

    headline: str
    findings: tuple[Finding, ...]
    checks: tuple[str, ...]
    dropped: Counter[str]
    drafted: int

    @property
    def suffices(self) -> bool:
        """Whether enough is left to be worth sending."""
        return bool(self.findings) and 3 * len(self.findings) >= self.drafted


class Verifier:
    """Judges answers to one prompt. `facts` are the facts as the summary shows them."""

    def __init__(self, prompt: Prompt, facts: dict[str, Any], redactor: Redactor, zone: tzinfo) -> None:
        self._facts = facts
        self._redact = redactor.text
        self._zone = zone
        self._sent = {
            example.ref: (row, example) for row in prompt.selection.rows for example in row.examples
        }
        self._bots = {*facts["by_bot"], *facts["silent_bots"]}
        self._forbidden = [text.lower() for text in prompt.boundaries]
        self._instruction = _shingles(prompt.system)

    def verdict(self, draft: Draft) -> Verdict:
        """What of `draft` may be said."""
        dropped: Counter[str] = Counter()
        findings: list[Finding] = []
        used: list[tuple[Row, Example]] = []
        for drafted in draft.findings[:MAX_FINDINGS]:
            found, reason, cited = self._finding(drafted)
            if found is None or any(found.claim == one.claim for one in findings):
                dropped[reason or "repeated"] += 1
                continue
            findings.append(found)
            used += cited
        dropped["too_many"] += max(0, len(draft.findings) - MAX_FINDINGS)
        grounds = Grounds(used, self._facts, self._zone)
        headline = self._free_text(draft.headline, grounds)
        checks = []
        for text in draft.recommended_checks[:_MAX_CHECKS]:
            check = self._free_text(text, grounds)
            if check and _LOOKING.match(check):
                checks.append(check)
            else:
                dropped["check"] += 1
        dropped["headline"] += not headline
        return Verdict(
            headline if used else "",
            tuple(findings),
            tuple(checks) if used else (),
            +dropped,
            len(draft.findings),
        )

    def _finding(self, drafted: DraftFinding) -> tuple[Finding | None, str, list[tuple[Row, Example]]]:
        claim = self._cleaned(drafted.claim)
        quote = self._redact(drafted.quote.strip())
        refs = list(dict.fromkeys(drafted.citations))[:MAX_CITATIONS]
        cited = [self._sent[ref] for ref in refs if ref in self._sent]
        reason = (
            ("citation" if not refs or len(cited) < len(refs) else "")
            or ("withheld" if any(example.text is None for _, example in cited) else "")
            or self._text_fault(claim, cited)
            or self._quote_fault(quote, cited)
            or self._meaning_fault(claim, drafted, cited)
        )
        if reason:
            return None, reason, []
        finding = Finding(
            claim=claim,
            kind="hypothesis" if drafted.kind == "hypothesis" else "fact",
            severity=self._severity(drafted, cited).name,
            bots=tuple(dict.fromkeys(drafted.bots)),
            citations=tuple(example.line.id for _, example in cited),
            quote=quote,
        )
        return finding, "", cited

    def _cleaned(self, drafted: str) -> str:
        """Without secrets and ids; "" for what is too long to be looked at."""
        if len(drafted) > _MAX_DRAFTED_CHARS:
            return ""
        return self._redact(_REFERENCES.sub("", drafted).strip())

    def _text_fault(self, text: str, cited: Sequence[tuple[Row, Example]]) -> str:
        if not text or len(text) > MAX_CLAIM_CHARS:
            return "length"
        known = " ".join(example.text or "" for _, example in cited)
        if any(match[0] not in known for match in _PLACEHOLDER.finditer(text)):
            return "placeholder"
        if not is_plain(_PLACEHOLDER.sub("", text)):
            return "markup"
        lowered = text.lower()
        if any(own in lowered for own in self._forbidden) or not self._instruction.isdisjoint(
            _shingles(text)
        ):
            return "echo"
        return tone_fault(text) or ("instruction" if is_suspicious(text) else "")

    def _quote_fault(self, quote: str, cited: Sequence[tuple[Row, Example]]) -> str:
        if not quote or len(quote) > MAX_QUOTE_CHARS:
            return "quote"
        if not any(quote in (example.text or "") for _, example in cited):
            return "quote"
        return "" if is_plain(_PLACEHOLDER.sub("", quote)) else "markup"

    def _meaning_fault(self, claim: str, drafted: DraftFinding, cited: Sequence[tuple[Row, Example]]) -> str:
        grounds = Grounds(cited, self._facts, self._zone)
        if drafted.severity not in Severity.__members__ or Severity[drafted.severity] > grounds.severity:
            return "severity"
        if not set(drafted.bots) <= self._bots | grounds.cited_bots:
            return "bot"
        related = grounds.touches(claim) and grounds.begins_with_it(claim)
        return grounds.fault(claim) or ("" if related else "unrelated")

    def _severity(self, drafted: DraftFinding, cited: Sequence[tuple[Row, Example]]) -> Severity:
        """No lower than that of the mildest entry: how bad something was is no matter of opinion."""
        return max(Severity[drafted.severity], min(example.line.severity for _, example in cited))

    def _free_text(self, drafted: str, grounds: Grounds) -> str:
        """A headline or a check, which cite nothing of their own; "" when it may not be said."""
        text = self._cleaned(drafted)
        cited = " ".join(grounds.texts)
        if any(match[0] not in cited for match in _PLACEHOLDER.finditer(text)):
            return ""
        bare = _PLACEHOLDER.sub("", text)
        if not text or len(text) > MAX_CLAIM_CHARS or not is_plain(bare):
            return ""
        if tone_fault(text) or is_suspicious(text):
            return ""
        if (
            not self._instruction.isdisjoint(_shingles(text))
            or grounds.fault(bare)
            or not grounds.touches(text)
            or not grounds.begins_with_it(text)
        ):
            return ""
        return text


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z]+", text.lower())
    return {tuple(words[at : at + _ECHO_WORDS]) for at in range(len(words) - _ECHO_WORDS + 1)}
