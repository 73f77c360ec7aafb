"""What of a log reaches a prompt, and at what size: recall, needles, budgets, reduction, leaks, time."""

import json
import time
from collections.abc import Iterator, Sequence
from functools import cache
from random import Random
from typing import Final

from benchmarks.hostile_texts import HOSTILE
from benchmarks.incidents import BOTS, Corpus, corpus, entry, ordinary_lines, planted
from benchmarks.stub_models import good, obey_everything
from benchmarks.summaries import BUDGETS, Made, digest, made, spoken, verdict
from shared import instant
from shared.entry import LogEntry, Severity
from shared.query import Window
from shared.summary.digest import Digest
from shared.summary.prompt import SCHEMA, Prompt
from tests.redact.test_redact import PLANTED as SECRETS
from tests.summary.tokenizer.real import ENCODINGS, Tokenizer

SEEDS: Final = range(4)
SIZES: Final = (40, 50, 60)
# What a server adds to messages: roles and separators.
FRAMING: Final = 16
_NEEDLES: Final = 60
_SCHEMA: Final = json.dumps(SCHEMA, separators=(",", ":"))


class Digested:
    """A corpus with its digest."""

    def __init__(self, of: Corpus) -> None:
        self.of = of
        self.digest = digest(of.entries)

    def made(self, max_tokens: int) -> Made:
        """The prompt of it."""
        return made(self.digest, self.of.window, max_tokens)


def corpora(seeds: Sequence[int] = SEEDS) -> list[Digested]:
    """Three days of 12,000 lines, with 40, 50 or 60 problems."""
    return [Digested(corpus(seed, problems=size)) for seed in seeds for size in SIZES]


def recall(of: Sequence[Digested], max_tokens: int) -> float:
    """The share of planted problems whose words are in the prompt."""
    hits = [hit for one in of for hit in _hits(one, max_tokens)]
    return sum(hits) / len(hits)


def _hits(one: Digested, max_tokens: int) -> list[bool]:
    prompt = one.made(max_tokens).prompt.user
    return [problem.phrase in prompt for problem in one.of.problems]


def unconserved(of: Sequence[Digested]) -> int:
    """Prompts whose patterns and omitted entries are not all entries, over all budgets."""
    return sum(_lost(one.made(budget), len(one.of.entries)) for one in of for budget in BUDGETS)


def _lost(one: Made, entries: int) -> bool:
    selection = one.prompt.selection
    told = sum(row.pattern.count for row in selection.rows)
    return told + selection.omitted != entries or selection.omitted < 0 or one.found.matched != entries


def needles(count: int = _NEEDLES, lines: int = 100_000) -> tuple[int, int]:
    """(shown, planted): one problem at any place of a day of ordinary lines, of any source and bot."""
    rng = Random("needles")
    hay, window = haystack(lines)
    shown = 0
    for number, problem in enumerate(planted(rng, count)):
        at = window.start + (window.end - window.start - 1) * number // (count - 1)
        needle = entry(
            rng, lines + number, at, Severity.ERROR, problem.write(rng), bot=BOTS[number % len(BOTS)]
        )
        whole = Digest()
        whole.merge(hay)
        whole.merge(digest([needle]))
        shown += problem.phrase in made(whole, window, BUDGETS[1 + number % 3]).prompt.user
    return shown, count


@cache
def haystack(lines: int) -> tuple[Digest, Window]:
    """A digest of ordinary lines, and its window."""
    of = _ordinary(lines)
    return digest(of), corpus(0, lines=0, problems=0, days=1).window


def _ordinary(lines: int) -> Iterator[LogEntry]:
    rng = Random("haystack")
    window = corpus(0, lines=0, problems=0, days=1).window
    step = (window.end - window.start) // lines
    for number, (severity, message) in enumerate(ordinary_lines(rng, lines)):
        yield entry(rng, number, window.start + number * step, severity, message)


