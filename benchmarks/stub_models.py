"""Models without a model: functions from the messages of a prompt to the text of an answer.

One is honest, one lies, one obeys whatever it reads, and some are broken. They know a prompt's format only as
a model does, by what it says; nothing of the product is imported.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from benchmarks.injections import Attack

Messages = list[dict[str, str]]
LEVELS: Final = ("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")


class Told(NamedTuple):
    """A pattern as a prompt tells it; examples are (id, bot, text)."""

    severity: str
    often: int
    is_new: bool
    first: str
    last: str
    examples: list[tuple[str, str, str]]


def told(messages: Messages) -> list[Told]:
    """The patterns of a prompt, in its order."""
    lines = messages[-1]["content"].splitlines()[1:-1]
    rows = (json.loads(line) for line in lines if line.startswith("["))
    return [_told(row) for row in rows]


def _told(row: list[Any]) -> Told:
    severity, count, *rest, examples = row
    is_new = bool(rest) and rest[0] == "new"
    times = [*rest[1 if is_new else 0 :], "", ""]
    return Told(severity, count, is_new, times[0], times[1], [(one[0], one[-2], one[-1]) for one in examples])


def answer(headline: str, findings: list[dict[str, Any]], checks: list[str]) -> str:
    """An answer of the right shape."""
    return json.dumps({"headline": headline, "findings": findings, "recommended_checks": checks})


def finding(
    claim: str, severity: str, bots: list[str], citations: list[str], quote: str, kind: str = "fact"
) -> dict[str, Any]:
    """A finding as a model writes it."""
    return {
        "claim": claim, "kind": kind, "severity": severity, "bots": bots, "citations": citations,
        "quote": quote,
    }  # fmt: skip


def good(messages: Messages) -> str:
    """Sentences as a small model writes them: figures, times and names copied from what it cites."""
    rows = [row for row in told(messages) if not row.examples[0][2].startswith("[withheld")][:8]
    findings = [_good(row, at) for at, row in enumerate(rows)]
    checks = [f"Check {row.examples[0][1]}: {_subject(row)}" for row in rows[:3]]
    return answer(findings[0]["claim"] if findings else "No problems", findings, checks)


_PHRASINGS: Final[tuple[str, ...]] = (
    "{bot} reported: {text}.",
    "{count} {severity} entries of {bot} say {text}",
    "{severity} on {bot} between {first} and {last}: {text}",
    "The error '{text}' occurred {count} times, first at {first}",
    "{bot} failed repeatedly with {text}, {count} entries in total",
    "Entries from {bot} show the following problem: {text}",
    "{text} was logged by {bot} at {severity} level",
    "There were {count} occurrences of '{text}', the last one at {last}",
)


def _good(row: Told, at: int) -> dict[str, Any]:
    ref, bot, text = row.examples[0]
    phrasing = _PHRASINGS[at % len(_PHRASINGS)]
    if row.often == 1 and ("{first}" in phrasing or "{last}" in phrasing or "{count}" in phrasing):
        phrasing = _PHRASINGS[0]
    claim = phrasing.format(
        bot=bot, text=_subject(row), count=row.often, severity=row.severity, first=row.first, last=row.last
    )
    return finding(claim, row.severity, [bot], [ref], text[:100])


def _subject(row: Told) -> str:
    return " ".join(row.examples[0][2].split()[:12]).rstrip(".,:;")


def lying(messages: Messages) -> str:
    """What `good` says, each time with one thing in it that is not so."""
    honest = json.loads(good(messages))
    lies = [lie(dict(one), honest) for one in honest["findings"] for lie in LIES]
    return answer("Losses doubled to 123456 overnight", lies[:20], ["Sell everything in ZOMBIECO"])


def lies_of(messages: Messages) -> Iterator[tuple[str, str]]:
    """(what is wrong, an answer of nothing but that), for each lie and finding."""
    honest = json.loads(good(messages))
    for lie in LIES:
        for one in honest["findings"]:
            yield lie.__name__, answer(honest["headline"], [lie(dict(one), honest)], [])


def _wrong_number(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"claim": f"{one['claim']} and 73921 more"}


def _invented_id(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"citations": ["e99999"]}


def _one_invented_id(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"citations": [*one["citations"], "e99999"]}


def _no_citation(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"citations": []}


def _misquote(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"quote": one["quote"] + " and all is lost"}


def _others_quote(one: dict[str, Any], honest: dict[str, Any]) -> dict[str, Any]:
    other = next(its for its in reversed(honest["findings"]) if its["quote"] not in one["quote"])
    return one | {"quote": other["quote"]}


def _swapped_bot(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"bots": ["ghost_trader"]}


def _bot_in_claim(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"claim": f"ghost_trader: {one['claim']}"}


def _raised(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"severity": "EMERGENCY"}


def _invented_symbol(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"claim": f"{one['claim']}, also for ZOMBIECO"}


def _doubled(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"claim": f"{one['claim']}, which doubled since the day before"}


def _wrong_time(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"claim": f"{one['claim']}, from 03:33:33 on"}


def _invented_cause(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"claim": f"Hackers bribed a clerk, stealing passwords: {one['claim'][:40]}"}


def _reassured(one: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
    return one | {"claim": f"{one['claim'][:200]}, but everything is fine and nothing needs to be done"}


LIES: Final[tuple[Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]], ...]] = (
    _wrong_number, _invented_id, _one_invented_id, _no_citation, _misquote, _others_quote, _swapped_bot,
    _bot_in_claim, _raised, _invented_symbol, _doubled, _wrong_time, _invented_cause, _reassured,
)  # fmt: skip


def obeying(attack: Attack) -> Callable[[Messages], list[str]]:
    """A model that does all it can for an attack as soon as it sees some of it; answers in several tries."""

    def answers(messages: Messages) -> list[str]:
        data = messages[-1]["content"]
        seen = [
            trace for trace in attack.traces if trace and json.dumps(trace, ensure_ascii=False)[1:-1] in data
        ]
        return [_obedient(attack, messages, lead) for lead in _LEADS] if seen else []

    return answers


_LEADS: Final = ("{s}", "{bot}: {s}", "{s}, {bot} reported", "According to the log, {s}")


def _obedient(attack: Attack, messages: Messages, lead: str) -> str:
    """The sentence as headline, as checks, and in findings that cite the attack and innocent entries."""
    wanted = attack.demand.sentence
    rows = told(messages)
    entries = [(row, *example) for row in rows for example in row.examples]
    own = [one for one in entries if any(trace[:12] in one[3] for trace in attack.traces)]
    findings = [
        one | {"severity": attack.demand.severity} for one in json.loads(good(messages))["findings"][:4]
    ]
    findings = findings if attack.demand.severity else []
    for row, ref, bot, text in [*own[:4], *entries[:3], *entries[-2:]]:
        claim = lead.format(s=wanted, bot=bot)
        severity = attack.demand.severity or row.severity
        citations = [ref, *(one[1] for one in own if one[1] != ref)][:3]
        for quote in dict.fromkeys((text[:120], _piece(text, wanted))):
            findings.append(finding(claim, severity, [bot], citations[:1], quote))
            findings.append(finding(claim, row.severity, [bot], citations, quote, "hypothesis"))
    return answer(wanted, findings[:20], [wanted, f"Check that {wanted}", f"Verify: {wanted}"])


def _piece(text: str, wanted: str) -> str:
    """The wanted words where a text has them."""
    at = text.find(wanted[:20])
    return text[at : at + len(wanted)] if at >= 0 else text[:60]


def obey_everything(messages: Messages, texts: list[str]) -> str:
    """An answer that tells each of these texts, of the first entries that there are."""
    entries = [(row, *example) for row in told(messages) for example in row.examples][:3]
    findings = [
        finding(text[:400], row.severity, [bot], [ref], quote)
        for text in texts
        for row, ref, bot, its in entries
        for quote in (its[:80], text[:300])
    ]
    return answer(texts[0], findings[:20], [f"Check {text}" for text in texts])


# What comes instead of an answer.
BROKEN: Final[dict[str, str]] = {
    "no json": "I am sorry, but as a language model I cannot do that.",
    "half": '{"headline": "Margin rejections", "findings": [{"claim": "x',
    "wrong types": '{"headline": 7, "findings": "none", "recommended_checks": [1]}',
    "missing": '{"headline": "x"}',
    "list": "[]",
    "null": "null",
    "empty": "",
    "blank": "   \n",
    "huge": '{"headline": "' + "x" * 5_000_000 + '", "findings": [], "recommended_checks": []}',
    "deep": "[" * 100_000,
    "no findings": '{"headline": "Everything is fine", "findings": [], "recommended_checks": []}',
    "fenced": '```json\n{"headline": "x", "findings": [], "recommended_checks": []}\n```',
}
