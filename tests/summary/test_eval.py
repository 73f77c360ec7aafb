"""The evaluation of summaries: every gate holds, and each of its judges can say no."""

import json

import msgspec
import pytest

from benchmarks import eval_summary
from benchmarks.auditor import Auditor
from benchmarks.eval_answers import attacks_without_withholding
from benchmarks.eval_prompts import Digested, needles, recall
from benchmarks.eval_summary import Gate, document, measured, missed
from benchmarks.incidents import SHAPES, corpus
from benchmarks.stub_models import good
from benchmarks.summaries import verdict
from shared.summary.document import Finding
from tests.summary.tokenizer.real import Tokenizer


@pytest.fixture(scope="module")
def gates(real: Tokenizer) -> list[Gate]:
    """Measured once."""
    return measured(real)


def test_every_gate_holds(gates: list[Gate]) -> None:
    """Recall, budgets, needles, leaks, honest findings, lies, attacks."""
    assert missed(gates) == []


def test_results_are_those_in_the_repository(gates: list[Gate]) -> None:
    """The table that is kept is of this code, or of one that does nearly the same: else run `make eval`."""
    assert json.loads(eval_summary.RESULTS.read_text()) == pytest.approx(document(gates), rel=0.02, abs=0.02)


def test_a_missed_gate_is_told() -> None:
    """Too little or too much is a row, and a row makes the run fail."""
    low, high, free = Gate("low", 0.97, least=0.98), Gate("high", 1, most=0), Gate("free", 7)

    assert missed([low, high, free, Gate("ok", 0.98, least=0.98)]) == [low.line(), high.line()]
    assert "MISSED" in low.line()


def test_corpora_are_what_they_say() -> None:
    """Each phrase stands in all lines of its problem and in no other; all sources, bots and levels."""
    day = corpus(41, problems=60)
    messages = [entry.message for entry in day.entries]

    assert len({problem.phrase for problem in day.problems}) == 60 >= len(SHAPES)
    assert {problem.often for problem in day.problems} >= {1, 250}
    assert {problem.severity.name for problem in day.problems} == {"WARNING", "ERROR", "CRITICAL"}
    assert len({entry.source for entry in day.entries}) == 3
    assert len({entry.labels["bot"] for entry in day.entries}) == 5
    assert len({entry.id for entry in day.entries}) == len(day.entries)
    for problem in day.problems:
        assert sum(problem.phrase in message for message in messages) == problem.often


def test_recall_falls_with_the_budget() -> None:
    """A prompt of nothing recalls nothing: the measure can fail."""
    days = [Digested(corpus(42, lines=2000, problems=60))]

    assert recall(days, 500) < 0.2 < recall(days, 4000)


def test_needles_are_found_in_one_full_run() -> None:
    """Also when the needle is read with all the other lines and not merged into them."""
    shown, planted = needles(3, lines=2000)
    day = corpus(43, lines=100_000, problems=1)
    (needle,) = day.problems

    assert (shown, planted) == (3, 3)
    assert needle.phrase in Digested(day).made(4000).prompt.user


def test_the_auditor_finds_what_is_wrong() -> None:
    """A finding that survived is right; with another id, quote or number it is not."""
    day = corpus(44, lines=500)
    digested = Digested(day).made(4000)
    auditor = Auditor(day.entries, digested)
    found: Finding = verdict(digested, good(digested.prompt.messages)).findings[0]
    changed = msgspec.structs.replace

    assert auditor.faults(found) == []
    assert auditor.faults(changed(found, citations=("gcs:none#1:1",)))[0] == "citation"
    assert auditor.faults(changed(found, quote=found.quote + "!")) == ["quote"]
    assert auditor.faults(changed(found, claim=found.claim + " 98765")) == ["number"]
    assert auditor.faults(changed(found, claim=found.claim + " eleven times")) in ([], ["number"])


def test_attacks_are_seen_when_nothing_is_withheld() -> None:
    """The obedient model does obey: its sentences come through where only verification stands in the way."""
    alone = attacks_without_withholding()

    assert alone.seen >= 30
    assert alone.escapes > 0