def sizes(prompt: Prompt, real: Tokenizer) -> dict[str, int]:
    """The tokens of all that is sent, in each encoding."""
    texts = [prompt.system, prompt.user, _SCHEMA]
    return {encoding: sum(real.counts(texts, encoding)) + FRAMING for encoding in ENCODINGS}


def fullest(of: Sequence[Digested], real: Tokenizer) -> float:
    """The largest share of its budget that a prompt has: ordinary corpora and hostile texts, all budgets."""
    digested = [*of[:3], *hostile()]
    shares = [
        max(sizes(one.made(budget).prompt, real).values()) / budget for one in digested for budget in BUDGETS
    ]
    return max(shares)


def hostile() -> list[Digested]:
    """For each kind of text a corpus of it, and one of all."""
    rng = Random("hostile")
    lines = {name: [make(rng) for _ in range(250)] for name, make in HOSTILE.items()}
    lines["all"] = [text for texts in lines.values() for text in texts[:20]]
    return [Digested(_of_texts(rng, texts)) for texts in lines.values()]


def _of_texts(rng: Random, texts: Sequence[str]) -> Corpus:
    window = corpus(0, lines=0, problems=0, days=1).window
    entries = [
        entry(
            rng,
            at,
            window.start + at * instant.SECOND,
            rng.choice((Severity.ERROR, Severity.INFO)),
            f"x {text}",
        )
        for at, text in enumerate(texts)
    ]
    return Corpus(entries, [], window)


def overestimate(of: Sequence[Digested], real: Tokenizer) -> float:
    """How much larger than it is a prompt was thought to be, at most."""
    prompts = [one.made(4000).prompt for one in of]
    return max(prompt.tokens / max(sizes(prompt, real).values()) for prompt in prompts)


def reductions(real: Tokenizer) -> tuple[float, float]:
    """By how much a prompt of 4,000 tokens is smaller than a log of 2,000 lines: in tokens, in characters."""
    one = Digested(corpus(1, lines=2000, problems=40))
    log = "\n".join(
        f"{instant.to_text(its.timestamp)} {its.severity.name} {its.labels['bot']} {its.message}"
        for its in one.of.entries
    )
    prompt = one.made(4000).prompt
    sent = prompt.system + prompt.user
    return 1 - real.count(sent) / real.count(log), 1 - len(sent) / len(log)


def leaks() -> list[str]:
    """Secrets of all kinds, in messages and labels: those that a prompt or an answer shows."""
    rng = Random("secrets")
    window = corpus(0, lines=0, problems=0, days=1).window
    found = []
    for number, (name, (around, secret, _)) in enumerate(SECRETS.items()):
        told = around.format(secret)
        entries = [
            entry(rng, number, window.start, Severity.ERROR, f"login failed: {told}", symbol=told),
            entry(
                rng,
                number + 1000,
                window.start + 1,
                Severity.WARNING,
                json.dumps({"note": told, "n": number}),
            ),
            entry(
                rng,
                number + 2000,
                window.start + 2,
                Severity.ERROR,
                f"Traceback\nValueError: {told}",
                bot=told,
            ),
        ]
        one = made(digest(entries), window, 8000)
        said = [*spoken(verdict(one, good(one.prompt.messages))), *_told_again(one, told)]
        if any(secret in text or json.dumps(secret)[1:-1] in text for text in [one.prompt.user, *said]):
            found.append(name)
    return found


def _told_again(one: Made, told: str) -> list[str]:
    """What survives of an answer that knows the secret nevertheless."""
    of = verdict(one, obey_everything(one.prompt.messages, [told]))
    return [*spoken(of), *(finding.quote for finding in of.findings)]


def cpu_seconds(lines: int = 50_000) -> float:
    """From entries to a prompt, on one core; making the entries is not counted."""
    of = corpus(3, lines=lines, problems=60)
    begun = time.process_time()
    made(digest(of.entries), of.window)
    return time.process_time() - begun
